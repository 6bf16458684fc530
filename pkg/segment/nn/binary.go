package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// addBinary adds an element-wise operation, and its activation as a task of its own, which is done
// in place.
func (g *graph) addBinary(op *net.Binary, d dims, in gorgonia.Nodes) (*gorgonia.Node, error) {
	a, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	b, err := actOf(in[1])
	if err != nil {
		return nil, err
	}
	var t task = &binaryTask{kind: op.Kind}
	if a.dims != b.dims {
		t = newBroadcast(op.Kind, a, b)
	}
	n, err := g.apply(t, d, in...)
	if err != nil || op.Act.Kind == net.Identity {
		return n, err
	}
	return g.apply(&actTask{op.Act}, d, n)
}

// binaryTask combines two activations of equal size.
type binaryTask struct {
	kind      net.BinaryKind
	dst, a, b kernel.Tensor // of the present division
}

func (t *binaryTask) String() string {
	return fmt.Sprintf("element-wise %s", net.OpName(&net.Binary{Kind: t.kind}))
}

func (t *binaryTask) overwrites() []int { return []int{0, 1} }

func (t *binaryTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, a, b := out.(*act).view, in[0].(*act).view, in[1].(*act).view
	switch t.kind {
	case net.Add:
		kernel.AddTo(dst, a, b, g.team)
	case net.Sub:
		kernel.SubTo(dst, a, b, g.team)
	case net.Mul:
		kernel.MulTo(dst, a, b, g.team)
	default:
		t.dst, t.a, t.b = dst, a, b
		g.team.Do(dst.N*dst.Blocks(), t)
	}
	return nil
}

// Item divides one block of one image; the empty lanes stay zero.
func (t *binaryTask) Item(i int) {
	n, block := i/t.dst.Blocks(), i%t.dst.Blocks()
	lanes := min(kernel.Block, t.dst.C-block*kernel.Block)
	for y := range t.dst.H {
		to, a, b := rowOf(&t.dst, n, block, y), rowOf(&t.a, n, block, y), rowOf(&t.b, n, block, y)
		for x := range t.dst.W {
			p := x * kernel.Block
			for l := p; l < p+lanes; l++ {
				to[l] = a[l] / b[l]
			}
			clear(to[p+lanes : p+kernel.Block])
		}
	}
}

// rowOf is one row of one block of one image.
func rowOf(t *kernel.Tensor, n, block, y int) []float32 {
	return t.Data[t.Off+n*t.ImageStride+block*t.BlockStride+y*t.RowStride:][:t.W*kernel.Block]
}

func (t *binaryTask) wrt(int) []bool { return []bool{true, true} }

func (t *binaryTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	switch t.kind {
	case net.Add:
		return gorgonia.Nodes{grad, grad}, nil
	case net.Sub:
		neg, err := g.apply(negative(a.c), a.dims, grad)
		return gorgonia.Nodes{grad, neg}, err
	case net.Mul:
		da, err := g.apply(&binaryTask{kind: net.Mul}, a.dims, grad, in[1])
		if err != nil {
			return nil, err
		}
		db, err := g.apply(&binaryTask{kind: net.Mul}, a.dims, grad, in[0])
		return gorgonia.Nodes{da, db}, err
	}
	return nil, fmt.Errorf("%v can be run, not trained", t)
}

// negative is a change of sign.
func negative(channels int) *affineTask {
	t := &affineTask{scale: make([]float32, channels)}
	for c := range t.scale {
		t.scale[c] = -1
	}
	return t
}
