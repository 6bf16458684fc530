package nn

import (
	"context"
	"errors"
	"fmt"
	"image"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// evalMode keeps Gorgonia's machine from touching training state.
var evalMode = gorgonia.EvalMode()

// Network is an Engine's model compiled for one input size. It is not safe for concurrent use.
//
// # Memory
//
// ArenaBytes, which Options.MemoryLimit bounds but for the scratch of the hungriest convolution.
type Network struct {
	g    *graph
	in   *act
	stem *stemTask // takes the input row by row, or nil where the arena holds it
	out  []outlet
}

var _ segment.RowNetwork = (*Network)(nil)

// Run computes the outputs, one after the other in out, each in row-major planes.
func (n *Network) Run(ctx context.Context, in, out []float32) error {
	if err := n.ready(ctx); err != nil {
		return err
	}
	if want := n.in.floats(); len(in) != want {
		return fmt.Errorf("run network: input of %d floats, want %d for %v", len(in), want, n.in.dims)
	}
	if want := n.outFloats(); len(out) != want {
		return fmt.Errorf("run network: output of %d floats, want %d", len(out), want)
	}
	return n.run(ctx, func() { n.load(in) }, func() {
		for _, o := range n.out {
			size := o.floats()
			o.planes(out[:size], n.g.team)
			out = out[size:]
		}
	})
}

// load brings the input in from planes, or lets the stem take it from there.
func (n *Network) load(planes []float32) {
	if n.stem == nil {
		kernel.FromNCHW(n.in.view, planes, n.g.team)
		kernel.ClearBorder(n.in.view)
		return
	}
	w, pixels := n.in.w, n.in.w*n.in.h
	n.stem.fill = func(y int, red, green, blue []float32) {
		for c, row := range [][]float32{red, green, blue} {
			copy(row, planes[c*pixels+y*w:][:w])
		}
	}
}

// loadRows brings the input in row by row, or lets the stem take it so.
func (n *Network) loadRows(row segment.LoadRow) {
	if n.stem != nil {
		n.stem.fill = row
		return
	}
	kernel.Fill(n.in.view, row, n.g.team)
	kernel.ClearBorder(n.in.view)
}

// RunRows implements segment.RowNetwork.
func (n *Network) RunRows(ctx context.Context, load segment.LoadRow, want image.Rectangle, keep []segment.KeepRow) error {
	if err := n.ready(ctx); err != nil {
		return err
	}
	if n.in.n != 1 || n.in.c != 3 || len(n.out) != 1 || n.out[0].c != len(keep) {
		return fmt.Errorf("run network: rows of colours and %d classes for an input of %v and %d outputs", len(keep), n.in.dims, len(n.out))
	}
	return n.run(ctx, func() { n.loadRows(load) }, func() { n.out[0].rows(0, want, keep, n.g.team) })
}

func (n *Network) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.g == nil {
		return errors.New("run network: it is closed")
	}
	return nil
}

// run loads the images, runs the operators and hands over the results. Operators recover their own
// panics; a panic of a conversion becomes an error here.
func (n *Network) run(ctx context.Context, load, keep func()) (err error) {
	defer n.g.team.Rest()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("run network: convert images: %v", r)
		}
	}()
	load()
	if n.stem != nil {
		defer func() { n.stem.fill = nil }()
	}
	if err := n.g.run(ctx); err != nil {
		return fmt.Errorf("run network: %w", err)
	}
	keep()
	return nil
}

// Outputs are the shapes of the outputs.
func (n *Network) Outputs() []net.Shape {
	var shapes []net.Shape
	for _, o := range n.out {
		shapes = append(shapes, net.Shape{C: o.c, H: o.h, W: o.w})
	}
	return shapes
}

func (n *Network) outFloats() int {
	sum := 0
	for _, o := range n.out {
		sum += o.floats()
	}
	return sum
}

// floats is the number of elements without empty lanes.
func (d dims) floats() int { return d.n * d.c * d.h * d.w }

// ArenaBytes is the memory of the activations of a run, scratch included; 0 once closed.
func (n *Network) ArenaBytes() int64 {
	if n.g == nil {
		return 0
	}
	return int64(len(n.g.arena)+len(n.g.scratch)) * 4
}

// Close lets go of the machine and the arena. Closing twice does no harm.
func (n *Network) Close() error {
	if n.g == nil {
		return nil
	}
	err := n.g.close()
	n.g, n.in, n.stem, n.out = nil, nil, nil, nil
	return err
}
