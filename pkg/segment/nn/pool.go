package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// poolTask takes the maximum or mean of windows. In training the maximum notes which tap won.
type poolTask struct {
	kind   net.PoolKind
	window kernel.Window
	index  []uint8
}

func newPool(p *net.Pool) *poolTask {
	return &poolTask{kind: p.Kind, window: kernel.Window{
		KH: p.Kernel.Y, KW: p.Kernel.X, SH: p.Stride.Y, SW: p.Stride.X, DH: p.Dilation.Y, DW: p.Dilation.X,
		PadT: p.Pad.Top, PadL: p.Pad.Left, PadB: p.Pad.Bottom, PadR: p.Pad.Right, CountPad: p.CountIncludePad,
	}}
}

func (t *poolTask) String() string {
	return fmt.Sprintf("%s %+v", net.OpName(&net.Pool{Kind: t.kind}), t.window)
}

func (t *poolTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, src := out.(*act).view, in[0].(*act).view
	if t.kind == net.AvgPool {
		kernel.PoolAvg(dst, src, t.window, g.team)
		return nil
	}
	kernel.PoolMax(dst, src, t.window, t.index, g.team)
	return nil
}

func (t *poolTask) wrt(int) []bool { return []bool{true} }

func (t *poolTask) grads(g *graph, in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	y, err := actOf(out)
	if err != nil {
		return nil, err
	}
	if t.kind == net.MaxPool {
		if t.window.KH*t.window.KW > 256 {
			return nil, fmt.Errorf("%v cannot be trained: a window may have at most 256 pixels", t)
		}
		t.index = make([]uint8, y.Size())
	}
	d, err := g.apply(&poolGrad{t}, x.dims, grad)
	return gorgonia.Nodes{d}, err
}

// poolGrad spreads dL/dy over the windows.
type poolGrad struct{ of *poolTask }

func (t *poolGrad) String() string { return "gradient of " + t.of.String() }

func (t *poolGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, dy := out.(*act).view, in[0].(*act).view
	if t.of.kind == net.AvgPool {
		kernel.PoolAvgBackward(dst, dy, t.of.window, g.team)
		return nil
	}
	kernel.PoolMaxBackward(dst, dy, t.of.window, t.of.index, g.team)
	return nil
}
