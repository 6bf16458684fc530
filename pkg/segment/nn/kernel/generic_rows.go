package kernel

import "unsafe"

// at views n floats.
func floatsAt(p unsafe.Pointer, n int64) []float32 { return unsafe.Slice((*float32)(p), n) }

func (a *rowArgs) slices() (dst, x []float32) {
	n := a.pixels * Block
	return floatsAt(a.dst, n), floatsAt(a.a, n)
}

func (a *rowArgs) keep(lane int) bool { return (*[Block]uint32)(a.mask)[lane] != 0 }

func plainRowGeneric(op rowOp, a *rowArgs) {
	dst, x := a.slices()
	y := x
	if a.b != nil {
		y = floatsAt(a.b, a.pixels*Block)
	}
	switch op {
	case opAdd:
		for i := range dst {
			dst[i] = x[i] + y[i]
		}
	case opSub:
		for i := range dst {
			dst[i] = x[i] - y[i]
		}
	case opMul:
		for i := range dst {
			dst[i] = x[i] * y[i]
		}
	case opScaleShift:
		scale, shift := lanes(a.p, 0), lanes(a.q, 0)
		for i := range dst {
			dst[i] = fma(x[i], scale[i%Block], shift[i%Block])
		}
	case opCombine:
		ka, kb, kc := lanes(a.p, 0), lanes(a.q, 0), lanes(a.r, 0)
		for i := range dst {
			dst[i] = fma(x[i], ka[i%Block], fma(y[i], kb[i%Block], kc[i%Block]))
		}
	}
}

func actRowGeneric(a *rowArgs, act Act) {
	dst, x := a.slices()
	for i, v := range x {
		if a.keep(i % Block) {
			dst[i] = activate(v, act)
		} else {
			dst[i] = 0
		}
	}
}

// activate is one element of an activation. maximum and minimum are VMAXPS and VMINPS.
func activate(x float32, act Act) float32 {
	switch act.Kind {
	case actReLU:
		return maximum(0, x)
	case actLeakyReLU:
		if x < 0 {
			return float32(x * act.Alpha)
		}
		return x
	case actClip:
		return minimum(act.Beta, maximum(act.Alpha, x))
	case actHardSigmoid:
		return minimum(1, maximum(0, fma(x, act.Alpha, act.Beta)))
	case actHardSwish:
		return float32(x * minimum(1, maximum(0, fma(x, 1.0/6, 0.5))))
	case actSigmoid:
		return 1 / float32(1+exp(-x))
	}
	return x
}

func maximum(bound, x float32) float32 {
	if bound > x {
		return bound
	}
	return x
}

func minimum(bound, x float32) float32 {
	if bound < x {
		return bound
	}
	return x
}

func actBackRowGeneric(a *rowArgs, act Act) {
	dst, d := a.slices()
	y := floatsAt(a.b, a.pixels*Block)
	for i, v := range d {
		dst[i] = activateBack(v, y[i], act)
	}
}

// activateBack is the gradient by the input, given the gradient by the output and the output (for
// HardSwish the input). At a kink it takes the flat side.
func activateBack(d, y float32, act Act) float32 {
	switch act.Kind {
	case actReLU:
		return only(y > 0, d)
	case actLeakyReLU:
		if y < 0 {
			return float32(d * act.Alpha)
		}
		return d
	case actClip:
		return only(y > act.Alpha && y < act.Beta, d)
	case actHardSigmoid:
		return only(y > 0 && y < 1, float32(d*act.Alpha))
	case actHardSwish:
		if y < -3 {
			return 0
		}
		if y > 3 {
			return d
		}
		return float32(d * fma(y, 1.0/3, 0.5))
	case actSigmoid:
		return float32(d * float32(y*float32(1-y)))
	}
	return d
}

func only(keep bool, v float32) float32 {
	if keep {
		return v
	}
	return 0
}
