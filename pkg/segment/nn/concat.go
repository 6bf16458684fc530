package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// concatTask joins its inputs along the channels. Inputs that start at a whole block have usually been
// written in place by their own operators; the others are copied.
type concatTask struct{ box box }

func (*concatTask) String() string { return "concatenation" }
func (*concatTask) joins()         {}

func (t *concatTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, channel := out.(*act), 0
	for _, v := range in {
		src := v.(*act)
		if src.store != dst.store || src.first != dst.first+channel {
			t.box = box{dst: dst.view, src: src.view, dstC: channel, c: src.c, h: src.h, w: src.w}
			t.box.copy(g.team)
		}
		channel += src.c
	}
	return nil
}

func (*concatTask) wrt(inputs int) []bool {
	all := make([]bool, inputs)
	for i := range all {
		all[i] = true
	}
	return all
}

func (*concatTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	var out gorgonia.Nodes
	channel := 0
	for i, n := range in {
		a, err := actOf(n)
		if err != nil {
			return nil, err
		}
		var t task = &channelCopy{first: channel}
		if wholeBlocks(channel, a.c, i == len(in)-1) {
			t = &channelView{channel}
		}
		d, err := g.apply(t, a.dims, grad)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
		channel += a.c
	}
	return out, nil
}

// wholeBlocks reports whether channels from first on fill blocks of their own.
func wholeBlocks(first, c int, last bool) bool {
	return first%kernel.Block == 0 && (last || c%kernel.Block == 0)
}

// channelView is some channels of an activation, where they lie.
type channelView struct{ first int }

func (t *channelView) String() string { return fmt.Sprintf("view from channel %d", t.first) }
func (t *channelView) aliases() int   { return t.first }

func (t *channelView) run(_ *graph, out gorgonia.Value, in []gorgonia.Value) error {
	a, b := out.(*act), in[0].(*act)
	if a.store != b.store || a.first != b.first+t.first {
		return fmt.Errorf("broken plan: %v is not where its source is", a.dims)
	}
	return nil
}

// channelCopy is some channels of an activation, copied because they straddle blocks.
type channelCopy struct {
	first int
	box   box
}

func (t *channelCopy) String() string { return fmt.Sprintf("copy from channel %d", t.first) }

func (t *channelCopy) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst := out.(*act)
	t.box = box{dst: dst.view, src: in[0].(*act).view, srcC: t.first, c: dst.c, h: dst.h, w: dst.w}
	t.box.copy(g.team)
	return nil
}
