package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"google.golang.org/protobuf/encoding/protowire"
)

// WriteOptions say what a file tells about itself. The zero value is fine.
type WriteOptions struct {
	Producer string            // "slidemill"
	Version  string            // of the producer
	Input    string            // name of the image; "input"
	Outputs  []string          // names; "output", or "output0", "output1", …
	Metadata map[string]string // metadata_props: the model's own description
}

// What Write emits: an operator set that tools of several years ago read, and the first one that has
// dilated average pools, for networks with one.
const (
	writtenIR    = 8
	writtenOpset = 17
	dilatedOpset = 19
)

// Write writes a network as ONNX with dynamic batch, height and width. The same network and options
// give the same bytes.
func Write(w io.Writer, n *net.Net, o WriteOptions) error {
	if err := n.Validate(); err != nil {
		return fmt.Errorf("write onnx: %w", err)
	}
	o, err := o.withDefaults(n)
	if err != nil {
		return fmt.Errorf("write onnx: %w", err)
	}
	e := &emitter{net: n, opts: o, names: map[string]bool{o.Input: true}, values: make([]string, len(n.Nodes)), opset: writtenOpset}
	for _, name := range o.Outputs {
		e.names[name] = true
	}
	for i := range n.Nodes {
		e.node(i)
	}
	if _, err := w.Write(e.model()); err != nil {
		return fmt.Errorf("write onnx: %w", err)
	}
	return nil
}

func (o WriteOptions) withDefaults(n *net.Net) (WriteOptions, error) {
	if o.Producer == "" {
		o.Producer = "slidemill"
	}
	if o.Input == "" {
		o.Input = "input"
	}
	if len(o.Outputs) == 0 && len(n.Outputs) == 1 {
		o.Outputs = []string{"output"}
	}
	if len(o.Outputs) == 0 {
		for k := range n.Outputs {
			o.Outputs = append(o.Outputs, fmt.Sprintf("output%d", k))
		}
	}
	seen := map[string]bool{o.Input: true}
	for _, name := range o.Outputs {
		if name == "" || seen[name] {
			return o, fmt.Errorf("%q names two values", name)
		}
		seen[name] = true
	}
	if len(o.Outputs) != len(n.Outputs) {
		return o, fmt.Errorf("%d names for %d outputs", len(o.Outputs), len(n.Outputs))
	}
	return o, nil
}

// emitter collects the messages of a graph.
type emitter struct {
	net          *net.Net
	opts         WriteOptions
	names        map[string]bool // taken, by values and initializers
	values       []string        // the name of each node's value
	nodes        [][]byte
	initializers [][]byte
	opset        int64
}

// unique is a name that nothing has yet.
func (e *emitter) unique(name string) string {
	if name == "" {
		name = "node"
	}
	free := name
	for k := 1; e.names[free]; k++ {
		free = fmt.Sprintf("%s.%d", name, k)
	}
	e.names[free] = true
	return free
}

func appendText(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendMessage(b []byte, num protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), m)
}

// model puts the file together. Field numbers are those of onnx.proto.
func (e *emitter) model() []byte {
	graph := []byte{}
	for _, n := range e.nodes {
		graph = appendMessage(graph, 1, n)
	}
	name := e.net.Name
	if name == "" {
		name = "slidemill"
	}
	graph = appendText(graph, 2, name)
	for _, t := range e.initializers {
		graph = appendMessage(graph, 5, t)
	}
	image := e.net.Nodes[0].Op.(*net.Input)
	graph = appendMessage(graph, 11, describeImage(e.opts.Input, image.Channels, ""))
	for _, name := range e.opts.Outputs {
		graph = appendMessage(graph, 12, describeImage(name, 0, name+"_"))
	}
	b := appendInt(nil, 1, writtenIR)
	b = appendText(b, 2, e.opts.Producer)
	b = appendText(b, 3, e.opts.Version)
	b = appendMessage(b, 7, graph)
	b = appendMessage(b, 8, appendInt(appendText(nil, 1, ""), 2, e.opset))
	for _, key := range slices.Sorted(maps.Keys(e.opts.Metadata)) {
		b = appendMessage(b, 14, appendText(appendText(nil, 1, key), 2, e.opts.Metadata[key]))
	}
	return b
}

// describeImage is a ValueInfoProto N×C×H×W. Without channels they are dynamic too; prefix keeps the
// dynamic sizes of outputs apart from the input's.
func describeImage(name string, channels int, prefix string) []byte {
	shape := appendMessage(nil, 1, appendText(nil, 2, "N"))
	if channels > 0 {
		shape = appendMessage(shape, 1, appendInt(nil, 1, int64(channels)))
	} else {
		shape = appendMessage(shape, 1, appendText(nil, 2, prefix+"C"))
	}
	shape = appendMessage(shape, 1, appendText(nil, 2, prefix+"H"))
	shape = appendMessage(shape, 1, appendText(nil, 2, prefix+"W"))
	tensor := appendMessage(appendInt(nil, 1, typeFloat), 2, shape)
	return appendMessage(appendText(nil, 1, name), 2, appendMessage(nil, 1, tensor))
}

// floats adds an initializer and returns its name.
func (e *emitter) floats(name string, data []float32, dims ...int) string {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return e.initializer(name, typeFloat, raw, dims)
}

func (e *emitter) ints(name string, data ...int64) string {
	raw := make([]byte, 0, 8*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return e.initializer(name, typeInt64, raw, []int{len(data)})
}

func (e *emitter) initializer(name string, typ int64, raw []byte, dims []int) string {
	name = e.unique(name)
	var t []byte
	for _, d := range dims {
		t = appendInt(t, 1, int64(d))
	}
	t = appendInt(t, 2, typ)
	t = appendText(t, 8, name)
	e.initializers = append(e.initializers, appendMessage(t, 9, raw))
	return name
}
