package nn

import (
	"context"
	"fmt"
	"runtime"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// graph builds one Gorgonia graph of this package's operators, records how the machine runs it,
// and plans its arena.
type graph struct {
	g         *gorgonia.ExprGraph
	machine   gorgonia.VM
	team      *kernel.Team // shares the work of each operator
	ops       int
	inputs    []*act
	outputs   []*act
	recording bool
	stop      <-chan struct{} // closed when the present run is not wanted any more
	steps     []step
	arena     []float32
	scratch   []float32
}

// step is one operator as the machine ran it.
type step struct {
	op *op
	in []gorgonia.Value
}

func newGraph(threads int) *graph {
	return &graph{g: gorgonia.NewGraph(), team: kernel.NewTeam(threads)}
}

// input adds an activation that the caller fills before a run.
func (g *graph) input(name string, d dims) (*gorgonia.Node, *act, error) {
	if err := d.check(); err != nil {
		return nil, nil, err
	}
	a := newAct(d)
	g.inputs = append(g.inputs, a)
	n, err := g.bind(name, a)
	return n, a, err
}

// param adds a flat tensor laid over data: the caller may change data between runs.
func (g *graph) param(name string, shape []int, data []float32) (*gorgonia.Node, error) {
	return g.bind(name, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)))
}

func (g *graph) bind(name string, v gorgonia.Value) (*gorgonia.Node, error) {
	shape := v.Shape()
	n := gorgonia.NewTensor(g.g, tensor.Float32, shape.Dims(), gorgonia.WithShape(shape...),
		gorgonia.WithName(name))
	if err := gorgonia.Let(n, v); err != nil {
		return nil, fmt.Errorf("bind %s: %w", name, err)
	}
	return n, nil
}

// apply adds an operator whose result is an activation of size d.
func (g *graph) apply(t task, d dims, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%v: %w", t, err)
	}
	a := newAct(d)
	return g.applyValue(t, a, gorgonia.TensorType{Dims: a.shape.Dims(), Of: tensor.Float32}, in)
}

// applyFlat adds an operator whose result is a flat tensor that outlives the run.
func (g *graph) applyFlat(t task, shape tensor.Shape, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	v := tensor.New(tensor.WithShape(shape.Clone()...), tensor.Of(tensor.Float32))
	return g.applyValue(t, v, gorgonia.TensorType{Dims: shape.Dims(), Of: tensor.Float32}, in)
}

// applyScalar adds an operator whose result is one float32.
func (g *graph) applyScalar(t task, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	return g.applyValue(t, gorgonia.NewF32(0), tensor.Float32, in)
}

func (g *graph) applyValue(t task, out gorgonia.Value, typ hm.Type, in gorgonia.Nodes) (*gorgonia.Node, error) {
	o := &op{id: g.ops, task: t, out: out, typ: typ, g: g}
	g.ops++
	for _, n := range in {
		o.in = append(o.in, n.Type())
	}
	n, err := gorgonia.ApplyOp(o, in...)
	if err != nil {
		return nil, fmt.Errorf("add %v: %w", t, err)
	}
	if n.Op() != gorgonia.Op(o) {
		return nil, fmt.Errorf("add %v: the graph took it for %v", t, n.Op())
	}
	return n, nil
}

// actOf is the activation that a node of this graph yields.
func actOf(n *gorgonia.Node) (*act, error) {
	if o, ok := n.Op().(*op); ok {
		if a, ok := o.out.(*act); ok {
			return a, nil
		}
	}
	if a, ok := n.Value().(*act); ok {
		return a, nil
	}
	return nil, fmt.Errorf("%v is not an activation", n)
}

// keep marks the activation of a node as an output, alive after the last step.
func (g *graph) keep(n *gorgonia.Node) (*act, error) {
	a, err := actOf(n)
	if err != nil {
		return nil, err
	}
	g.outputs = append(g.outputs, a)
	return a, nil
}

// compile makes the machine, records one run and allocates the planned arena, which may not be
// larger than limit bytes.
func (g *graph) compile(limit int64, opts ...gorgonia.VMOpt) (err error) {
	defer func() {
		if r := recover(); r != nil { // NewTapeMachine panics on a graph that it cannot compile
			err = fmt.Errorf("compile graph: %v", r)
		}
	}()
	machine := gorgonia.NewTapeMachine(g.g, opts...)
	// Gorgonia leaves a finalizer on a machine that lies in a cycle with its graph, so that neither it
	// nor the arena would ever be collected. close ends the machine instead.
	runtime.SetFinalizer(machine, nil)
	g.machine = machine
	g.recording = true
	err = g.runMachine()
	g.recording = false
	if err != nil {
		return fmt.Errorf("record graph: %w", err)
	}
	return g.plan(limit)
}

// run computes the whole graph once, or stops between two operators when ctx is done. The caller
// has filled the inputs.
func (g *graph) run(ctx context.Context) error {
	g.stop = ctx.Done()
	defer func() { g.stop = nil }()
	err := g.runMachine()
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// stopped reports whether the present run is to end.
func (g *graph) stopped() bool {
	select {
	case <-g.stop:
		return true
	default:
		return false
	}
}

func (g *graph) runMachine() error {
	defer g.machine.Reset()
	return g.machine.RunAll()
}

// record notes a step of the machine; the machine may reuse its slice of inputs.
func (g *graph) record(o *op, in []gorgonia.Value) {
	g.steps = append(g.steps, step{op: o, in: append([]gorgonia.Value(nil), in...)})
}

// work is the kernels' share of the machine for one operator.
func (g *graph) work() kernel.Work { return kernel.Work{Team: g.team, Scratch: g.scratch} }

// close lets go of the machine and waits until the team is gone.
func (g *graph) close() error {
	g.team.Close()
	return g.machine.Close()
}
