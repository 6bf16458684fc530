package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// corner is a channel, row and column.
type corner struct{ c, y, x int }

// boxTask copies a box between two activations and fills the rest of the result with a value: it is
// padding, slicing, and the gradient of either.
type boxTask struct {
	from, to corner
	size     corner
	value    float32
	box      box
}

// addBox adds a box copy; its size is what both sides can hold.
func (g *graph) addBox(t *boxTask, d dims, in *gorgonia.Node) (*gorgonia.Node, error) {
	a, err := actOf(in)
	if err != nil {
		return nil, err
	}
	t.size = corner{min(a.c-t.from.c, d.c-t.to.c), min(a.h-t.from.y, d.h-t.to.y), min(a.w-t.from.x, d.w-t.to.x)}
	return g.apply(t, d, in)
}

func (g *graph) addSlice(op *net.Slice, d dims, in *gorgonia.Node) (*gorgonia.Node, error) {
	a, err := actOf(in)
	if err != nil {
		return nil, err
	}
	c, y, x := op.Box(net.Shape{C: a.c, H: a.h, W: a.w})
	return g.addBox(&boxTask{from: corner{c[0], y[0], x[0]}}, d, in)
}

func (t *boxTask) String() string {
	return fmt.Sprintf("box %v from %v to %v, else %g", t.size, t.from, t.to, t.value)
}

func (t *boxTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst := out.(*act).view
	if s := t.size; s.c < dst.C || s.y < dst.H || s.x < dst.W {
		fill(&dst, t.value)
	}
	t.box = box{
		dst: dst, src: in[0].(*act).view, c: t.size.c, h: t.size.y, w: t.size.x,
		dstC: t.to.c, dstY: t.to.y, dstX: t.to.x, srcC: t.from.c, srcY: t.from.y, srcX: t.from.x,
	}
	t.box.copy(g.team)
	return nil
}

// fill sets every element to a value, the empty lanes to zero.
func fill(t *kernel.Tensor, value float32) {
	for i := range t.N * t.Blocks() {
		n, block := i/t.Blocks(), i%t.Blocks()
		lanes := min(kernel.Block, t.C-block*kernel.Block)
		for y := range t.H {
			row := rowOf(t, n, block, y)
			clear(row)
			for p := 0; value != 0 && p < len(row); p += kernel.Block {
				for l := range lanes {
					row[p+l] = value
				}
			}
		}
	}
}

func (t *boxTask) wrt(int) []bool { return []bool{true} }

func (t *boxTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	d, err := g.addBox(&boxTask{from: t.to, to: t.from}, a.dims, grad)
	return gorgonia.Nodes{d}, err
}
