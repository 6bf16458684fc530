package kernel

import "unsafe"

func (a *resizeArgs) offsets() (lo, hi []int64, frac []float32) {
	return unsafe.Slice((*int64)(a.lo), a.pixels), unsafe.Slice((*int64)(a.hi), a.pixels), floatsAt(a.frac, a.pixels)
}

func gatherRowGeneric(a *resizeArgs) {
	lo, _, _ := a.offsets()
	for x, at := range lo {
		*lanes(a.dst, 4*Block*int64(x)) = *lanes(a.r0, at)
	}
}

func lerpRowGeneric(a *resizeArgs) {
	lo, hi, frac := a.offsets()
	for x, w := range frac {
		p0, p1 := lanes(a.r0, lo[x]), lanes(a.r0, hi[x])
		q0, q1 := lanes(a.r1, lo[x]), lanes(a.r1, hi[x])
		dst := lanes(a.dst, 4*Block*int64(x))
		for l := range dst {
			p := fma(p1[l]-p0[l], w, p0[l])
			q := fma(q1[l]-q0[l], w, q0[l])
			dst[l] = fma(q-p, a.wy, p)
		}
	}
}

// scatterRowGeneric adds weighted gradients to the pixels at lo of row r0.
func scatterRowGeneric(a *resizeArgs) {
	lo, _, weight := a.offsets()
	for x, at := range lo {
		w := float32(weight[x] * a.wy)
		d, to := lanes(a.dst, 4*Block*int64(x)), lanes(a.r0, at)
		for l := range to {
			to[l] = fma(d[l], w, to[l])
		}
	}
}
