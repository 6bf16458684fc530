package nn

import (
	"image"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// outlet is an output of a network: an activation, and what is done with its rows when somebody takes them.
type outlet struct {
	dims // of the output
	act  *act
	end  kernel.Ending
}

// rows hands a rectangle of one image of the output over, row by row.
func (o *outlet) rows(image int, want image.Rectangle, keep []segment.KeepRow, team *kernel.Team) {
	kernel.Rows(o.act.view.Image(image), o.end, want, keep, team)
}

// planes writes the output in row-major planes.
func (o *outlet) planes(out []float32, team *kernel.Team) {
	if o.end.None() {
		kernel.ToNCHW(out, o.act.view, team)
		return
	}
	pixels := o.h * o.w
	for n := range o.n {
		keep := make([]segment.KeepRow, o.c)
		for c := range keep {
			plane := out[(n*o.c+c)*pixels:][:pixels]
			keep[c] = func(y int, row []float32) { copy(plane[y*o.w:], row) }
		}
		o.rows(n, image.Rect(0, 0, o.w, o.h), keep, team)
	}
}

// outlets finds what comes last in each output and can be left to who takes its rows: nodes that nothing else reads. No
// operator computes these.
func (b *inferBuilder) outlets() {
	b.ends = make([]ending, len(b.e.net.Outputs))
	for i, at := range b.e.net.Outputs {
		end := &b.ends[i]
		end.source = at
		if b.shapes[at].C > kernel.Block {
			continue
		}
		if _, ok := b.last(end).(*net.Softmax); ok {
			end.Softmax = true
			b.leave(end)
		}
		if op, ok := b.last(end).(*net.Affine); ok && op.Act.Kind == net.Identity {
			end.Affine, end.Scale, end.Shift = true, data(op.Scale), data(op.Bias)
			b.leave(end)
		}
		if op, ok := b.last(end).(*net.Resize); ok && op.Mode == net.Linear {
			to, from := b.shapes[end.source], b.shapes[b.e.net.Nodes[end.source].In[0]]
			end.Y, end.X = axis(op.Taps(net.Vertical, from.H, to.H), true), axis(op.Taps(net.Horizontal, from.W, to.W), true)
			b.leave(end)
		}
	}
}

// ending is an output's, with the node whose activation it is applied to.
type ending struct {
	kernel.Ending
	source int
}

// last is the operation that an ending may take over: nil where others read its result, and where it is all that there is, as
// Gorgonia runs no graph without an operator.
func (b *inferBuilder) last(end *ending) net.Op {
	n := b.e.net.Nodes[end.source]
	if b.reads[end.source] > 1 || len(n.In) == 0 {
		return nil
	}
	if _, first := b.e.net.Nodes[n.In[0]].Op.(*net.Input); first {
		return nil
	}
	return n.Op
}

// leave takes an ending's source over: it is computed for who takes the rows, from the node before it.
func (b *inferBuilder) leave(end *ending) {
	b.inner[end.source] = true
	end.source = b.e.net.Nodes[end.source].In[0]
}
