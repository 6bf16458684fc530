package nn

import (
	"fmt"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// ModelEngine runs a model's calibrated probabilities on Gorgonia.
//
// # Memory
//
// Imported graphs may depend on the input size, so it packs the weights for each size, and keeps those of maxSizes at most;
// networks hold what they were made of.
type ModelEngine struct {
	lower func(pyramid.Size) (*net.Net, error)
	opts  Options
	mu    sync.Mutex
	sizes map[pyramid.Size]*Engine
}

var _ segment.Engine = (*ModelEngine)(nil)

// maxSizes is how many sizes a process sees beside each other, as a rule: one of large slides and one of a small one.
const maxSizes = 2

// ForModel makes the engine of new runs, on so many threads; 0 is 1. Convolutions of regions are tiled where the model's halo has
// room for it.
func ForModel(m *segment.Model, threads int) (*ModelEngine, error) {
	tiling, err := regionTiling(m)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Ref.Name, err)
	}
	return newModelEngine(m, Options{Threads: threads, Tiling: tiling}), nil
}

// DirectForModel makes the engine whose name is empty, which convolves directly.
func DirectForModel(m *segment.Model, threads int) *ModelEngine {
	return newModelEngine(m, Options{Threads: threads})
}

func newModelEngine(m *segment.Model, opts Options) *ModelEngine {
	return &ModelEngine{lower: m.Net, opts: opts, sizes: map[pyramid.Size]*Engine{}}
}

// probeSide is the input on which a tiling is chosen, if it is a multiple of the network's stride. The receptive field of a model
// is one for all sizes (onnx.Model.Field), and so is the choice.
const probeSide = 512

// regionTiling is what the halo of a model's regions has room for. A model without a receptive field is run on windows, which
// are whole images that never change: all of it may be tiled.
func regionTiling(m *segment.Model) (Tiling, error) {
	side := pyramid.CeilDiv(probeSide, m.Field.Align) * m.Field.Align
	if m.Unbounded != "" {
		side = m.Windows.Side
	}
	n, err := m.Net(pyramid.Size{W: side, H: side})
	if err != nil {
		return Tiling{}, err
	}
	if m.Unbounded == "" {
		return TilingWithin(n, m.Field.Halo, m.Field.Align)
	}
	if folded := n.Fold(); Fastest().cost(folded) < (Tiling{}).cost(folded) {
		return Fastest(), nil
	}
	return Tiling{}, nil
}

// Tiling says which of the model's convolutions are tiled.
func (e *ModelEngine) Tiling() Tiling { return e.opts.Tiling }

// Name is what segment.Parameters calls it: another tiling makes other bits. Where the arithmetic of the kernels changes, too,
// the name must (TestArithmetic of segment/builtin).
func (e *ModelEngine) Name() string {
	if e.opts.Tiling == (Tiling{}) {
		return ""
	}
	return segment.OwnEngine + " " + e.opts.Tiling.String()
}

// Network implements segment.Engine.
func (e *ModelEngine) Network(size pyramid.Size) (segment.Network, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	compiled, ok := e.sizes[size]
	if !ok {
		n, err := e.lower(size)
		if err != nil {
			return nil, err
		}
		if compiled, err = New(n, e.opts); err != nil {
			return nil, err
		}
		if len(e.sizes) >= maxSizes { // which of them is needed next nobody knows
			clear(e.sizes)
		}
		e.sizes[size] = compiled
	}
	return compiled.Network(size)
}
