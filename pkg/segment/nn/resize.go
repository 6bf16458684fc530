package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// resizeTask interpolates along maps of coordinates that are fixed when the graph is built.
type resizeTask struct {
	op     net.Resize
	to     dims
	y, x   kernel.Axis
	linear bool
}

// addResize adds a resize to size d.
func (g *graph) addResize(op *net.Resize, d dims, in gorgonia.Nodes) (*gorgonia.Node, error) {
	src, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	t := &resizeTask{op: *op, to: d, linear: op.Mode == net.Linear}
	t.y = axis(op.Taps(net.Vertical, src.h, d.h), t.linear)
	t.x = axis(op.Taps(net.Horizontal, src.w, d.w), t.linear)
	return g.apply(t, d, in...)
}

func axis(taps []net.Tap, linear bool) kernel.Axis {
	a := kernel.Axis{Lo: make([]int, len(taps))}
	if linear {
		a.Hi, a.Frac = make([]int, len(taps)), make([]float32, len(taps))
	}
	for i, t := range taps {
		a.Lo[i] = t.Lo
		if linear {
			a.Hi[i], a.Frac[i] = t.Hi, t.Frac
		}
	}
	return a
}

func (t *resizeTask) String() string { return fmt.Sprintf("resize %+v to %v", t.op, t.to) }

func (t *resizeTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, src := out.(*act).view, in[0].(*act).view
	if t.linear {
		kernel.ResizeLinear(dst, src, t.y, t.x, g.team)
		return nil
	}
	kernel.ResizeNearest(dst, src, t.y, t.x, g.team)
	return nil
}

func (t *resizeTask) wrt(int) []bool { return []bool{true} }

func (t *resizeTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	d, err := g.apply(&resizeGrad{t}, x.dims, grad)
	return gorgonia.Nodes{d}, err
}

// resizeGrad gathers dL/dy along the same maps.
type resizeGrad struct{ of *resizeTask }

func (t *resizeGrad) String() string { return "gradient of " + t.of.String() }

func (t *resizeGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, dy := out.(*act).view, in[0].(*act).view
	if t.of.linear {
		kernel.ResizeLinearBackward(dst, dy, t.of.y, t.of.x, g.team)
		return nil
	}
	kernel.ResizeNearestBackward(dst, dy, t.of.y, t.of.x, g.team)
	return nil
}
