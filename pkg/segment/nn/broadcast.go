package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// broadcastTask combines an activation with one value for each image and channel, as the
// squeeze-and-excitation blocks of classifiers do.
type broadcastTask struct {
	kind         net.BinaryKind
	full, vector int // which input is which
	scale, shift []float32
	quotient     kernel.Tensor // of the present division of the vector by the full activation
}

// newBroadcast: exactly one of a and b is one pixel large.
func newBroadcast(kind net.BinaryKind, a, b *act) *broadcastTask {
	t := &broadcastTask{kind: kind, vector: 1, scale: make([]float32, a.c), shift: make([]float32, a.c)}
	if a.h*a.w == 1 && b.h*b.w != 1 {
		t.full, t.vector = 1, 0
	}
	return t
}

func (t *broadcastTask) String() string {
	return fmt.Sprintf("%s, input %d broadcast", net.OpName(&net.Binary{Kind: t.kind}), t.vector)
}

func (t *broadcastTask) overwrites() []int { return []int{t.full} }

func (t *broadcastTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, full, vector := out.(*act).view, in[t.full].(*act).view, in[t.vector].(*act).view
	for n := range dst.N {
		t.line(&vector, n)
		if t.kind == net.Div && t.vector == 0 {
			t.divide(imageOf(dst, n), imageOf(full, n))
			continue
		}
		kernel.ScaleShift(imageOf(dst, n), imageOf(full, n), t.scale, t.shift, net.Act{}, g.team)
	}
	return nil
}

// imageOf is one image of a batch.
func imageOf(t kernel.Tensor, n int) kernel.Tensor {
	t.Off += n * t.ImageStride
	t.N = 1
	return t
}

// line sets scale and shift so that the operation is full·scale + shift.
func (t *broadcastTask) line(vector *kernel.Tensor, n int) {
	for c := range t.scale {
		v := vector.Data[vector.Off+n*vector.ImageStride+c/kernel.Block*vector.BlockStride+c%kernel.Block]
		t.scale[c], t.shift[c] = 1, 0
		switch {
		case t.kind == net.Add:
			t.shift[c] = v
		case t.kind == net.Mul:
			t.scale[c] = v
		case t.kind == net.Sub && t.vector == 1:
			t.shift[c] = -v
		case t.kind == net.Sub:
			t.scale[c], t.shift[c] = -1, v
		case t.vector == 1:
			t.scale[c] = 1 / v
		default:
			t.shift[c] = v
		}
	}
}

// divide computes vector/full; line has left the vector in shift.
func (t *broadcastTask) divide(dst, full kernel.Tensor) {
	for block := range dst.Blocks() {
		lanes := min(kernel.Block, dst.C-block*kernel.Block)
		for y := range dst.H {
			to, from := rowOf(&dst, 0, block, y), rowOf(&full, 0, block, y)
			for p := 0; p < len(to); p += kernel.Block {
				for l := range lanes {
					to[p+l] = t.shift[block*kernel.Block+l] / from[p+l]
				}
				clear(to[p+lanes : p+kernel.Block])
			}
		}
	}
}

func (t *broadcastTask) wrt(int) []bool { return []bool{true, true} }

func (t *broadcastTask) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	full, err := actOf(in[t.full])
	if err != nil {
		return nil, err
	}
	vector, err := actOf(in[t.vector])
	if err != nil {
		return nil, err
	}
	out := make(gorgonia.Nodes, 2)
	switch t.kind {
	case net.Add:
		out[t.full] = grad
		out[t.vector], err = g.apply(newImageSums(vector.c, 1), vector.dims, grad)
		return out, err
	case net.Mul:
		out[t.vector], err = g.apply(newImageSums(vector.c, 1), vector.dims, grad, in[t.full])
		if err != nil {
			return nil, err
		}
		out[t.full], err = g.apply(newBroadcast(net.Mul, full, vector), full.dims, grad, in[t.vector])
		return out, err
	}
	return nil, fmt.Errorf("%v can be run, not trained", t)
}
