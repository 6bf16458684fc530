package net

// back is the interval of its input that an interval of an operation's output depends on. Every
// branch is monotone in both ends, so the hull of a set maps to the hull of what the set needs.
func (t *tracer) back(op Op, s span) span {
	switch op := op.(type) {
	case *Conv:
		kernel := Pair{op.Weight.Shape[2], op.Weight.Shape[3]}
		return t.window(s, kernel, op.Stride, op.Dilation, op.Pad)
	case *Pool:
		return t.window(s, op.Kernel, op.Stride, op.Dilation, op.Pad)
	case *ConvTranspose:
		return span{t.transposed(op, s.lo).lo, t.transposed(op, s.hi).hi}
	case *Resize:
		scale, _ := t.resizeScale(op)
		return span{op.reach(s.lo, scale).lo, op.reach(s.hi, scale).hi}
	case *Pad:
		p := int64(t.leading(op.Pad))
		return span{s.lo - p, s.hi - p}
	case *Slice:
		first := int64(t.of(Pair{op.Y0, op.X0}))
		return span{s.lo + first, s.hi + first}
	}
	return s
}

func (t *tracer) leading(p Padding) int { return t.of(Pair{p.Top, p.Left}) }

func (t *tracer) window(s span, kernel, stride, dilation Pair, pad Padding) span {
	step, p := int64(t.of(stride)), int64(t.leading(pad))
	return span{s.lo*step - p, s.hi*step - p + int64((t.of(kernel)-1)*t.of(dilation))}
}

// transposed is what one output pixel of a transposed convolution gathers. A pixel in a gap of the
// kernel gathers nothing; it takes the pixels on both sides of it, for it is absent where they are.
func (t *tracer) transposed(op *ConvTranspose, o int64) span {
	kernel := Pair{op.Weight.Shape[2], op.Weight.Shape[3]}
	step, p := int64(t.of(op.Stride)), int64(t.leading(op.Pad))
	hi := floorDiv(o+p, step)
	lo := -floorDiv(-(o + p - int64((t.of(kernel)-1)*t.of(op.Dilation))), step)
	return span{min(lo, hi), max(lo, hi)}
}

// reach is what one output pixel of a resize by an exact fraction takes, on an unbounded plane.
func (op *Resize) reach(o int64, scale Ratio) span {
	num, den := o*scale.Den, scale.Num
	if op.Coord != Asymmetric && op.Coord != AlignCorners {
		num, den = (2*o+1)*scale.Den-scale.Num, 2*scale.Num
	}
	if op.Mode == Nearest {
		i := roundRatio(num, den, op.Round)
		return span{i, i}
	}
	return span{floorDiv(num, den), -floorDiv(-num, den)}
}
