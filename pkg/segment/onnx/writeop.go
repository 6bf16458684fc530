package onnx

import (
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"google.golang.org/protobuf/encoding/protowire"
)

// attr is an attribute to be written; exactly one value counts, by its type.
type attr struct {
	name  string
	value any // int64, float32, string or []int64
}

func (a attr) encode() []byte {
	b := appendText(nil, 1, a.name)
	switch v := a.value.(type) {
	case float32:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(v))
		return appendInt(b, 20, 1)
	case int64:
		return appendInt(appendInt(b, 3, v), 20, 2)
	case string:
		return appendInt(appendText(b, 4, v), 20, 3)
	case []int64:
		for _, i := range v {
			b = appendInt(b, 8, i)
		}
		return appendInt(b, 20, 7)
	}
	panic(fmt.Sprintf("attribute %s of type %T", a.name, a.value))
}

// step is one ONNX node of a network's node, which may need several.
type step struct {
	op    string
	in    []string // after the value of the step before
	attrs []attr
}

// node writes node i: its operation, then its fused activation.
func (e *emitter) node(i int) {
	node := &e.net.Nodes[i]
	if i == 0 {
		e.values[0] = e.opts.Input
		e.copies(i)
		return
	}
	in := make([]string, len(node.In))
	for k, j := range node.In {
		in[k] = e.values[j]
	}
	steps := e.steps(node)
	for k, s := range steps {
		name := node.Name
		if k > 0 {
			name = fmt.Sprintf("%s.%s", name, s.op)
		}
		out := e.result(i, name, k == len(steps)-1)
		e.emit(s, append(in, s.in...), out)
		in = []string{out}
	}
	e.values[i] = in[0]
	e.copies(i)
}

// result names a step's value: the last of an output node has the output's name.
func (e *emitter) result(i int, name string, last bool) string {
	for k, o := range e.net.Outputs {
		if o == i && last {
			return e.opts.Outputs[k]
		}
	}
	return e.unique(name)
}

// copies serves outputs that are the input, or a node that is an output already.
func (e *emitter) copies(i int) {
	first := i > 0
	for k, o := range e.net.Outputs {
		if o != i {
			continue
		}
		if !first {
			e.emit(step{op: "Identity"}, []string{e.values[i]}, e.opts.Outputs[k])
		}
		first = false
	}
}

// emit writes one ONNX node, named as its value is.
func (e *emitter) emit(s step, in []string, out string) {
	var b []byte
	for _, v := range in {
		b = appendText(b, 1, v)
	}
	b = appendText(b, 2, out)
	b = appendText(b, 3, out)
	b = appendText(b, 4, s.op)
	for _, a := range s.attrs {
		b = appendMessage(b, 5, a.encode())
	}
	e.nodes = append(e.nodes, b)
}

func (e *emitter) steps(node *net.Node) []step {
	name := node.Name
	switch op := node.Op.(type) {
	case *net.Conv:
		return append([]step{e.conv(name, op)}, e.act(name, op.Act)...)
	case *net.ConvTranspose:
		return append([]step{e.convTranspose(name, op)}, e.act(name, op.Act)...)
	case *net.BatchNorm:
		c := len(op.Scale.Data)
		return []step{{op: "BatchNormalization", attrs: []attr{{"epsilon", op.Epsilon}}, in: []string{
			e.floats(name+".scale", op.Scale.Data, c), e.floats(name+".bias", op.Bias.Data, c),
			e.floats(name+".mean", op.Mean.Data, c), e.floats(name+".var", op.Var.Data, c),
		}}}
	case *net.Affine:
		return append(e.affine(name, op), e.act(name, op.Act)...)
	case *net.Activation:
		if steps := e.act(name, op.Act); len(steps) > 0 {
			return steps
		}
		return []step{{op: "Identity"}}
	case *net.Pool:
		return []step{e.pool(op)}
	case *net.GlobalAvgPool:
		return []step{{op: "GlobalAveragePool"}}
	case *net.Resize:
		return []step{e.resize(node, op)}
	case *net.Concat:
		return []step{{op: "Concat", attrs: []attr{{"axis", int64(1)}}}}
	case *net.Binary:
		return append([]step{{op: [...]string{"Add", "Sub", "Mul", "Div"}[op.Kind]}}, e.act(name, op.Act)...)
	case *net.Pad:
		pads := e.ints(name+".pads", 0, 0, int64(op.Pad.Top), int64(op.Pad.Left), 0, 0, int64(op.Pad.Bottom), int64(op.Pad.Right))
		return []step{{op: "Pad", in: []string{pads, e.floats(name+".value", []float32{op.Value})}}}
	case *net.Slice:
		return []step{e.slice(name, op)}
	}
	return []step{{op: "Softmax", attrs: []attr{{"axis", int64(1)}}}}
}

func geometryAttrs(kernel, stride, dilation net.Pair, p net.Padding) []attr {
	pair := func(p net.Pair) []int64 { return []int64{int64(p.Y), int64(p.X)} }
	return []attr{
		{"dilations", pair(dilation)}, {"kernel_shape", pair(kernel)},
		{"pads", []int64{int64(p.Top), int64(p.Left), int64(p.Bottom), int64(p.Right)}}, {"strides", pair(stride)},
	}
}

// weights names the weight and, if there is one, the bias.
func (e *emitter) weights(name string, w, bias *net.Tensor) []string {
	in := []string{e.floats(name+".weight", w.Data, w.Shape...)}
	if bias != nil {
		in = append(in, e.floats(name+".bias", bias.Data, bias.Shape...))
	}
	return in
}

func (e *emitter) conv(name string, op *net.Conv) step {
	kernel := net.Pair{Y: op.Weight.Shape[2], X: op.Weight.Shape[3]}
	attrs := append(geometryAttrs(kernel, op.Stride, op.Dilation, op.Pad), attr{"group", int64(op.Groups)})
	return step{op: "Conv", in: e.weights(name, op.Weight, op.Bias), attrs: attrs}
}

func (e *emitter) convTranspose(name string, op *net.ConvTranspose) step {
	kernel := net.Pair{Y: op.Weight.Shape[2], X: op.Weight.Shape[3]}
	attrs := append(geometryAttrs(kernel, op.Stride, op.Dilation, op.Pad), attr{"group", int64(op.Groups)},
		attr{"output_padding", []int64{int64(op.OutputPad.Y), int64(op.OutputPad.X)}})
	return step{op: "ConvTranspose", in: e.weights(name, op.Weight, op.Bias), attrs: attrs}
}

func (e *emitter) affine(name string, op *net.Affine) []step {
	var steps []step
	if op.Scale != nil {
		steps = append(steps, step{op: "Mul", in: []string{e.floats(name+".scale", op.Scale.Data, len(op.Scale.Data), 1, 1)}})
	}
	if op.Bias != nil {
		steps = append(steps, step{op: "Add", in: []string{e.floats(name+".bias", op.Bias.Data, len(op.Bias.Data), 1, 1)}})
	}
	if steps == nil {
		steps = []step{{op: "Identity"}}
	}
	return steps
}

func (e *emitter) act(name string, a net.Act) []step {
	switch a.Kind {
	case net.ReLU:
		return []step{{op: "Relu"}}
	case net.LeakyReLU:
		return []step{{op: "LeakyRelu", attrs: []attr{{"alpha", a.Alpha}}}}
	case net.Clip:
		return []step{{op: "Clip", in: []string{e.floats(name+".min", []float32{a.Alpha}), e.floats(name+".max", []float32{a.Beta})}}}
	case net.HardSigmoid:
		return []step{{op: "HardSigmoid", attrs: []attr{{"alpha", a.Alpha}, {"beta", a.Beta}}}}
	case net.HardSwish:
		return []step{{op: "HardSwish"}}
	case net.Sigmoid:
		return []step{{op: "Sigmoid"}}
	}
	return nil
}

func (e *emitter) pool(op *net.Pool) step {
	attrs := geometryAttrs(op.Kernel, op.Stride, op.Dilation, op.Pad)
	if op.Ceil {
		attrs = append(attrs, attr{"ceil_mode", int64(1)})
	}
	if op.Kind == net.MaxPool {
		return step{op: "MaxPool", attrs: attrs}
	}
	if op.Dilation == (net.Pair{Y: 1, X: 1}) {
		attrs = attrs[1:]
	} else {
		e.opset = dilatedOpset
	}
	if op.CountIncludePad {
		attrs = append(attrs, attr{"count_include_pad", int64(1)})
	}
	return step{op: "AveragePool", attrs: attrs}
}

// resize writes the size of the result, or the factors. A size needs the batch and the channels
// beside it, which are computed.
func (e *emitter) resize(node *net.Node, op *net.Resize) step {
	attrs := []attr{
		{"coordinate_transformation_mode", [...]string{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}[op.Coord]},
		{"mode", [...]string{"nearest", "linear"}[op.Mode]},
	}
	if op.Mode == net.Nearest {
		attrs = append(attrs, attr{"nearest_mode", [...]string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}[op.Round]})
	}
	if op.Size == (net.Pair{}) {
		scales := e.floats(node.Name+".scales", []float32{1, 1, float32(op.ScaleY), float32(op.ScaleX)}, 4)
		return step{op: "Resize", in: []string{"", scales}, attrs: attrs}
	}
	name := node.Name
	front, sizes := e.unique(name+".front"), e.unique(name+".sizes")
	e.emit(step{op: "Shape", attrs: []attr{{"end", int64(2)}}}, []string{e.values[node.In[0]]}, front)
	plane := e.ints(name+".size", int64(op.Size.Y), int64(op.Size.X))
	e.emit(step{op: "Concat", attrs: []attr{{"axis", int64(0)}}}, []string{front, plane}, sizes)
	return step{op: "Resize", in: []string{"", "", sizes}, attrs: attrs}
}

func (e *emitter) slice(name string, op *net.Slice) step {
	end := func(v int) int64 {
		if v == 0 {
			return math.MaxInt64
		}
		return int64(v)
	}
	return step{op: "Slice", in: []string{
		e.ints(name+".starts", int64(op.C0), int64(op.Y0), int64(op.X0)),
		e.ints(name+".ends", end(op.C1), end(op.Y1), end(op.X1)),
		e.ints(name+".axes", 1, 2, 3),
	}}
}
