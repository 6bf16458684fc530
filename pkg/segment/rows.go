package segment

import (
	"context"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// byRows makes a RowNetwork of any network with so many classes.
func byRows(n Network, size pyramid.Size, classes int) RowNetwork {
	if rows, ok := n.(RowNetwork); ok {
		return rows
	}
	pixels := size.W * size.H
	return &whole{Network: n, size: size, in: make([]float32, 3*pixels), out: make([]float32, classes*pixels)}
}

// whole is a network that takes and gives whole planes.
type whole struct {
	Network
	size    pyramid.Size
	in, out []float32
}

// RunRows implements RowNetwork.
func (n *whole) RunRows(ctx context.Context, load LoadRow, want image.Rectangle, keep []KeepRow) error {
	w, pixels := n.size.W, n.size.W*n.size.H
	row := func(c, y int) []float32 { return n.in[c*pixels+y*w:][:w] }
	for y := range n.size.H {
		load(y, row(0, y), row(1, y), row(2, y))
	}
	if err := n.Run(ctx, n.in, n.out); err != nil {
		return err
	}
	for c, keep := range keep {
		if keep == nil {
			continue
		}
		for y := want.Min.Y; y < want.Max.Y; y++ {
			keep(y, n.out[c*pixels+y*w+want.Min.X:][:want.Dx()])
		}
	}
	return nil
}
