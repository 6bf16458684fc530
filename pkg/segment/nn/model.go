package nn

import (
	"fmt"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// ModelEngine runs a model's calibrated probabilities on Gorgonia. Imported graphs may depend on the input size, so it keeps one
// compiled set of weights per size; a process sees one or two sizes.
type ModelEngine struct {
	lower func(pyramid.Size) (*net.Net, error)
	opts  Options
	mu    sync.Mutex
	sizes map[pyramid.Size]*Engine
}

var _ segment.Engine = (*ModelEngine)(nil)

// ForModel makes the engine that segment.TiledEngine names, on so many threads; 0 is 1.
func ForModel(m *segment.Model, threads int) (*ModelEngine, error) {
	tiling, err := regionTiling(m)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Ref.Name, err)
	}
	return newModelEngine(m, Options{Threads: threads, Tiling: tiling}), nil
}

// DirectForModel makes the engine whose name is empty: the first one of this program, which convolves directly.
func DirectForModel(m *segment.Model, threads int) *ModelEngine {
	return newModelEngine(m, Options{Threads: threads})
}

func newModelEngine(m *segment.Model, opts Options) *ModelEngine {
	return &ModelEngine{lower: m.Net, opts: opts, sizes: map[pyramid.Size]*Engine{}}
}

// probeSide is the input on which a tiling is chosen, if it is a multiple of the network's stride. The receptive field of a model
// is one for all sizes (onnx.Model.Field), and so is the choice.
const probeSide = 512

// regionTiling is what the halo of a model's regions has room for. A model without a receptive field is run on windows, which are whole
// images that never change: all of it is tiled.
func regionTiling(m *segment.Model) (Tiling, error) {
	if m.Unbounded != "" {
		return Fastest(), nil
	}
	side := pyramid.CeilDiv(probeSide, m.Field.Align) * m.Field.Align
	n, err := m.Net(pyramid.Size{W: side, H: side})
	if err != nil {
		return Tiling{}, err
	}
	return TilingWithin(n, m.Field.Halo, m.Field.Align)
}

// Tiling says which of the model's convolutions are tiled.
func (e *ModelEngine) Tiling() Tiling { return e.opts.Tiling }

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
		e.sizes[size] = compiled
	}
	return compiled.Network(size)
}
