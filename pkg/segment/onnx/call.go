package onnx

import (
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// call is one node of the graph with its inputs looked up. A missing optional input is the zero value.
type call struct {
	l     *lowerer
	n     *node
	where string
	in    []value
}

// lowering makes the results of a node.
type lowering func(*call) ([]value, error)

// run chooses: arithmetic on constants, or a layer.
func (c *call) run() ([]value, error) {
	for _, a := range c.n.attrs {
		if a.isGraph {
			return nil, c.unsupported("export the model by tracing, without control flow", "control flow")
		}
	}
	if fold, ok := folding(c.n.op); ok && c.allConstant() {
		return fold(c)
	}
	lower, ok := layer(c.n.op)
	if !ok {
		return nil, c.unsupported(adviceFor(c.n.op), "unsupported operator %s", c.n.op)
	}
	for k, v := range c.in {
		if k > 0 && v.known && v.konst == nil && !takesActivations(c.n.op) {
			return nil, c.unsupported("", "input %d (%q) is computed from the image; it must be constant", k, c.n.in[k])
		}
	}
	return lower(c)
}

// allConstant says whether no activation is read. Shape and Size need only dimensions.
func (c *call) allConstant() bool {
	if c.n.op == "Shape" || c.n.op == "Size" {
		return true
	}
	for _, v := range c.in {
		if v.known && v.konst == nil {
			return false
		}
	}
	return true
}

// takesActivations lists the layers that read more than one activation.
func takesActivations(op string) bool {
	switch op {
	case "Add", "Sub", "Mul", "Div", "Concat", "Sum", "Min", "Max", "MatMul":
		return true
	}
	return false
}

func adviceFor(op string) string {
	switch op {
	case "QLinearConv", "QuantizeLinear", "DequantizeLinear", "ConvInteger", "DynamicQuantizeLinear":
		return "export the float32 model, before quantisation"
	case "ArgMax", "TopK", "NonMaxSuppression":
		return "export the logits or probabilities: thresholds are applied later"
	case "If", "Loop", "Scan":
		return "export the model by tracing, without control flow"
	case "InstanceNormalization", "LayerNormalization", "GroupNormalization":
		return "train with batch normalisation, which folds into the convolutions"
	}
	return "rebuild the model with the operators listed in the manual, or run it on ONNX Runtime"
}

func (c *call) broken(format string, args ...any) error {
	return &FormatError{c.where, fmt.Sprintf(format, args...)}
}

func (c *call) unsupported(hint, format string, args ...any) error {
	return &UnsupportedError{c.where, fmt.Sprintf(format, args...), hint}
}

func (c *call) has(i int) bool { return i < len(c.in) && c.in[i].known }

// constant is input i, which must be known before the network runs.
func (c *call) constant(i int) (array, error) {
	if !c.has(i) {
		return array{}, c.broken("input %d is missing", i)
	}
	if c.in[i].konst == nil {
		return array{}, c.unsupported("", "input %d (%q) is computed from the image; it must be constant", i, c.n.in[i])
	}
	return *c.in[i].konst, nil
}

// activation is input i as a value of the network.
func (c *call) activation(i int) (value, error) {
	if !c.has(i) {
		return value{}, c.broken("input %d is missing", i)
	}
	if c.in[i].konst != nil {
		return value{}, c.unsupported("", "input %d (%q) is a constant, not computed from the image", i, c.n.in[i])
	}
	return c.in[i], nil
}

func (c *call) int(name string, otherwise int64) int64 {
	if a := c.n.attrs[name]; a != nil {
		return a.i
	}
	return otherwise
}

func (c *call) float(name string, otherwise float32) float32 {
	if a := c.n.attrs[name]; a != nil {
		return a.f
	}
	return otherwise
}

func (c *call) text(name, otherwise string) string {
	if a := c.n.attrs[name]; a != nil {
		return a.s
	}
	return otherwise
}

// sizes is an attribute of size values that are small and not negative.
func (c *call) sizes(name string, size, otherwise int) ([]int, error) {
	out := make([]int, size)
	for k := range out {
		out[k] = otherwise
	}
	a := c.n.attrs[name]
	if a == nil || len(a.ints) == 0 {
		return out, nil
	}
	if len(a.ints) != size {
		return nil, c.unsupported("only two-dimensional images are understood", "%s has %d values, not %d", name, len(a.ints), size)
	}
	for k, v := range a.ints {
		if v < 0 || v > 1<<20 {
			return nil, c.unsupported("", "%s %v", name, a.ints)
		}
		out[k] = int(v)
	}
	return out, nil
}

func (c *call) pair(name string, otherwise int) (net.Pair, error) {
	s, err := c.sizes(name, 2, otherwise)
	if err != nil {
		return net.Pair{}, err
	}
	return net.Pair{Y: s[0], X: s[1]}, nil
}

// list is a list of integers that is an attribute in older opsets and an input in newer ones; nil if
// neither is there.
func (c *call) list(name string, input int) ([]int64, error) {
	if a := c.n.attrs[name]; a != nil {
		return a.ints, nil
	}
	if !c.has(input) {
		return nil, nil
	}
	v, err := c.constant(input)
	return v.ints(), err
}

// axis resolves a possibly negative axis.
func (c *call) axis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, c.broken("axis out of range for %d dimensions", rank)
	}
	return int(a), nil
}

func (c *call) axes(list []int64, rank int) ([]int, error) {
	out := make([]int, 0, min(len(list), rank))
	seen := map[int]bool{}
	for _, v := range list {
		a, err := c.axis(v, rank)
		if err != nil {
			return nil, err
		}
		if seen[a] {
			return nil, c.broken("names axis %d twice", a)
		}
		seen[a] = true
		out = append(out, a)
	}
	return out, nil
}

// spend takes the elements of a computed constant from the budget, before it is allocated.
func (c *call) spend(dims []int) error {
	size := int64(1)
	for _, d := range dims {
		if d < 0 || d > math.MaxInt32 || (d > 0 && size > math.MaxInt32/int64(d)) {
			return c.broken("a constant of %v elements", dims)
		}
		size *= int64(d)
	}
	if c.l.budget -= size + 1; c.l.budget < 0 {
		return c.unsupported("", "the model computes constants of too many elements")
	}
	return nil
}

// dimensions turns a constant into dimensions.
func (c *call) dimensions(v []int64) ([]int, error) {
	if len(v) > 8 {
		return nil, c.broken("%d dimensions", len(v))
	}
	out := make([]int, len(v))
	for i, d := range v {
		if d < 0 || d > math.MaxInt32 {
			return nil, c.broken("dimensions %v", v)
		}
		out[i] = int(d)
	}
	return out, nil
}

func one(v value, err error) ([]value, error) {
	if err != nil {
		return nil, err
	}
	return []value{v}, nil
}
