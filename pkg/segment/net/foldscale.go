package net

// scaleInto multiplies an affine operation into the linear one before it.
func scaleInto(op Op, a *Affine) bool {
	switch op := op.(type) {
	case *Conv:
		c := op.Weight.Shape[0]
		op.Weight = scaled(op.Weight, a.Scale, func(i int) int { return i / (len(op.Weight.Data) / c) })
		op.Bias = shifted(op.Bias, a, c)
	case *ConvTranspose:
		s := op.Weight.Shape
		plane := s[2] * s[3]
		perGroup := s[0] / op.Groups
		op.Weight = scaled(op.Weight, a.Scale, func(i int) int {
			in, out := i/plane/s[1], i/plane%s[1]
			return in/perGroup*s[1] + out
		})
		op.Bias = shifted(op.Bias, a, s[1]*op.Groups)
	case *Affine:
		return composed(op, a)
	default:
		return false
	}
	return true
}

// scaled is w with element i multiplied by the scale of channel(i).
func scaled(w, scale *Tensor, channel func(int) int) *Tensor {
	if scale == nil {
		return w
	}
	out := &Tensor{Shape: w.Shape, Data: make([]float32, len(w.Data))}
	for i, v := range w.Data {
		out.Data[i] = float32(float64(v) * float64(scale.Data[channel(i)]))
	}
	return out
}

// shifted is the bias that a makes of an earlier bias over c channels.
func shifted(bias *Tensor, a *Affine, c int) *Tensor {
	if a.Bias == nil && (bias == nil || a.Scale == nil) {
		return bias
	}
	out := vector(c)
	for i := range c {
		out.Data[i] = float32(at(bias, i, 0)*at(a.Scale, i, 1) + at(a.Bias, i, 0))
	}
	return out
}

func at(t *Tensor, i int, otherwise float64) float64 {
	if t == nil {
		return otherwise
	}
	return float64(t.Data[i])
}

func composed(op, a *Affine) bool {
	var c int
	for _, t := range []*Tensor{op.Scale, op.Bias, a.Scale, a.Bias} {
		if t != nil {
			c = len(t.Data)
		}
	}
	scale := op.Scale
	if a.Scale != nil {
		scale = vector(c)
		for i := range c {
			scale.Data[i] = float32(at(op.Scale, i, 1) * at(a.Scale, i, 1))
		}
	}
	op.Scale, op.Bias = scale, shifted(op.Bias, a, c)
	return true
}
