package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message: an integer, or bytes.
type field struct {
	num  protowire.Number
	typ  protowire.Type
	n    uint64 // varint, fixed32, fixed64
	data []byte // length-delimited: a view of the file
}

// fields calls do for each field of a message. Groups are refused: ONNX has none.
func fields(where string, msg []byte, do func(field) error) error {
	for len(msg) > 0 {
		f, size := consume(msg)
		if size < 0 {
			return &FormatError{where, "broken field: " + protowire.ParseError(size).Error()}
		}
		msg = msg[size:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

func consume(msg []byte) (field, int) {
	num, typ, head := protowire.ConsumeTag(msg)
	if head < 0 {
		return field{}, head
	}
	f := field{num: num, typ: typ}
	size := 0
	switch rest := msg[head:]; typ {
	case protowire.VarintType:
		f.n, size = protowire.ConsumeVarint(rest)
	case protowire.Fixed32Type:
		var v uint32
		v, size = protowire.ConsumeFixed32(rest)
		f.n = uint64(v)
	case protowire.Fixed64Type:
		f.n, size = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		f.data, size = protowire.ConsumeBytes(rest)
	default:
		return f, -1
	}
	if size < 0 {
		return f, size
	}
	return f, head + size
}

// expect checks the wire type of a known field.
func (f field) expect(where string, typ protowire.Type) error {
	if f.typ != typ {
		return &FormatError{where, fmt.Sprintf("field %d has wire type %d, not %d", f.num, f.typ, typ)}
	}
	return nil
}

func (f field) text(where string) (string, error) {
	return string(f.data), f.expect(where, protowire.BytesType)
}

func (f field) int(where string) (int64, error) {
	return int64(f.n), f.expect(where, protowire.VarintType)
}

func (f field) float(where string) (float32, error) {
	return math.Float32frombits(uint32(f.n)), f.expect(where, protowire.Fixed32Type)
}

// ints appends a repeated integer, packed or not. The values of a packed field take at least a byte
// each, so that the file bounds them.
func (f field) ints(where string, to []int64) ([]int64, error) {
	if f.typ == protowire.VarintType {
		return append(to, int64(f.n)), nil
	}
	if err := f.expect(where, protowire.BytesType); err != nil {
		return nil, err
	}
	for data := f.data; len(data) > 0; {
		v, size := protowire.ConsumeVarint(data)
		if size < 0 {
			return nil, &FormatError{where, fmt.Sprintf("field %d: broken packed integer", f.num)}
		}
		to, data = append(to, int64(v)), data[size:]
	}
	return to, nil
}

// floats appends a repeated float, packed or not.
func (f field) floats(where string, to []float32) ([]float32, error) {
	if f.typ == protowire.Fixed32Type {
		return append(to, math.Float32frombits(uint32(f.n))), nil
	}
	if err := f.expect(where, protowire.BytesType); err != nil {
		return nil, err
	}
	if len(f.data)%4 != 0 {
		return nil, &FormatError{where, fmt.Sprintf("field %d: %d bytes are no packed floats", f.num, len(f.data))}
	}
	for data := f.data; len(data) > 0; data = data[4:] {
		v, _ := protowire.ConsumeFixed32(data)
		to = append(to, math.Float32frombits(v))
	}
	return to, nil
}
