package nn

import (
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// Options say how an Engine runs its networks. The zero value is one thread.
type Options struct {
	Threads     int   // of one Run; 0 is 1. The result does not depend on it
	MemoryLimit int64 // bytes of activations of one Network; 0 is 8 GiB
	Tiling      Tiling
}

func (o Options) orDefault() Options {
	o.Threads = max(1, o.Threads)
	if o.MemoryLimit == 0 {
		o.MemoryLimit = 8 << 30
	}
	return o
}

// Engine makes networks of one model on Gorgonia. It is safe for concurrent use.
//
// # Memory
//
// The packed weights are held once for all networks: as large as the weights themselves, those of convolutions by tiles of 2×2
// and 4×4 1.8 and 4 times as large.
type Engine struct {
	opts     Options
	net      *net.Net // folded
	channels int
	filters  map[int]*kernel.Filter          // by node
	deconvs  map[int]*kernel.TransposeFilter // by node
}

var _ segment.Engine = (*Engine)(nil)

// maxNodes bounds the time to compile, which grows with the square of the nodes.
const maxNodes = 8192

// New folds the network and packs its weights. The network is not changed and may be dropped.
func New(n *net.Net, opts Options) (*Engine, error) {
	if err := n.Validate(); err != nil {
		return nil, fmt.Errorf("engine of %s: %w", n.Name, err)
	}
	if len(n.Nodes) > maxNodes {
		return nil, fmt.Errorf("engine of %s: %d nodes, at most %d: simplify the network first", n.Name, len(n.Nodes), maxNodes)
	}
	if opts.Threads < 0 || opts.MemoryLimit < 0 {
		return nil, fmt.Errorf("engine of %s: %d threads and %d bytes: neither may be negative", n.Name, opts.Threads, opts.MemoryLimit)
	}
	if err := opts.Tiling.validate(); err != nil {
		return nil, fmt.Errorf("engine of %s: %w", n.Name, err)
	}
	e := &Engine{
		opts: opts.orDefault(), net: n.Fold(),
		filters: map[int]*kernel.Filter{}, deconvs: map[int]*kernel.TransposeFilter{},
	}
	e.channels = e.net.Nodes[0].Op.(*net.Input).Channels
	shapes := e.opts.Tiling.shapes(e.net)
	for i, node := range e.net.Nodes {
		if err := e.pack(i, node.Op, shapes[i]); err != nil {
			return nil, fmt.Errorf("engine of %s: node %d %q: %w", n.Name, i, node.Name, err)
		}
	}
	return e, nil
}

func (e *Engine) pack(i int, op net.Op, s kernel.ConvShape) error {
	switch op := op.(type) {
	case *net.Conv:
		if err := s.Validate(); err != nil {
			return err
		}
		e.filters[i] = kernel.Pack(s, op.Weight.Data)
	case *net.ConvTranspose:
		s := transposeShape(op)
		if err := s.Validate(); err != nil {
			return err
		}
		e.deconvs[i] = kernel.PackTranspose(s, op.Weight.Data)
	}
	return nil
}

// Field is the geometry of regions that this engine makes exact.
func (e *Engine) Field() (net.Field, error) { return e.opts.Tiling.Field(e.net) }

// Network compiles the model for one input size.
func (e *Engine) Network(input pyramid.Size) (segment.Network, error) { return e.Compile(input, 1) }

// Compile compiles the model for one input size and a batch of images that are run together.
func (e *Engine) Compile(input pyramid.Size, batch int) (*Network, error) {
	n, err := e.compile(input, batch)
	if err != nil {
		return nil, fmt.Errorf("network %s for %v: %w", e.net.Name, input, err)
	}
	return n, nil
}

func (e *Engine) compile(input pyramid.Size, batch int) (*Network, error) {
	if batch < 1 {
		return nil, fmt.Errorf("batch of %d images", batch)
	}
	shapes, err := e.net.Shapes(net.Shape{C: e.channels, H: input.H, W: input.W})
	if err != nil {
		return nil, err
	}
	b := &inferBuilder{e: e, g: newGraph(e.opts.Threads), batch: batch, shapes: shapes}
	if err := b.build(); err != nil {
		return nil, err
	}
	if err := b.g.compile(e.opts.MemoryLimit, evalMode); err != nil {
		return nil, err
	}
	return b.network(), nil
}
