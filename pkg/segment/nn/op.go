package nn

import (
	"context"
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// task is the work of one operator: what it computes, without Gorgonia's ceremony.
type task interface {
	// String names the operation with every parameter that changes its result.
	String() string
	// run computes out from in. The plan guarantees that out overlaps an input only where the
	// task said it may.
	run(g *graph, out gorgonia.Value, in []gorgonia.Value) error
}

// derivable is a task that can be differentiated.
type derivable interface {
	task
	// wrt says for which inputs there is a gradient.
	wrt(inputs int) []bool
	// grads builds the nodes of the gradients; nil where wrt is false.
	grads(g *graph, in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error)
}

// op wears Gorgonia's Op around a task. It owns the value that it returns.
type op struct {
	id   int
	task task
	in   []hm.Type
	out  gorgonia.Value
	typ  hm.Type
	g    *graph
}

var (
	_ gorgonia.Op              = (*op)(nil)
	_ gorgonia.SDOp            = (*op)(nil)
	_ gorgonia.UsePreallocDoer = (*op)(nil)
)

// Arity is the number of inputs.
func (o *op) Arity() int { return len(o.in) }

// Type is a fresh function type each time, because Gorgonia recycles it.
func (o *op) Type() hm.Type {
	types := append(append(make([]hm.Type, 0, len(o.in)+1), o.in...), o.typ)
	return hm.NewFnType(types...)
}

// InferShape is the shape that the builder has already checked.
func (o *op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.out.Shape(), nil }

// Do runs the task, or notes the step while the graph is being recorded. A panic becomes an error:
// Gorgonia runs operators on a goroutine of its own, where nobody else could recover it.
func (o *op) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("%v: %v", o, r)
		}
	}()
	if len(in) != len(o.in) {
		return nil, fmt.Errorf("%v: %d inputs, want %d", o, len(in), len(o.in))
	}
	if o.g.recording {
		o.g.record(o, in)
		return o.out, nil
	}
	if o.g.stopped() {
		return nil, context.Canceled
	}
	if err := o.task.run(o.g, o.out, in); err != nil {
		return nil, fmt.Errorf("%v: %w", o, err)
	}
	if a, ok := o.out.(*act); ok {
		a.clearBorder(o.task)
	}
	return o.out, nil
}

// UsePreallocDo is Do: the operator's own value is the preallocated one.
func (o *op) UsePreallocDo(_ gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	return o.Do(in...)
}

// ReturnsPtr is true: the value stays the operator's.
func (o *op) ReturnsPtr() bool { return true }

// CallsExtern is false: there is no cgo.
func (o *op) CallsExtern() bool { return false }

// OverwritesInput is −1 for Gorgonia: sharing memory is the arena's business.
func (o *op) OverwritesInput() int { return -1 }

// WriteHash is unique per operator, so that Gorgonia never merges two of them.
func (o *op) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "slidemill %d %v %v", o.id, o.task, o.out.Shape())
}

// Hashcode is the FNV hash of WriteHash.
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o *op) String() string { return o.task.String() }

// DiffWRT says for which inputs the task has a gradient.
func (o *op) DiffWRT(inputs int) []bool {
	if d, ok := o.task.(derivable); ok {
		return d.wrt(inputs)
	}
	return make([]bool, inputs)
}

// SymDiff builds the gradient nodes of the task.
func (o *op) SymDiff(in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	d, ok := o.task.(derivable)
	if !ok {
		return nil, fmt.Errorf("%v has no gradient: it can be run, not trained", o)
	}
	return d.grads(o.g, in, out, grad)
}
