package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

func transposeShape(c *net.ConvTranspose) kernel.TransposeShape {
	w := c.Weight.Shape
	return kernel.TransposeShape{
		In: w[0], Out: w[1] * c.Groups, KH: w[2], KW: w[3],
		SH: c.Stride.Y, SW: c.Stride.X, DH: c.Dilation.Y, DW: c.Dilation.X,
		PadT: c.Pad.Top, PadL: c.Pad.Left, PadB: c.Pad.Bottom, PadR: c.Pad.Right,
		OutPadY: c.OutputPad.Y, OutPadX: c.OutputPad.X, Groups: c.Groups,
	}
}

// transposeBorder is how far the taps of an output pixel reach over the input's edge.
func transposeBorder(s kernel.TransposeShape) int {
	y, x := ((s.KH-1)*s.DH+s.OutPadY)/s.SH, ((s.KW-1)*s.DW+s.OutPadX)/s.SW
	return borderFor(y, x)
}

// trainTranspose is a transposed convolution whose weights are an input: x, weight, optional bias.
// It is the gradient by data of its dual convolution, and its own gradients are the dual's passes.
type trainTranspose struct {
	shape    kernel.TransposeShape
	filter   *kernel.TransposeFilter
	weight   tensor.Shape
	wantData bool
}

func newTrainTranspose(c *net.ConvTranspose, wantData bool) *trainTranspose {
	s := transposeShape(c)
	return &trainTranspose{s, kernel.PackTranspose(s, c.Weight.Data), tensor.Shape(c.Weight.Shape).Clone(), wantData}
}

func (t *trainTranspose) String() string { return fmt.Sprintf("transposed convolution %+v", t.shape) }

func (t *trainTranspose) border(i int) int {
	if i > 0 {
		return 0
	}
	return transposeBorder(t.shape)
}

func (t *trainTranspose) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *trainTranspose) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Repack(floats(in[1]))
	var e kernel.Epilogue
	if len(in) > 2 {
		e.Bias = floats(in[2])
	}
	t.filter.Forward(out.(*act).view, in[0].(*act).view, e, g.work())
	return nil
}

func (t *trainTranspose) wrt(inputs int) []bool { return []bool{t.wantData, true, true}[:inputs] }

func (t *trainTranspose) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	out := make(gorgonia.Nodes, len(in))
	var err error
	dw := &transposeWeightGrad{kernel.NewGradient(t.shape.Dual())}
	if out[1], err = g.applyFlat(dw, t.weight, in[0], grad); err != nil {
		return nil, err
	}
	if len(in) > 2 {
		db := &channelSum{sum: make([]float64, t.shape.Out), dot: make([]float64, t.shape.Out)}
		if out[2], err = g.applyFlat(db, tensor.Shape{t.shape.Out}, grad); err != nil {
			return nil, err
		}
	}
	if !t.wantData {
		return out, nil
	}
	x, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	out[0], err = g.apply(newTransposeDataGrad(t.shape), x.dims, in[1], grad, out[1])
	return out, err
}

// transposeWeightGrad is the gradient by weight; its inputs are x and dL/dy, which trade places in
// the dual.
type transposeWeightGrad struct{ gradient *kernel.Gradient }

func (t *transposeWeightGrad) String() string {
	return fmt.Sprintf("weight gradient of transposed convolution, dual %+v", t.gradient.Shape)
}

func (t *transposeWeightGrad) border(i int) int {
	if i != 1 {
		return 0
	}
	return forwardBorder(t.gradient.Shape)
}

func (t *transposeWeightGrad) scratch(g *graph, _ gorgonia.Value, in []gorgonia.Value) int {
	return t.gradient.Scratch(in[1].(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *transposeWeightGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.gradient.Backward(floats(out), nil, in[1].(*act).view, in[0].(*act).view, g.work())
	return nil
}

// transposeDataGrad is the gradient by x: the dual convolution of dL/dy. Its inputs are weight,
// dL/dy and, for the order, the weight's gradient.
type transposeDataGrad struct{ filter *kernel.Filter }

// newTransposeDataGrad packs zeros: every run packs the weights of the day.
func newTransposeDataGrad(s kernel.TransposeShape) *transposeDataGrad {
	return &transposeDataGrad{kernel.PackTransposeBackward(s, make([]float32, s.Dual().Weights()))}
}

func (t *transposeDataGrad) String() string {
	return fmt.Sprintf("data gradient of transposed convolution, dual %+v", t.filter.Shape)
}

func (t *transposeDataGrad) border(i int) int {
	if i != 1 {
		return 0
	}
	return forwardBorder(t.filter.Shape)
}

func (t *transposeDataGrad) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[1].(*act).view, g.team.Threads())
}

func (t *transposeDataGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Repack(floats(in[0]))
	t.filter.Forward(out.(*act).view, in[1].(*act).view, kernel.Epilogue{}, g.work())
	return nil
}

// channelSum is the gradient of a bias: dL/dy summed over images, rows and columns.
type channelSum struct{ sum, dot []float64 }

func (t *channelSum) String() string { return fmt.Sprintf("sum over %d channels", len(t.sum)) }

func (t *channelSum) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.ChannelSums(in[0].(*act).view, t.sum, t.dot, g.team)
	for c, s := range t.sum {
		floats(out)[c] = float32(s)
	}
	return nil
}
