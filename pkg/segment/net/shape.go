package net

// Shapes computes the shape of every node for an input of this shape.
func (n *Net) Shapes(in Shape) ([]Shape, error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	shapes := make([]Shape, len(n.Nodes))
	for i := range n.Nodes {
		node := &n.Nodes[i]
		args := make([]Shape, len(node.In))
		for k, j := range node.In {
			args[k] = shapes[j]
		}
		s, e := shapeOf(node.Op, args, in)
		if e = firstFault(e, checkShape(s)); e != nil {
			return nil, n.at(i, e)
		}
		shapes[i] = s
	}
	return shapes, nil
}

func checkShape(s Shape) *NodeError {
	if s.C < 1 || s.H < 1 || s.W < 1 {
		return fault("use a larger input", "its result is empty: %d×%d×%d", s.C, s.H, s.W)
	}
	if s.C > maxChannels || s.H > maxSide || s.W > maxSide || s.C*s.H > maxElements/s.W {
		return fault("use a smaller input", "its result is too large: %d×%d×%d", s.C, s.H, s.W)
	}
	return nil
}

func shapeOf(op Op, in []Shape, input Shape) (Shape, *NodeError) {
	switch op := op.(type) {
	case *Input:
		if input.C != op.Channels {
			return Shape{}, fault("give the model the channels it was trained on", "the input has %d channels, the model takes %d", input.C, op.Channels)
		}
		return input, nil
	case *Conv:
		return convShape(op, in[0])
	case *ConvTranspose:
		return convTransposeShape(op, in[0])
	case *BatchNorm:
		return in[0], perChannel("scale", op.Scale, in[0])
	case *Affine:
		return in[0], firstFault(perChannel("scale", op.Scale, in[0]), perChannel("bias", op.Bias, in[0]))
	case *Pool:
		return poolShape(op, in[0]), nil
	case *GlobalAvgPool:
		return Shape{in[0].C, 1, 1}, nil
	case *Resize:
		return resizeShape(op, in[0]), nil
	case *Concat:
		return concatShape(in)
	case *Binary:
		return binaryShape(in[0], in[1])
	case *Pad:
		return Shape{in[0].C, in[0].H + op.Pad.Top + op.Pad.Bottom, in[0].W + op.Pad.Left + op.Pad.Right}, nil
	case *Slice:
		return sliceShape(op, in[0])
	}
	return in[0], nil // activation, softmax
}

func perChannel(what string, t *Tensor, s Shape) *NodeError {
	if t != nil && t.Shape[0] != s.C {
		return fault("", "%s for %d channels, its input has %d", what, t.Shape[0], s.C)
	}
	return nil
}

func convShape(op *Conv, in Shape) (Shape, *NodeError) {
	w := op.Weight.Shape
	if in.C != w[1]*op.Groups {
		return Shape{}, fault("", "weight for %d channels (%d groups of %d), its input has %d", w[1]*op.Groups, op.Groups, w[1], in.C)
	}
	return Shape{
		C: w[0],
		H: windows(in.H+op.Pad.Top+op.Pad.Bottom, w[2], op.Stride.Y, op.Dilation.Y),
		W: windows(in.W+op.Pad.Left+op.Pad.Right, w[3], op.Stride.X, op.Dilation.X),
	}, nil
}

// windows counts the positions of a window inside size pixels.
func windows(size, kernel, stride, dilation int) int {
	room := size - (kernel-1)*dilation - 1
	if room < 0 {
		return 0
	}
	return room/stride + 1
}

func convTransposeShape(op *ConvTranspose, in Shape) (Shape, *NodeError) {
	w := op.Weight.Shape
	if in.C != w[0] {
		return Shape{}, fault("", "weight for %d channels, its input has %d", w[0], in.C)
	}
	return Shape{
		C: w[1] * op.Groups,
		H: (in.H-1)*op.Stride.Y + (w[2]-1)*op.Dilation.Y + 1 + op.OutputPad.Y - op.Pad.Top - op.Pad.Bottom,
		W: (in.W-1)*op.Stride.X + (w[3]-1)*op.Dilation.X + 1 + op.OutputPad.X - op.Pad.Left - op.Pad.Right,
	}, nil
}

func poolShape(op *Pool, in Shape) Shape {
	return Shape{
		C: in.C,
		H: poolWindows(in.H, op.Pad.Top, op.Pad.Bottom, op.Kernel.Y, op.Stride.Y, op.Dilation.Y, op.Ceil),
		W: poolWindows(in.W, op.Pad.Left, op.Pad.Right, op.Kernel.X, op.Stride.X, op.Dilation.X, op.Ceil),
	}
}

// poolWindows counts the windows along one axis. Rounded up, the last one may hang over the end, but
// it must begin inside the image or the leading pad, as in ONNX Runtime and PyTorch.
func poolWindows(in, before, after, kernel, stride, dilation int, ceil bool) int {
	n := windows(in+before+after, kernel, stride, dilation)
	if !ceil {
		return n
	}
	room := in + before + after - (kernel-1)*dilation - 1
	if room < 0 {
		return 0
	}
	n = (room+stride-1)/stride + 1
	if (n-1)*stride >= in+before {
		n--
	}
	return n
}

func resizeShape(op *Resize, in Shape) Shape {
	if op.Size != (Pair{}) {
		return Shape{in.C, op.Size.Y, op.Size.X}
	}
	// float32, as in ONNX Runtime: 1.3 · 10 is 13.
	return Shape{in.C, int(float32(in.H) * float32(op.ScaleY)), int(float32(in.W) * float32(op.ScaleX))}
}

func concatShape(in []Shape) (Shape, *NodeError) {
	out := in[0]
	for k, s := range in[1:] {
		if s.H != out.H || s.W != out.W {
			return Shape{}, fault("make height and width multiples of the network's stride", "joins %d×%d with %d×%d (value %d)", out.H, out.W, s.H, s.W, k+1)
		}
		if out.C += s.C; out.C > maxChannels {
			return Shape{}, fault("", "joins more than %d channels", maxChannels)
		}
	}
	return out, nil
}

func binaryShape(a, b Shape) (Shape, *NodeError) {
	one := func(s, of Shape) bool { return s.H == 1 && s.W == 1 && s.C == of.C }
	switch {
	case a == b || one(b, a):
		return a, nil
	case one(a, b):
		return b, nil
	}
	return Shape{}, fault("make height and width multiples of the network's stride", "combines %v with %v", a, b)
}

func sliceShape(op *Slice, in Shape) (Shape, *NodeError) {
	c, e1 := extent("channels", op.C0, op.C1, in.C)
	h, e2 := extent("rows", op.Y0, op.Y1, in.H)
	w, e3 := extent("columns", op.X0, op.X1, in.W)
	return Shape{c, h, w}, firstFault(e1, e2, e3)
}

// extent is the length of [lo, hi) in size elements; see Slice for the meaning of hi.
func extent(what string, lo, hi, size int) (int, *NodeError) {
	end := sliceEnd(hi, size)
	if lo < 0 || end > size || lo >= end {
		return 0, fault("use a larger input", "keeps %s %d:%d of %d", what, lo, hi, size)
	}
	return end - lo, nil
}

// sliceEnd resolves an end as stored into an index.
func sliceEnd(hi, size int) int {
	if hi <= 0 {
		return size + hi
	}
	return hi
}

// Box resolves the slice for an input of this shape to half-open ranges.
func (op *Slice) Box(in Shape) (c, y, x [2]int) {
	return [2]int{op.C0, sliceEnd(op.C1, in.C)}, [2]int{op.Y0, sliceEnd(op.Y1, in.H)}, [2]int{op.X0, sliceEnd(op.X1, in.W)}
}

// ShapeOf checks one operation and computes the shape of its result from the shapes that it reads.
func ShapeOf(op Op, in []Shape) (Shape, error) {
	node := &Node{Op: op, In: make([]int, len(in))}
	if e := firstFault(checkArity(node), checkOp(op)); e != nil {
		return Shape{}, e
	}
	var input Shape
	if image, ok := op.(*Input); ok {
		input.C = image.Channels
	}
	s, e := shapeOf(op, in, input)
	if e = firstFault(e, checkShape(s)); e != nil {
		return Shape{}, e
	}
	return s, nil
}
