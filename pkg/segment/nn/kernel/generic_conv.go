package kernel

import "unsafe"

// The kernels in portable Go. They define the order of every sum; the assembly follows them.

func convTileGeneric(step, blocks int, a *tileArgs) {
	for p := range a.pixels * a.repeat {
		for b := range int64(blocks) {
			acc := *lanes(a.bias, 4*Block*b)
			if a.ntaps > 0 {
				a.sum(&acc, unsafe.Add(a.src, 4*Block*int64(step)*p), 4*Block*b)
			}
			a.finish(&acc, p, b)
		}
	}
}

// sum adds every tap and channel to the sums of one pixel: source block by source block, tap by tap,
// channel by channel.
func (a *tileArgs) sum(acc *[Block]float32, src unsafe.Pointer, w int64) {
	taps := unsafe.Slice((*int64)(a.taps), a.ntaps)
	for b := int64(0); b <= a.whole; b++ {
		channels := int64(Block)
		if b == a.whole {
			channels = a.last
		}
		for _, tap := range taps {
			x := lanes(src, b*a.srcBlock+tap)
			for c := range channels {
				row := lanes(a.w, w)
				for l := range acc {
					acc[l] = fma(x[c], row[l], acc[l])
				}
				w += a.lanes
			}
		}
	}
}

// finish adds the residual, clamps and stores. The comparisons are those of VMAXPS and VMINPS: a NaN
// passes, and zero keeps its sign.
func (a *tileArgs) finish(acc *[Block]float32, p, block int64) {
	if a.add != nil {
		add := lanes(a.add, p*a.addPixel+block*a.addBlock)
		for l := range acc {
			acc[l] += add[l]
		}
	}
	for l, v := range acc {
		if a.lo > v {
			v = a.lo
		}
		if a.hi < v {
			v = a.hi
		}
		acc[l] = v
	}
	*lanes(a.dst, p*a.dstPixel+block*a.dstBlock) = *acc
}

func depthTileGeneric(step int, a *tileArgs) {
	taps := unsafe.Slice((*int64)(a.taps), a.ntaps)
	for p := range a.pixels * a.repeat {
		acc := *lanes(a.bias, 0)
		for i, tap := range taps {
			x, w := lanes(a.src, 4*Block*int64(step)*p+tap), lanes(a.w, int64(4*Block*i))
			for l := range acc {
				acc[l] = fma(x[l], w[l], acc[l])
			}
		}
		a.finish(&acc, p, 0)
	}
}
