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
	case *net.Activation:
		return g.apply(&actTask{op.Act}, d, in...)
	case *net.Pool:
		return g.apply(newPool(op), d, in...)
	case *net.Resize:
		return g.addResize(op, d, in)
	case *net.Concat:
		return g.apply(&concatTask{}, d, in...)
	case *net.Binary:
		return g.addBinary(op, d, in)
	}
	return nil, fmt.Errorf("%s is not supported: fold the network or replace the operation", net.OpName(op))
}

// actTask applies a pointwise function.
type actTask struct{ act net.Act }

func (t *actTask) String() string    { return fmt.Sprintf("activation %v %+v", t.act.Kind, t.act) }
func (t *actTask) overwrites() []int { return []int{0} }

func (t *actTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.Activate(out.(*act).view, in[0].(*act).view, t.act, g.threads)
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
	kernel.ActivateBackward(out.(*act).view, in[0].(*act).view, in[1].(*act).view, t.act, g.threads)
	return nil
}

// addBinary adds an element-wise operation, and its activation as a task of its own.
func (g *graph) addBinary(op *net.Binary, d dims, in gorgonia.Nodes) (*gorgonia.Node, error) {
	n, err := g.apply(&binaryTask{op.Kind}, d, in...)
	if err != nil || op.Act.Kind == net.Identity {
		return n, err
	}
	return g.apply(&actTask{op.Act}, d, n)
}

// binaryTask combines two activations of equal size.
type binaryTask struct{ kind net.BinaryKind }

func (t *binaryTask) String() string {
	return fmt.Sprintf("element-wise %s", net.OpName(&net.Binary{Kind: t.kind}))
}

func (t *binaryTask) overwrites() []int { return []int{0, 1} }

func (t *binaryTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, a, b := out.(*act), in[0].(*act), in[1].(*act)
	if a.dims != b.dims {
		return fmt.Errorf("%v with %v is not supported yet", a.dims, b.dims)
	}
	switch t.kind {
	case net.Add:
		kernel.AddTo(dst.view, a.view, b.view, g.threads)
	case net.Sub:
		kernel.SubTo(dst.view, a.view, b.view, g.threads)
	case net.Mul:
		kernel.MulTo(dst.view, a.view, b.view, g.threads)
	default:
		return fmt.Errorf("not supported yet")
	}
	return nil
}

func (t *binaryTask) wrt(int) []bool { return []bool{true, true} }

func (t *binaryTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if t.kind == net.Add {
		return gorgonia.Nodes{grad, grad}, nil
	}
	return nil, fmt.Errorf("%v cannot be trained yet", t)
}
