package nn

import (
	"context"
	"errors"
	"fmt"

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
	g   *graph
	in  *act
	out []*act
}

var _ segment.Network = (*Network)(nil)

// Run computes the outputs, one after the other in out, each in row-major planes.
func (n *Network) Run(ctx context.Context, in, out []float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.g == nil {
		return errors.New("run network: it is closed")
	}
	if want := n.in.floats(); len(in) != want {
		return fmt.Errorf("run network: input of %d floats, want %d for %v", len(in), want, n.in.dims)
	}
	if want := n.outFloats(); len(out) != want {
		return fmt.Errorf("run network: output of %d floats, want %d", len(out), want)
	}
	defer n.g.team.Rest()
	if err := n.run(ctx, in, out); err != nil {
		return fmt.Errorf("run network: %w", err)
	}
	return nil
}

// run converts the images, runs the operators and converts the results. Operators recover their own
// panics; a panic of a conversion becomes an error here.
func (n *Network) run(ctx context.Context, in, out []float32) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("convert images: %v", r)
		}
	}()
	kernel.FromNCHW(n.in.view, in, n.g.team)
	kernel.ClearBorder(n.in.view)
	if err := n.g.run(ctx); err != nil {
		return err
	}
	for _, o := range n.out {
		size := o.floats()
		kernel.ToNCHW(out[:size], o.view, n.g.team)
		out = out[size:]
	}
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
	n.g, n.in, n.out = nil, nil, nil
	return err
}
