package net

import (
	"errors"
	"fmt"
)

// ErrUnbounded says that a network has no receptive field: an output depends on the whole input, or
// on where the input's borders lie. Such a network's regions must overlap and be blended.
var ErrUnbounded = errors.New("unbounded receptive field")

// NodeError is a fault of one node, with what to do about it.
type NodeError struct {
	Node   int
	Name   string
	Op     string
	Reason string
	Hint   string
	Err    error // a sentinel such as ErrUnbounded, or nil
}

func (e *NodeError) Error() string {
	s := e.Reason
	if e.Op != "" {
		s = fmt.Sprintf("node %d %q (%s): %s", e.Node, e.Name, e.Op, e.Reason)
	}
	if e.Err != nil {
		s = fmt.Sprintf("%v: %s", e.Err, s)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *NodeError) Unwrap() error { return e.Err }

// fault is a NodeError before its node is known.
func fault(hint, format string, args ...any) *NodeError {
	return &NodeError{Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// at names the node of a fault.
func (n *Net) at(i int, e *NodeError) error {
	if e == nil {
		return nil
	}
	e.Node, e.Name, e.Op = i, n.Nodes[i].Name, OpName(n.Nodes[i].Op)
	return e
}

// OpName is the name of an operation as errors and profiles print it.
func OpName(op Op) string {
	switch op := op.(type) {
	case *Input:
		return "Input"
	case *Conv:
		return "Conv"
	case *ConvTranspose:
		return "ConvTranspose"
	case *BatchNorm:
		return "BatchNorm"
	case *Affine:
		return "Affine"
	case *Activation:
		return op.Act.Kind.String()
	case *Pool:
		return [...]string{"MaxPool", "AvgPool"}[op.Kind&1]
	case *GlobalAvgPool:
		return "GlobalAvgPool"
	case *Resize:
		return "Resize"
	case *Concat:
		return "Concat"
	case *Binary:
		return [...]string{"Add", "Sub", "Mul", "Div"}[op.Kind&3]
	case *Pad:
		return "Pad"
	case *Slice:
		return "Slice"
	case *Softmax:
		return "Softmax"
	}
	return fmt.Sprintf("%T", op)
}

func (k ActKind) String() string {
	names := [...]string{"Identity", "ReLU", "LeakyReLU", "Clip", "HardSigmoid", "HardSwish", "Sigmoid"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("ActKind(%d)", k)
}
