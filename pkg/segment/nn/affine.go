package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// affineTask scales and shifts each channel by constants. They are not trained.
type affineTask struct {
	scale, shift []float32 // nil is 1, nil is 0
	act          net.Act
}

func newAffine(op *net.Affine) *affineTask {
	return &affineTask{scale: data(op.Scale), shift: data(op.Bias), act: op.Act}
}

// data is the floats of a tensor that may be absent.
func data(t *net.Tensor) []float32 {
	if t == nil {
		return nil
	}
	return t.Data
}

func (t *affineTask) String() string {
	return fmt.Sprintf("affine over %d, %d channels then %v", len(t.scale), len(t.shift), t.act.Kind)
}

func (t *affineTask) overwrites() []int { return []int{0} }

func (t *affineTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.ScaleShift(out.(*act).view, in[0].(*act).view, t.scale, t.shift, t.act, g.team)
	return nil
}

func (t *affineTask) wrt(int) []bool { return []bool{true} }

func (t *affineTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if t.act.Kind != net.Identity {
		return nil, fmt.Errorf("%v cannot be trained: its activation is fused", t)
	}
	x, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	d, err := g.apply(&affineTask{scale: t.scale}, x.dims, grad)
	return gorgonia.Nodes{d}, err
}
