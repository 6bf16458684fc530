package kernel

import "unsafe"

// convGradGeneric sums over rows and pixels from zero, then adds the sums to acc, block by block.
func convGradGeneric(blocks int, a *gradArgs) {
	one := *a
	for b := range blocks {
		one.d, one.acc = unsafe.Add(a.d, a.dBlock*int64(b)), unsafe.Add(a.acc, gradBlock*b)
		convGradBlock(&one)
	}
}

// gradBlock is the bytes of the sums of one block of output with one block of source channels.
const gradBlock = 4 * Block * Block

func convGradBlock(a *gradArgs) {
	for c := range a.channels {
		var sum [Block]float32
		for y := range a.rows {
			src, d := unsafe.Add(a.src, y*a.srcRow+4*c), unsafe.Add(a.d, y*a.dRow)
			for x := range a.pixels {
				v, g := *(*float32)(unsafe.Add(src, x*a.srcPixel)), lanes(d, 4*Block*x)
				for l := range sum {
					sum[l] = fma(v, g[l], sum[l])
				}
			}
		}
		addLanes(lanes(a.acc, 4*Block*c), &sum)
	}
}

// depthGradGeneric sums each lane over rows and pixels; pixels alternate between four sums, which are
// joined pairwise.
func depthGradGeneric(a *gradArgs) {
	var sums [4][Block]float32
	for y := range a.rows {
		src, d := unsafe.Add(a.src, y*a.srcRow), unsafe.Add(a.d, y*a.dRow)
		for x := range a.pixels {
			sum := &sums[x%4]
			v, g := lanes(src, x*a.srcPixel), lanes(d, 4*Block*x)
			for l := range sum {
				sum[l] = fma(v[l], g[l], sum[l])
			}
		}
	}
	addLanes(&sums[0], &sums[1])
	addLanes(&sums[2], &sums[3])
	addLanes(&sums[0], &sums[2])
	addLanes(lanes(a.acc, 0), &sums[0])
}

func addLanes(dst, v *[Block]float32) {
	for l := range dst {
		dst[l] += v[l]
	}
}

func dotsRowGeneric(a *dotsArgs) {
	out := (*dots)(a.out)
	for x := range a.pixels {
		p, q := lanes(a.a, 4*Block*x), lanes(a.b, 4*Block*x)
		for l := range Block {
			out.sum[l] += float64(p[l])
			out.dot[l] += float64(p[l]) * float64(q[l])
		}
	}
}
