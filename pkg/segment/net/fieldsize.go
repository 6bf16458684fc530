package net

// measure computes how far a node's size exceeds that of the input divided by the stride. For inputs
// that are multiples of the total stride it is a constant.
func (t *tracer) measure(i int) *NodeError {
	node := &t.net.Nodes[i]
	if i == 0 {
		return nil
	}
	c := t.excess[node.In[0]]
	for _, j := range node.In[1:] {
		if t.excess[j] != c {
			return fault("", "combines sizes that differ by %d for every input", t.excess[j]-c)
		}
	}
	t.excess[i] = t.excessAfter(node.Op, c)
	return nil
}

func (t *tracer) excessAfter(op Op, c int64) int64 {
	switch op := op.(type) {
	case *Conv:
		room := c + t.both(op.Pad) - t.extent(Pair{op.Weight.Shape[2], op.Weight.Shape[3]}, op.Dilation)
		return floorDiv(room, int64(t.of(op.Stride))) + 1
	case *Pool:
		return t.poolExcess(op, c)
	case *ConvTranspose:
		kernel := Pair{op.Weight.Shape[2], op.Weight.Shape[3]}
		return (c-1)*int64(t.of(op.Stride)) + t.extent(kernel, op.Dilation) + int64(t.of(op.OutputPad)) - t.both(op.Pad)
	case *Resize:
		scale, _ := t.resizeScale(op)
		return floorDiv(c*scale.Num, scale.Den)
	case *Pad:
		return c + t.both(op.Pad)
	case *Slice:
		return c - int64(t.of(Pair{op.Y0, op.X0})) + int64(t.of(Pair{op.Y1, op.X1}))
	}
	return c
}

func (t *tracer) poolExcess(op *Pool, c int64) int64 {
	room, step := c+t.both(op.Pad)-t.extent(op.Kernel, op.Dilation), int64(t.of(op.Stride))
	if !op.Ceil {
		return floorDiv(room, step) + 1
	}
	n := -floorDiv(-room, step) + 1
	if (n-1)*step >= c+int64(t.leading(op.Pad)) {
		n--
	}
	return n
}

func (t *tracer) both(p Padding) int64 { return int64(t.of(Pair{p.Top + p.Bottom, p.Left + p.Right})) }

func (t *tracer) extent(kernel, dilation Pair) int64 {
	return int64((t.of(kernel)-1)*t.of(dilation) + 1)
}

// domain widens the reach until a span of a node lies inside the node's plane. Only operations that
// cut need it: beyond a cut lie positions whose own input pixels are inside the image.
func (t *tracer) domain(i int, s span, output int, phase int64) {
	switch t.net.Nodes[i].Op.(type) {
	case *Slice, *ConvTranspose:
		r := t.stride[i]
		first := floorDiv(s.lo*r.Num, r.Den)
		end := -floorDiv(-(s.hi+1-t.excess[i])*r.Num, r.Den)
		t.widen(span{first, end - 1}, output, phase)
	}
}
