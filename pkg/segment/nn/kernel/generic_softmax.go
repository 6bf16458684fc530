package kernel

import (
	"math"
	"unsafe"
)

func softmaxRowGeneric(a *softmaxArgs) {
	for x := range a.pixels {
		a.pixel(unsafe.Add(a.dst, 4*Block*x), unsafe.Add(a.src, 4*Block*x))
	}
}

func (a *softmaxArgs) pixel(dst, src unsafe.Pointer) {
	top := a.top(src)
	var sum [Block]float32
	for b := range a.blocks {
		to, v := lanes(dst, b*a.dstBlock), lanes(src, b*a.srcBlock)
		for l := range to {
			to[l] = only(a.keep(b, l), exp(v[l]-top))
		}
		addLanes(&sum, to)
	}
	scale := 1 / butterfly(&sum)
	for b := range a.blocks {
		to := lanes(dst, b*a.dstBlock)
		for l := range to {
			to[l] *= scale
		}
	}
}

// top is the greatest value of a pixel.
func (a *softmaxArgs) top(src unsafe.Pointer) float32 {
	top := float32(math.Inf(-1))
	for b := range a.blocks {
		for l, v := range lanes(src, b*a.srcBlock) {
			if a.keep(b, l) && v > top {
				top = v
			}
		}
	}
	return top
}

func (a *softmaxArgs) keep(block int64, lane int) bool {
	return block < a.blocks-1 || (*[Block]uint32)(a.mask)[lane] != 0
}

// butterfly sums 16 lanes as vectors do: halves first, then quarters, pairs and neighbours.
func butterfly(v *[Block]float32) float32 {
	s := *v
	for half := Block / 2; half > 0; half /= 2 {
		for l := range half {
			s[l] += s[l+half]
		}
	}
	return s[0]
}
