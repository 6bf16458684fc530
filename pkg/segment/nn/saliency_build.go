package nn

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// saliencyBuilder turns a network into a graph with the gradient by its input. It is a trainBuilder whose
// weights are constants.
type saliencyBuilder struct{ trainBuilder }

func (b *saliencyBuilder) build(cfg SaliencyConfig) (*Saliency, error) {
	n := b.t.net
	first, ok := n.Nodes[0].Op.(*net.Input)
	if !ok {
		return nil, fmt.Errorf("node 0 is not the input")
	}
	var err error
	if b.shapes, err = n.Shapes(net.Shape{C: first.Channels, H: cfg.H, W: cfg.W}); err != nil {
		return nil, err
	}
	b.prepare()
	clear(b.merged) // no batch norm computes the activation after it: it is an affine map here
	for i := range n.Nodes {
		if !b.live[i] && i > 0 {
			continue
		}
		if b.values[i], err = b.node(i); err != nil {
			return nil, fmt.Errorf("node %d %q (%s): %w", i, n.Nodes[i].Name, net.OpName(n.Nodes[i].Op), err)
		}
	}
	return b.differentiate(cfg)
}

// node adds the operators of one network node.
func (b *saliencyBuilder) node(i int) (*gorgonia.Node, error) {
	n := &b.t.net.Nodes[i]
	switch op := n.Op.(type) {
	case *net.Conv:
		return b.frozen(i, newFrozenConv(op), op.Act)
	case *net.ConvTranspose:
		return b.frozen(i, newFrozenTranspose(op), op.Act)
	case *net.BatchNorm:
		return b.frozen(i, frozenNorm(op), net.Act{})
	}
	return b.trainBuilder.node(i)
}

// frozen adds an operator with constant weights and the activation behind it.
func (b *saliencyBuilder) frozen(i int, t task, act net.Act) (*gorgonia.Node, error) {
	x, err := b.read(b.t.net.Nodes[i].In[0])
	if err != nil {
		return nil, err
	}
	out, err := b.t.g.apply(t, b.dims(i), x)
	return b.activate(i, out, err, act)
}

// differentiate adds the score and its gradient by the input.
func (b *saliencyBuilder) differentiate(cfg SaliencyConfig) (*Saliency, error) {
	g, o := b.t.g, b.t.net.Outputs[0]
	d := b.dims(o)
	if d.h != cfg.H || d.w != cfg.W || cfg.Class < 0 || cfg.Class >= d.c {
		return nil, fmt.Errorf("class %d of %d planes of %d×%d for an image of %d×%d", cfg.Class, d.c, d.h, d.w, cfg.H, cfg.W)
	}
	out, err := b.read(o)
	if err != nil {
		return nil, err
	}
	t := &scoreTask{dims: d, class: cfg.Class, probabilities: cfg.Probabilities, slopes: make([]float64, d.h*d.w*d.c)}
	score, err := g.applyScalar(t, out)
	if err != nil {
		return nil, err
	}
	if cfg.ScoreOnly {
		return &Saliency{g: g, image: b.t.image, score: t}, nil
	}
	gradients, err := gorgonia.Grad(score, b.values[0])
	if err != nil {
		return nil, fmt.Errorf("differentiate: %w", err)
	}
	gradient, err := g.keep(gradients[0])
	return &Saliency{g: g, image: b.t.image, gradient: gradient, score: t}, err
}

// frozenNorm is a batch norm with its statistics as constants.
func frozenNorm(n *net.BatchNorm) *affineTask {
	t := &affineTask{scale: make([]float32, len(n.Scale.Data)), shift: make([]float32, len(n.Scale.Data))}
	for c := range t.scale {
		s := float64(n.Scale.Data[c]) / math.Sqrt(float64(n.Var.Data[c])+float64(n.Epsilon))
		t.scale[c] = float32(s)
		t.shift[c] = float32(float64(n.Bias.Data[c]) - float64(n.Mean.Data[c])*s)
	}
	return t
}

// frozenConv is a convolution whose weights are constants: x is its only input.
type frozenConv struct {
	shape  kernel.ConvShape
	filter *kernel.Filter
	weight []float32
	bias   []float32
}

func newFrozenConv(c *net.Conv) *frozenConv {
	s := convShape(c)
	return &frozenConv{s, kernel.Pack(s, c.Weight.Data), c.Weight.Data, data(c.Bias)}
}

func (t *frozenConv) String() string { return fmt.Sprintf("frozen convolution %+v", t.shape) }

func (t *frozenConv) border(int) int { return forwardBorder(t.shape) }

func (t *frozenConv) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *frozenConv) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Forward(out.(*act).view, in[0].(*act).view, kernel.Epilogue{Bias: t.bias}, g.work())
	return nil
}

func (t *frozenConv) wrt(int) []bool { return []bool{true} }

func (t *frozenConv) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	d, err := g.apply(&frozenConvGrad{kernel.PackBackward(t.shape, t.weight)}, x.dims, grad)
	return gorgonia.Nodes{d}, err
}

// frozenConvGrad is the gradient by x; its input is dL/dy.
type frozenConvGrad struct{ filter *kernel.BackFilter }

func (t *frozenConvGrad) String() string {
	return fmt.Sprintf("gradient of frozen convolution %+v", t.filter.Shape)
}

func (t *frozenConvGrad) border(int) int { return backwardBorder(t.filter.Shape) }

func (t *frozenConvGrad) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.Scratch(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *frozenConvGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.BackwardData(out.(*act).view, in[0].(*act).view, g.work())
	return nil
}

// frozenTranspose is a transposed convolution whose weights are constants.
type frozenTranspose struct {
	shape  kernel.TransposeShape
	filter *kernel.TransposeFilter
	weight []float32
	bias   []float32
}

func newFrozenTranspose(c *net.ConvTranspose) *frozenTranspose {
	s := transposeShape(c)
	return &frozenTranspose{s, kernel.PackTranspose(s, c.Weight.Data), c.Weight.Data, data(c.Bias)}
}

func (t *frozenTranspose) String() string {
	return fmt.Sprintf("frozen transposed convolution %+v", t.shape)
}

func (t *frozenTranspose) border(int) int { return transposeBorder(t.shape) }

func (t *frozenTranspose) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *frozenTranspose) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Forward(out.(*act).view, in[0].(*act).view, kernel.Epilogue{Bias: t.bias}, g.work())
	return nil
}

func (t *frozenTranspose) wrt(int) []bool { return []bool{true} }

func (t *frozenTranspose) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	d, err := g.apply(&frozenTransposeGrad{kernel.PackTransposeBackward(t.shape, t.weight)}, x.dims, grad)
	return gorgonia.Nodes{d}, err
}

// frozenTransposeGrad is the gradient by x: the dual convolution of dL/dy.
type frozenTransposeGrad struct{ filter *kernel.Filter }

func (t *frozenTransposeGrad) String() string {
	return fmt.Sprintf("gradient of frozen transposed convolution, dual %+v", t.filter.Shape)
}

func (t *frozenTransposeGrad) border(int) int { return forwardBorder(t.filter.Shape) }

func (t *frozenTransposeGrad) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *frozenTransposeGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Forward(out.(*act).view, in[0].(*act).view, kernel.Epilogue{}, g.work())
	return nil
}
