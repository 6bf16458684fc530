package onnx

import (
	"fmt"
	"reflect"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Field computes the receptive field of a model from its graph. A model that computes sizes is
// lowered at two sizes: were it another network at the second, its field would mean nothing, and
// it is said to be unbounded. A model of one fixed size is judged at that size.
func (m *Model) Field(channels int) (net.Field, error) {
	in, err := m.Input()
	if err != nil {
		return net.Field{}, err
	}
	first := net.Shape{C: channels, H: or(in.Height, 1024), W: or(in.Width, 1024)}
	n, err := m.Lower(first)
	if err != nil {
		return net.Field{}, err
	}
	f, err := n.Field()
	if err != nil || in.Height > 0 && in.Width > 0 {
		return f, err
	}
	// Sizes that are no multiples of the stride may resize differently: align, then look again.
	align := func(fixed, step, times int) int { return or(fixed, (1024/step+times)*step) }
	var nets [2]*net.Net
	for k := range nets {
		s := net.Shape{C: channels, H: align(in.Height, f.Align.Y, k), W: align(in.Width, f.Align.X, 2*k)}
		if nets[k], err = m.Lower(s); err != nil {
			return net.Field{}, err
		}
	}
	if i := firstDifference(nets[0], nets[1]); i >= 0 {
		return net.Field{}, fmt.Errorf("onnx: %w: node %q is another at another size of the image", net.ErrUnbounded, nets[0].Nodes[i].Name)
	}
	return nets[0].Field()
}

func or(v, otherwise int) int {
	if v > 0 {
		return v
	}
	return otherwise
}

// firstDifference compares operations, not weights, which two lowerings share; −1 if all are equal.
func firstDifference(a, b *net.Net) int {
	for i := range a.Nodes {
		if i >= len(b.Nodes) || !reflect.DeepEqual(bare(a.Nodes[i].Op), bare(b.Nodes[i].Op)) {
			return i
		}
	}
	return -1
}

// bare is an operation with the shape of its first weight instead of its weights.
func bare(op net.Op) any {
	switch op := op.(type) {
	case *net.Conv:
		return []any{op.Weight.Shape, op.Stride, op.Dilation, op.Pad, op.Groups}
	case *net.ConvTranspose:
		return []any{op.Weight.Shape, op.Stride, op.Dilation, op.Pad, op.OutputPad, op.Groups}
	case *net.BatchNorm, *net.Affine:
		return net.OpName(op)
	}
	return op
}
