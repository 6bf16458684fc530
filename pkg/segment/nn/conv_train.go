package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// widestBorder is the widest border that activations carry for their readers' padding; a wider pad
// goes through the kernels' scratch.
const widestBorder = 4

func borderFor(pads ...int) int {
	b := 0
	for _, p := range pads {
		b = max(b, p)
	}
	if b > widestBorder {
		return 0
	}
	return b
}

func convShape(c *net.Conv) kernel.ConvShape {
	w := c.Weight.Shape
	return kernel.ConvShape{
		In: w[1] * c.Groups, Out: w[0], KH: w[2], KW: w[3],
		SH: c.Stride.Y, SW: c.Stride.X, DH: c.Dilation.Y, DW: c.Dilation.X,
		PadT: c.Pad.Top, PadL: c.Pad.Left, PadB: c.Pad.Bottom, PadR: c.Pad.Right, Groups: c.Groups,
	}
}

func forwardBorder(s kernel.ConvShape) int { return borderFor(s.PadT, s.PadL, s.PadB, s.PadR) }

// backwardBorder is what the gradient of the output needs around it for the gradient of the input.
func backwardBorder(s kernel.ConvShape) int {
	y, x := (s.KH-1)*s.DH, (s.KW-1)*s.DW
	return borderFor(y-s.PadT, y-s.PadB, x-s.PadL, x-s.PadR)
}

// trainConv is a convolution whose weights are an input: x, weight and an optional bias. They are
// packed anew at every run, because the solver has moved them.
type trainConv struct {
	shape    kernel.ConvShape
	filter   *kernel.Filter
	weight   tensor.Shape
	wantData bool // the gradient by x is wanted
}

func newTrainConv(c *net.Conv, tile int, wantData bool) *trainConv {
	s := convShape(c).Fast(tile)
	return &trainConv{s, kernel.Pack(s, c.Weight.Data), tensor.Shape(c.Weight.Shape).Clone(), wantData}
}

func (t *trainConv) String() string { return fmt.Sprintf("convolution %+v", t.shape) }

func (t *trainConv) border(i int) int {
	if i > 0 {
		return 0
	}
	return forwardBorder(t.shape)
}

func (t *trainConv) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *trainConv) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Repack(floats(in[1]))
	var e kernel.Epilogue
	if len(in) > 2 {
		e.Bias = floats(in[2])
	}
	t.filter.Forward(out.(*act).view, in[0].(*act).view, e, g.work())
	return nil
}

func (t *trainConv) wrt(inputs int) []bool { return []bool{t.wantData, true, true}[:inputs] }

// grads: the weight's gradient comes first, so that the gradient of the output can be overwritten
// or forgotten as soon as the input's is done.
func (t *trainConv) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dw := &convWeightGrad{gradient: kernel.NewGradient(t.shape)}
	if len(in) > 2 {
		dw.bias = make([]float32, t.shape.Out)
	}
	out := make(gorgonia.Nodes, len(in))
	var err error
	if out[1], err = g.applyFlat(dw, t.weight, in[0], grad); err != nil {
		return nil, err
	}
	if len(in) > 2 {
		over := &handOver{"bias of " + t.String(), dw.bias}
		if out[2], err = g.applyFlat(over, tensor.Shape{t.shape.Out}, out[1]); err != nil {
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
	out[0], err = g.apply(newConvDataGrad(t.shape), x.dims, in[1], grad, out[1])
	return out, err
}

// convWeightGrad is the gradient by weight and bias; its inputs are x and dL/dy.
type convWeightGrad struct {
	gradient *kernel.Gradient
	bias     []float32 // or nil
}

func (t *convWeightGrad) String() string {
	return fmt.Sprintf("weight gradient of convolution %+v", t.gradient.Shape)
}

func (t *convWeightGrad) border(i int) int {
	if i > 0 {
		return 0
	}
	return forwardBorder(t.gradient.Shape)
}

func (t *convWeightGrad) scratch(g *graph, _ gorgonia.Value, in []gorgonia.Value) int {
	return t.gradient.Scratch(in[0].(*act).view, in[1].(*act).view, g.team.Threads())
}

func (t *convWeightGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.gradient.Backward(floats(out), t.bias, in[0].(*act).view, in[1].(*act).view, g.work())
	return nil
}

// convDataGrad is the gradient by x; its inputs are weight, dL/dy and, for the order, the weight's
// gradient.
type convDataGrad struct{ filter *kernel.BackFilter }

// newConvDataGrad packs zeros: every run packs the weights of the day.
func newConvDataGrad(s kernel.ConvShape) *convDataGrad {
	return &convDataGrad{kernel.PackBackward(s, make([]float32, s.Weights()))}
}

func (t *convDataGrad) String() string {
	return fmt.Sprintf("data gradient of convolution %+v", t.filter.Shape)
}

func (t *convDataGrad) border(i int) int {
	if i != 1 {
		return 0
	}
	return backwardBorder(t.filter.Shape)
}

func (t *convDataGrad) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.Scratch(out.(*act).view, in[1].(*act).view, g.team.Threads())
}

func (t *convDataGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Repack(floats(in[0]))
	t.filter.BackwardData(out.(*act).view, in[1].(*act).view, g.work())
	return nil
}
