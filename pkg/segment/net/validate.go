package net

import "math"

// The largest sizes that a network may have. They keep every product of four of them inside int64,
// so that the arithmetic on sizes below needs no further checks.
const (
	maxNodes    = 1 << 16
	maxChannels = 1 << 16
	maxSide     = 1 << 22
	maxKernel   = 1 << 12 // kernel sides, strides, dilations and pads
	maxElements = 1 << 32 // of one activation
)

// Validate checks the structure: order, arity, tensor sizes, strides. Whether channels and sizes fit
// each other is for Shapes, which needs the size of the input.
func (n *Net) Validate() error {
	if len(n.Nodes) == 0 || len(n.Nodes) > maxNodes {
		return &NodeError{Reason: "a network has 1 to 65536 nodes"}
	}
	for i := range n.Nodes {
		if err := n.at(i, n.validateNode(i)); err != nil {
			return err
		}
	}
	if len(n.Outputs) == 0 {
		return n.at(0, fault("name at least one output", "the network has no output"))
	}
	for _, o := range n.Outputs {
		if o < 0 || o >= len(n.Nodes) {
			return n.at(0, fault("", "output %d is not one of the %d nodes", o, len(n.Nodes)))
		}
	}
	return nil
}

func (n *Net) validateNode(i int) *NodeError {
	node := &n.Nodes[i]
	if _, isInput := node.Op.(*Input); isInput != (i == 0) {
		return fault("", "node 0, and only node 0, is the Input")
	}
	for _, j := range node.In {
		if j < 0 || j >= i {
			return fault("sort the nodes topologically", "reads node %d, which is not earlier", j)
		}
	}
	if e := checkArity(node); e != nil {
		return e
	}
	return checkOp(node.Op)
}

func checkArity(node *Node) *NodeError {
	want := 1
	switch node.Op.(type) {
	case nil:
		return fault("", "has no operation")
	case *Input:
		want = 0
	case *Binary:
		want = 2
	case *Concat:
		if len(node.In) == 0 {
			return fault("", "joins nothing")
		}
		return nil
	}
	if len(node.In) != want {
		return fault("", "reads %d values, not %d", len(node.In), want)
	}
	return nil
}

func checkOp(op Op) *NodeError {
	switch op := op.(type) {
	case *Input:
		return within("channels", op.Channels, 1, maxChannels)
	case *Conv:
		return checkConv(op)
	case *ConvTranspose:
		return checkConvTranspose(op)
	case *BatchNorm:
		return checkBatchNorm(op)
	case *Affine:
		return firstFault(checkVector("scale", op.Scale, -1), checkVector("bias", op.Bias, -1), checkAct(op.Act))
	case *Activation:
		return checkAct(op.Act)
	case *Pool:
		return firstFault(within("kind", int(op.Kind), 0, int(AvgPool)), window(op.Kernel, op.Stride, op.Dilation, op.Pad), padBelowKernel(op))
	case *Resize:
		return checkResize(op)
	case *Binary:
		return firstFault(within("kind", int(op.Kind), 0, int(Div)), checkAct(op.Act))
	case *Pad:
		return checkPadding(op.Pad, maxSide)
	case *Slice:
		return nil
	case *GlobalAvgPool, *Concat, *Softmax:
		return nil
	}
	return fault("", "is of an unknown type")
}

func firstFault(faults ...*NodeError) *NodeError {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

func within(what string, v, lo, hi int) *NodeError {
	if v < lo || v > hi {
		return fault("", "%s %d is not in %d…%d", what, v, lo, hi)
	}
	return nil
}

func checkPadding(p Padding, hi int) *NodeError {
	return firstFault(within("top pad", p.Top, 0, hi), within("left pad", p.Left, 0, hi),
		within("bottom pad", p.Bottom, 0, hi), within("right pad", p.Right, 0, hi))
}

// window checks what convolutions and pools have in common.
func window(kernel, stride, dilation Pair, pad Padding) *NodeError {
	for _, p := range []struct {
		what string
		Pair
	}{{"kernel", kernel}, {"stride", stride}, {"dilation", dilation}} {
		if e := firstFault(within(p.what+" height", p.Y, 1, maxKernel), within(p.what+" width", p.X, 1, maxKernel)); e != nil {
			return e
		}
	}
	return checkPadding(pad, maxKernel)
}

// padBelowKernel refuses windows that may lie in the padding alone: they have no maximum and no mean.
func padBelowKernel(op *Pool) *NodeError {
	ky, kx := (op.Kernel.Y-1)*op.Dilation.Y+1, (op.Kernel.X-1)*op.Dilation.X+1
	if op.Pad.Top >= ky || op.Pad.Bottom >= ky || op.Pad.Left >= kx || op.Pad.Right >= kx {
		return fault("a pool's pad must be smaller than its kernel", "pads %+v of a %d×%d window", op.Pad, ky, kx)
	}
	return nil
}

// checkTensor verifies rank and sizes against the data, without overflow.
func checkTensor(what string, t *Tensor, rank int) *NodeError {
	if t == nil {
		return fault("", "has no %s", what)
	}
	if len(t.Shape) != rank {
		return fault("", "%s has rank %d, not %d", what, len(t.Shape), rank)
	}
	size := 1
	for _, d := range t.Shape {
		if d < 1 || d > maxSide || size > len(t.Data)/d {
			return fault("", "%s of shape %v does not fit its %d values", what, t.Shape, len(t.Data))
		}
		size *= d
	}
	if size != len(t.Data) {
		return fault("", "%s of shape %v has %d values", what, t.Shape, len(t.Data))
	}
	return nil
}

// checkVector verifies an optional vector; size −1 is any.
func checkVector(what string, t *Tensor, size int) *NodeError {
	if t == nil {
		return nil
	}
	if e := checkTensor(what, t, 1); e != nil {
		return e
	}
	if size >= 0 && t.Shape[0] != size {
		return fault("", "%s has %d values, not %d", what, t.Shape[0], size)
	}
	return nil
}

func checkConv(op *Conv) *NodeError {
	if e := checkTensor("weight", op.Weight, 4); e != nil {
		return e
	}
	s := op.Weight.Shape
	return firstFault(
		window(Pair{s[2], s[3]}, op.Stride, op.Dilation, op.Pad), checkGroups(op.Groups, s[0]),
		within("output channels", s[0], 1, maxChannels), checkVector("bias", op.Bias, s[0]), checkAct(op.Act))
}

func checkConvTranspose(op *ConvTranspose) *NodeError {
	if e := checkTensor("weight", op.Weight, 4); e != nil {
		return e
	}
	s := op.Weight.Shape
	e := firstFault(
		window(Pair{s[2], s[3]}, op.Stride, op.Dilation, op.Pad), checkGroups(op.Groups, s[0]),
		within("output channels per group", s[1], 1, maxChannels/op.Groups),
		within("output pad height", op.OutputPad.Y, 0, max(op.Stride.Y, op.Dilation.Y)-1),
		within("output pad width", op.OutputPad.X, 0, max(op.Stride.X, op.Dilation.X)-1))
	return firstFault(e, checkVector("bias", op.Bias, s[1]*op.Groups), checkAct(op.Act))
}

func checkGroups(groups, channels int) *NodeError {
	if groups < 1 || channels%groups != 0 {
		return fault("", "%d channels do not divide into %d groups", channels, groups)
	}
	return nil
}

func checkBatchNorm(op *BatchNorm) *NodeError {
	if e := checkTensor("scale", op.Scale, 1); e != nil {
		return e
	}
	c := op.Scale.Shape[0]
	for what, t := range map[string]*Tensor{"bias": op.Bias, "mean": op.Mean, "variance": op.Var} {
		if t == nil {
			return fault("", "has no %s", what)
		}
		if e := checkVector(what, t, c); e != nil {
			return e
		}
	}
	if !(op.Epsilon >= 0) || math.IsInf(float64(op.Epsilon), 0) {
		return fault("", "epsilon is %v", op.Epsilon)
	}
	return nil
}

func checkAct(a Act) *NodeError {
	if a.Kind > Sigmoid {
		return fault("", "unknown activation %d", a.Kind)
	}
	if a.Alpha != a.Alpha || a.Beta != a.Beta {
		return fault("", "%v with a parameter that is not a number", a.Kind)
	}
	return nil
}

func checkResize(op *Resize) *NodeError {
	e := firstFault(within("mode", int(op.Mode), 0, int(Linear)), within("coordinate mode", int(op.Coord), 0, int(Asymmetric)),
		within("rounding", int(op.Round), 0, int(Ceil)))
	if e != nil {
		return e
	}
	if op.Size != (Pair{}) {
		return firstFault(within("height", op.Size.Y, 1, maxSide), within("width", op.Size.X, 1, maxSide))
	}
	for _, s := range []float64{op.ScaleY, op.ScaleX} {
		if !(s > 0) || s > maxKernel {
			return fault("", "scale %v is not in (0, %d]", s, maxKernel)
		}
	}
	return nil
}
