package onnx

import (
	"fmt"
	"math"
	"sync"
)

// Element types of onnx.proto's TensorProto.DataType.
const (
	typeFloat    = 1
	typeUint8    = 2
	typeInt8     = 3
	typeUint16   = 4
	typeInt16    = 5
	typeInt32    = 6
	typeInt64    = 7
	typeBool     = 9
	typeFloat16  = 10
	typeDouble   = 11
	typeUint32   = 12
	typeUint64   = 13
	typeBfloat16 = 16
)

// width is the size of an element in raw data, 0 if it is not understood.
func width(typ int64) int64 {
	switch typ {
	case typeUint8, typeInt8, typeBool:
		return 1
	case typeUint16, typeInt16, typeFloat16, typeBfloat16:
		return 2
	case typeFloat, typeInt32, typeUint32:
		return 4
	case typeInt64, typeDouble, typeUint64:
		return 8
	}
	return 0
}

func isFloat(typ int64) bool {
	return typ == typeFloat || typ == typeDouble || typ == typeFloat16 || typ == typeBfloat16
}

// tensor is a TensorProto, decoded when first asked for. Its sizes were checked against its bytes.
type tensor struct {
	name     string
	typ      int64
	dims     []int64
	size     int64  // product of dims
	raw      []byte // little endian
	hasRaw   bool
	packed   [][]byte // views of typed data fields
	loose    []uint64 // typed data that was not packed
	field    int      // number of the typed data field
	external map[string]string
	isExt    bool
	strings  bool

	decode sync.Once
	value  array
	err    error
}

func parseTensor(where string, f field) (*tensor, error) {
	t := &tensor{}
	if err := f.expect(where, 2); err != nil {
		return nil, err
	}
	if err := fields(where, f.data, func(f field) error { return t.parseField(where, f) }); err != nil {
		return nil, err
	}
	if t.name != "" {
		where = fmt.Sprintf("tensor %q", t.name)
	}
	return t, t.checkSize(where)
}

func (t *tensor) parseField(where string, f field) (err error) {
	switch f.num {
	case 1:
		t.dims, err = f.ints(where, t.dims)
	case 2:
		t.typ, err = f.int(where)
	case 3:
		err = &UnsupportedError{where, "segmented tensors", "save the model in one piece"}
	case 4, 5, 7, 10, 11:
		t.field = int(f.num)
		if f.data != nil || f.typ == 2 {
			t.packed = append(t.packed, f.data)
		} else {
			t.loose = append(t.loose, f.n)
		}
	case 6:
		t.strings = true
	case 8:
		t.name, err = f.text(where)
	case 9:
		t.hasRaw, t.raw = true, f.data
		err = f.expect(where, 2)
	case 13:
		err = t.externalEntry(where, f)
	case 14:
		var v int64
		v, err = f.int(where)
		t.isExt = v == 1
	}
	return err
}

func (t *tensor) externalEntry(where string, f field) error {
	if err := f.expect(where, 2); err != nil {
		return err
	}
	key, value, err := parseEntry(where, f.data)
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}

// parseEntry reads a StringStringEntryProto.
func parseEntry(where string, msg []byte) (key, value string, err error) {
	err = fields(where, msg, func(f field) (err error) {
		switch f.num {
		case 1:
			key, err = f.text(where)
		case 2:
			value, err = f.text(where)
		}
		return err
	})
	return key, value, err
}

// checkSize multiplies the dimensions without overflow and compares them with the bytes present.
func (t *tensor) checkSize(where string) error {
	if t.strings {
		return nil // refused where it is used
	}
	if width(t.typ) == 0 {
		return &UnsupportedError{where, fmt.Sprintf("element type %d", t.typ), "export the model in float32"}
	}
	if len(t.dims) > 8 {
		return &FormatError{where, fmt.Sprintf("%d dimensions", len(t.dims))}
	}
	t.size = 1
	for _, d := range t.dims {
		if d < 0 || d > math.MaxInt32 || (d > 0 && t.size > math.MaxInt32/d) {
			return &FormatError{where, fmt.Sprintf("impossible dimensions %v", t.dims)}
		}
		t.size *= d
	}
	if t.isExt {
		return nil // compared when the bytes are there
	}
	if t.hasRaw {
		return t.checkRaw(where)
	}
	return t.checkTyped(where)
}

func (t *tensor) checkRaw(where string) error {
	if int64(len(t.raw)) != t.size*width(t.typ) {
		return &FormatError{where, fmt.Sprintf("dimensions %v need %d bytes, %d are there", t.dims, t.size*width(t.typ), len(t.raw))}
	}
	return nil
}

func (t *tensor) checkTyped(where string) error {
	have := int64(len(t.loose))
	for _, p := range t.packed {
		switch t.field {
		case 4:
			have += int64(len(p)) / 4
		case 10:
			have += int64(len(p)) / 8
		default:
			have += countVarints(p)
		}
	}
	if have != t.size {
		return &FormatError{where, fmt.Sprintf("dimensions %v need %d values, %d are there", t.dims, t.size, have)}
	}
	return nil
}

// countVarints counts the last bytes of varints.
func countVarints(data []byte) (n int64) {
	for _, b := range data {
		if b < 0x80 {
			n++
		}
	}
	return n
}
