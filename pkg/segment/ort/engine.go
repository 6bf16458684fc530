package ort

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// Lower is a model's network for one input size, as segment.Model.Net gives it.
type Lower func(pyramid.Size) (*net.Net, error)

// Engine makes networks of one model. It is safe for concurrent use: all networks share one session, or, if
// the graph depends on the input's size, one for each of the graphs in use.
//
// # Memory
//
// Each session holds the weights once. Sessions that no network uses are closed when another graph is
// opened, so there are at most as many as networks in use, and one more.
type Engine struct {
	runtime *Runtime
	options Options
	lower   Lower

	mu     sync.Mutex
	shared map[graphSum]*sharedSession
	closed bool
}

var _ segment.Engine = (*Engine)(nil)

// graphSum names a graph by its bytes.
type graphSum [sha256.Size]byte

type sharedSession struct {
	*session
	networks int
}

// NewEngine makes an engine of a model's networks.
func (r *Runtime) NewEngine(lower Lower, o Options) (*Engine, error) {
	o, err := o.orDefault()
	if err != nil {
		return nil, err
	}
	if err := r.Has(o.Provider); err != nil {
		return nil, err
	}
	return &Engine{runtime: r, options: o, lower: lower, shared: map[graphSum]*sharedSession{}}, nil
}

// Network implements segment.Engine.
func (e *Engine) Network(input pyramid.Size) (segment.Network, error) {
	n, err := e.network(input)
	if err != nil {
		return nil, fmt.Errorf("network for %v on ONNX Runtime %s: %w", input, e.runtime.Version, err)
	}
	return n, nil
}

func (e *Engine) network(input pyramid.Size) (*network, error) {
	graph, err := e.lower(input)
	if err != nil {
		return nil, err
	}
	in, out, err := shapes(graph, input)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := onnx.Write(&file, graph, onnx.WriteOptions{}); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.session(file.Bytes())
	if err != nil {
		return nil, err
	}
	n, err := newNetwork(s.session, in, out, func() { e.giveBack(s) })
	if err != nil {
		return nil, err
	}
	s.networks++
	return n, nil
}

// shapes are those of a network's input and outputs.
func shapes(n *net.Net, input pyramid.Size) (in net.Shape, out []net.Shape, err error) {
	in = net.Shape{C: 3, H: input.H, W: input.W}
	if op, ok := n.Nodes[0].Op.(*net.Input); ok {
		in.C = op.Channels
	}
	all, err := n.Shapes(in)
	if err != nil {
		return in, nil, err
	}
	for _, o := range n.Outputs {
		out = append(out, all[o])
	}
	return in, out, nil
}

// session is the graph's session; the engine is locked.
func (e *Engine) session(graph []byte) (*sharedSession, error) {
	if e.closed {
		return nil, errors.New("the engine is closed")
	}
	sum := graphSum(sha256.Sum256(graph))
	if s, ok := e.shared[sum]; ok {
		return s, nil
	}
	e.closeIdle()
	s, err := e.runtime.openBytes(graph, e.options)
	if err != nil {
		return nil, err
	}
	e.shared[sum] = &sharedSession{session: s}
	return e.shared[sum], nil
}

// closeIdle closes the sessions that nobody uses; the engine is locked.
func (e *Engine) closeIdle() {
	for sum, s := range e.shared {
		if s.networks == 0 {
			s.close()
			delete(e.shared, sum)
		}
	}
}

func (e *Engine) giveBack(s *sharedSession) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.networks--
	if e.closed {
		e.closeIdle()
	}
}

// Close closes the sessions: those in use once their last network closes.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.closeIdle()
	return nil
}

// OpenFile opens a model file as it is, external data and all, for an input whose outputs are known.
func (r *Runtime) OpenFile(path string, graph *net.Net, input pyramid.Size, o Options) (segment.Network, error) {
	in, out, err := shapes(graph, input)
	if err != nil {
		return nil, err
	}
	s, err := r.openFile(path, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	n, err := newNetwork(s, in, out, s.close)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return n, nil
}
