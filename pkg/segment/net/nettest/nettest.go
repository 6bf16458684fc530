// Package nettest runs networks slowly and plainly, in float64 and one loop per dimension: the
// oracle of the tests of segment/net, segment/onnx and segment/nn. It shares no arithmetic with them but the
// coordinates of a resize. It is no way to segment anything.
package nettest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Planes is one activation in row-major planes.
type Planes struct {
	net.Shape
	Data []float64
}

// New is an activation of zeros.
func New(s net.Shape) Planes { return Planes{s, make([]float64, s.C*s.H*s.W)} }

// Random is an activation of normal noise that depends on the seed alone.
func Random(s net.Shape, seed uint64) Planes {
	p, rng := New(s), rand.New(rand.NewPCG(seed, 1))
	for i := range p.Data {
		p.Data[i] = float64(float32(rng.NormFloat64()))
	}
	return p
}

// At is the value at a place, or otherwise beyond the borders.
func (p Planes) At(c, y, x int, otherwise float64) float64 {
	if y < 0 || x < 0 || y >= p.H || x >= p.W {
		return otherwise
	}
	return p.Data[(c*p.H+y)*p.W+x]
}

// Set stores a value.
func (p Planes) Set(c, y, x int, v float64) { p.Data[(c*p.H+y)*p.W+x] = v }

// Float32 is the data rounded, for engines.
func (p Planes) Float32() []float32 {
	out := make([]float32, len(p.Data))
	for i, v := range p.Data {
		out[i] = float32(v)
	}
	return out
}

// Run computes the network's outputs for one image.
func Run(n *net.Net, x Planes) ([]Planes, error) {
	values, err := Values(n, x)
	if err != nil {
		return nil, err
	}
	out := make([]Planes, len(n.Outputs))
	for k, o := range n.Outputs {
		out[k] = values[o]
	}
	return out, nil
}

// Values computes the value of every node.
func Values(n *net.Net, x Planes) ([]Planes, error) {
	shapes, err := n.Shapes(x.Shape)
	if err != nil {
		return nil, err
	}
	values := make([]Planes, len(n.Nodes))
	for i, node := range n.Nodes {
		in := make([]Planes, len(node.In))
		for k, j := range node.In {
			in[k] = values[j]
		}
		if i == 0 {
			values[i] = x
			continue
		}
		values[i] = New(shapes[i])
		if err := apply(node.Op, in, values[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func apply(op net.Op, in []Planes, out Planes) error {
	switch op := op.(type) {
	case *net.Conv:
		conv(op, in[0], out)
	case *net.ConvTranspose:
		convTranspose(op, in[0], out)
	case *net.BatchNorm:
		batchNorm(op, in[0], out)
	case *net.Affine:
		affine(op, in[0], out)
	case *net.Activation:
		copy(out.Data, in[0].Data)
		activate(op.Act, out)
	case *net.Pool:
		pool(op, in[0], out)
	case *net.GlobalAvgPool:
		globalAverage(in[0], out)
	case *net.Resize:
		resize(op, in[0], out)
	case *net.Concat:
		rest := out.Data
		for _, p := range in {
			rest = rest[copy(rest, p.Data):]
		}
	case *net.Binary:
		binary(op, in[0], in[1], out)
	case *net.Pad:
		fill(out, func(c, y, x int) float64 {
			return in[0].At(c, y-op.Pad.Top, x-op.Pad.Left, float64(op.Value))
		})
	case *net.Slice:
		fill(out, func(c, y, x int) float64 { return in[0].At(op.C0+c, op.Y0+y, op.X0+x, math.NaN()) })
	case *net.Softmax:
		softmax(in[0], out)
	default:
		return fmt.Errorf("run %s: unknown operation", net.OpName(op))
	}
	return nil
}

func fill(out Planes, value func(c, y, x int) float64) {
	for c := range out.C {
		for y := range out.H {
			for x := range out.W {
				out.Set(c, y, x, value(c, y, x))
			}
		}
	}
}

func at(t *net.Tensor, i int, otherwise float64) float64 {
	if t == nil {
		return otherwise
	}
	return float64(t.Data[i])
}
