package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// file is a model in the making, message by message: what no exporter would write.
type file struct {
	nodes, initializers, inputs, outputs [][]byte
	opset                                int64
	extra                                []byte // more fields of the model
	graphExtra                           []byte
}

// tiny is a sound model: x (1 channel) → "y".
func tiny(nodes ...[]byte) file {
	return file{
		nodes: nodes, opset: 17,
		inputs:  [][]byte{describeImage("x", 1, "")},
		outputs: [][]byte{describeImage("y", 0, "y_")},
	}
}

func (f file) with(initializers ...[]byte) file {
	f.initializers = append(f.initializers, initializers...)
	return f
}

func (f file) bytes() []byte {
	var g []byte
	for num, list := range map[int][][]byte{1: f.nodes, 5: f.initializers, 11: f.inputs, 12: f.outputs} {
		for _, m := range list {
			g = appendMessage(g, protowire.Number(num), m)
		}
	}
	b := appendMessage(nil, 7, append(g, f.graphExtra...))
	if f.opset != 0 {
		b = appendMessage(b, 8, appendInt(nil, 2, f.opset))
	}
	return append(b, f.extra...)
}

// op is a NodeProto with one result.
func op(kind string, in []string, out string, attrs ...attr) []byte {
	var b []byte
	for _, s := range in {
		b = appendText(b, 1, s)
	}
	b = appendText(b, 2, out)
	b = appendText(b, 3, "culprit")
	b = appendText(b, 4, kind)
	for _, a := range attrs {
		b = appendMessage(b, 5, a.encode())
	}
	return b
}

// raw is a TensorProto with raw data.
func raw(name string, typ int64, data []byte, dims ...int64) []byte {
	var b []byte
	for _, d := range dims {
		b = appendInt(b, 1, d)
	}
	b = appendText(appendInt(b, 2, typ), 8, name)
	return appendMessage(b, 9, data)
}

func floats(name string, dims []int64, values ...float32) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return raw(name, typeFloat, data, dims...)
}

func ints(name string, values ...int64) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return raw(name, typeInt64, data, int64(len(values)))
}
