package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// add adds an operation that has no weights. d is the size of its result.
func (g *graph) add(op net.Op, d dims, in gorgonia.Nodes) (*gorgonia.Node, error) {
	switch op := op.(type) {
	case *net.Affine:
		return g.apply(newAffine(op), d, in...)
	case *net.Activation:
		return g.apply(&actTask{op.Act}, d, in...)
	case *net.Softmax:
		return g.apply(softmaxTask{}, d, in...)
	case *net.Pool:
		return g.apply(newPool(op), d, in...)
	case *net.Resize:
		return g.addResize(op, d, in)
	case *net.Concat:
		return g.apply(&concatTask{}, d, in...)
	case *net.Binary:
		return g.addBinary(op, d, in)
	case *net.GlobalAvgPool:
		return g.addGlobalPool(d, in[0])
	case *net.Pad:
		t := &boxTask{to: corner{0, op.Pad.Top, op.Pad.Left}, value: op.Value}
		return g.addBox(t, d, in[0])
	case *net.Slice:
		return g.addSlice(op, d, in[0])
	}
	return nil, fmt.Errorf("%s is not supported: fold the network or replace the operation", net.OpName(op))
}

// softmaxTask normalises over the channels. The loss has its own; this one is only run.
type softmaxTask struct{}

func (softmaxTask) String() string    { return "softmax" }
func (softmaxTask) overwrites() []int { return []int{0} }

func (softmaxTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.Softmax(out.(*act).view, in[0].(*act).view, g.team)
	return nil
}

// actTask applies a pointwise function.
type actTask struct{ act net.Act }

func (t *actTask) String() string    { return fmt.Sprintf("activation %v %+v", t.act.Kind, t.act) }
func (t *actTask) overwrites() []int { return []int{0} }

func (t *actTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.Activate(out.(*act).view, in[0].(*act).view, t.act, g.team)
	return nil
}

func (t *actTask) wrt(int) []bool { return []bool{true} }

// grads: every derivative but HardSwish's can be told from the result.
func (t *actTask) grads(g *graph, in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, err := actOf(out)
	if err != nil {
		return nil, err
	}
	from := out
	if t.act.Kind == net.HardSwish {
		from = in[0]
	}
	d, err := g.apply(&actGrad{t.act}, a.dims, grad, from)
	return gorgonia.Nodes{d}, err
}

// actGrad reads dL/dy and y, or x for HardSwish.
type actGrad struct{ act net.Act }

func (t *actGrad) String() string    { return fmt.Sprintf("gradient of %v %+v", t.act.Kind, t.act) }
func (t *actGrad) overwrites() []int { return []int{0} }

func (t *actGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.ActivateBackward(out.(*act).view, in[0].(*act).view, in[1].(*act).view, t.act, g.team)
	return nil
}
