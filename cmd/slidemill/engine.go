package main

import (
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// engine runs a model on Gorgonia. Imported graphs may depend on the input size, so it keeps one
// compiled set of weights per size; a process sees one or two sizes.
type engine struct {
	lower func(pyramid.Size) (*net.Net, error)
	mu    sync.Mutex
	sizes map[pyramid.Size]*nn.Engine
}

var _ segment.Engine = (*engine)(nil)

// newEngine computes calibrated probabilities.
func newEngine(m *segment.Model) *engine {
	return &engine{lower: m.Net, sizes: map[pyramid.Size]*nn.Engine{}}
}

// Network implements segment.Engine.
func (e *engine) Network(size pyramid.Size) (segment.Network, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	compiled, ok := e.sizes[size]
	if !ok {
		n, err := e.lower(size)
		if err != nil {
			return nil, err
		}
		if compiled, err = nn.New(n, nn.Options{Threads: 1}); err != nil {
			return nil, err
		}
		e.sizes[size] = compiled
	}
	return compiled.Network(size)
}
