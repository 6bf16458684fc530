package segment

import (
	"context"
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// blender runs a network on windows of an input and joins what they say. A window's probabilities are
// rounded to 1/blendUnit and weighted with whole numbers, a triangle along each axis that falls from the
// window's middle to its edge; the weights of the windows that share a pixel add up to the same everywhere.
// Sums of whole numbers do not depend on their order, so neither do the results.
//
// # Memory
//
// One window's input and output, and 4·classes bytes per pixel of the input for the sums.
type blender struct {
	network Network
	size    pyramid.Size // of the input
	windows Windows
	classes int
	in, out []float32 // of one window
	weight  []uint32  // by place in a window
	sum     []uint32  // classes×H×W
}

var _ Network = (*blender)(nil)

// blendUnit is what a probability of 1 counts. With the weights of two axes, which add up to at most
// maxWindow each, it just stays below 2^32.
const blendUnit = 1<<12 - 1

func newBlender(network Network, size pyramid.Size, classes int, w Windows) *blender {
	pixels := w.Side * w.Side
	return &blender{
		network: network, size: size, windows: w, classes: classes, weight: triangle(w.Side),
		in: make([]float32, 3*pixels), out: make([]float32, classes*pixels),
		sum: make([]uint32, classes*size.W*size.H),
	}
}

// triangle is 1, 3, 5 … up to the middle and back. Two of them, half a side apart, add up to the side.
func triangle(side int) []uint32 {
	weight := make([]uint32, side)
	for i := range weight {
		weight[i] = uint32(2*min(i, side-1-i) + 1)
	}
	return weight
}

// Run implements Network. The outer half window of the output is not covered by all its windows: it is
// the halo of a region, which nobody reads, and is set to 0.
func (b *blender) Run(ctx context.Context, in, out []float32) error {
	if pixels := b.size.W * b.size.H; len(in) != 3*pixels || len(out) != b.classes*pixels {
		return fmt.Errorf("blend windows: %d and %d floats for %v and %d classes", len(in), len(out), b.size, b.classes)
	}
	clear(b.sum)
	step := b.windows.Side - b.windows.Overlap
	for y := 0; y+b.windows.Side <= b.size.H; y += step {
		for x := 0; x+b.windows.Side <= b.size.W; x += step {
			b.load(in, x, y)
			if err := b.network.Run(ctx, b.in, b.out); err != nil {
				return fmt.Errorf("window at %d,%d: %w", x, y, err)
			}
			if err := b.add(x, y); err != nil {
				return fmt.Errorf("window at %d,%d: %w", x, y, err)
			}
		}
	}
	b.divide(out)
	return nil
}

// load copies a window out of the input's planes.
func (b *blender) load(in []float32, x, y int) {
	side, at := b.windows.Side, 0
	for c := range 3 {
		plane := in[c*b.size.W*b.size.H:]
		for row := range side {
			at += copy(b.in[at:], plane[(y+row)*b.size.W+x:][:side])
		}
	}
}

// add weights a window's output and adds it to the sums. The explicit conversion keeps compilers from
// fusing the multiplication and the addition, so that all machines round alike.
func (b *blender) add(x, y int) error {
	side := b.windows.Side
	for c := range b.classes {
		for row := range side {
			from := b.out[(c*side+row)*side:][:side]
			to := b.sum[(c*b.size.H+y+row)*b.size.W+x:][:side]
			for i, p := range from {
				if p != p {
					return fmt.Errorf("the network's output is not a number at %d,%d: the model is damaged", i, row)
				}
				whole := uint32(min(max(float32(p*blendUnit)+0.5, 0), blendUnit))
				to[i] += b.weight[row] * b.weight[i] * whole
			}
		}
	}
	return nil
}

// divide turns the sums into probabilities: one division in double precision, whose rounding IEEE 754
// defines, for every pixel.
func (b *blender) divide(out []float32) {
	side, edge := float64(b.windows.Side), b.windows.Overlap
	whole := side * side * blendUnit
	clear(out)
	for c := range b.classes {
		for y := edge; y < b.size.H-edge; y++ {
			row := (c*b.size.H + y) * b.size.W
			for x := edge; x < b.size.W-edge; x++ {
				out[row+x] = float32(float64(b.sum[row+x]) / whole)
			}
		}
	}
}

// Close implements Network.
func (b *blender) Close() error { return b.network.Close() }
