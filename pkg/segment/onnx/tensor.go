package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
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

// array decodes the tensor, once.
func (t *tensor) array() (array, error) {
	t.decode.Do(func() { t.value, t.err = t.decoded() })
	return t.value, t.err
}

func (t *tensor) decoded() (array, error) {
	if t.strings {
		return array{}, &UnsupportedError{fmt.Sprintf("tensor %q", t.name), "strings as values", ""}
	}
	a := array{dims: make([]int, len(t.dims))}
	for i, d := range t.dims {
		a.dims[i] = int(d)
	}
	if isFloat(t.typ) {
		a.f = make([]float32, t.size)
	} else {
		a.i = make([]int64, t.size)
	}
	if t.hasRaw {
		t.decodeRaw(a)
		return a, nil
	}
	return a, t.decodeTyped(a)
}

func (t *tensor) decodeRaw(a array) {
	w := int(width(t.typ))
	for k := range int(t.size) {
		bits := littleEndian(t.raw[k*w : (k+1)*w])
		if isFloat(t.typ) {
			a.f[k] = toFloat(t.typ, bits)
		} else {
			a.i[k] = toInt(t.typ, bits)
		}
	}
}

func littleEndian(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func toFloat(typ int64, bits uint64) float32 {
	switch typ {
	case typeDouble:
		return float32(math.Float64frombits(bits))
	case typeFloat16:
		return halfToFloat(uint16(bits))
	case typeBfloat16:
		return math.Float32frombits(uint32(bits) << 16)
	}
	return math.Float32frombits(uint32(bits))
}

func toInt(typ int64, bits uint64) int64 {
	switch typ {
	case typeInt8:
		return int64(int8(bits))
	case typeInt16:
		return int64(int16(bits))
	case typeInt32:
		return int64(int32(bits))
	}
	return int64(bits)
}

func halfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0:
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// decodeTyped reads the typed data fields; checkTyped counted their values.
func (t *tensor) decodeTyped(a array) error {
	k := 0
	put := func(bits uint64) {
		switch {
		case k >= int(t.size):
		case !isFloat(t.typ):
			a.i[k] = toInt(t.typ, bits)
		case t.field == 4:
			a.f[k] = math.Float32frombits(uint32(bits))
		case t.field == 10:
			a.f[k] = float32(math.Float64frombits(bits))
		default: // half floats travel as integers
			a.f[k] = toFloat(t.typ, bits)
		}
		k++
	}
	for _, p := range t.packed {
		if err := t.eachPacked(p, put); err != nil {
			return err
		}
	}
	for _, bits := range t.loose {
		put(bits)
	}
	return nil
}

func (t *tensor) eachPacked(p []byte, put func(uint64)) error {
	for w := map[int]int{4: 4, 10: 8}[t.field]; w > 0 && len(p) >= w; p = p[w:] {
		put(littleEndian(p[:w]))
	}
	for t.field != 4 && t.field != 10 && len(p) > 0 {
		v, size := binary.Uvarint(p)
		if size <= 0 {
			return &FormatError{"tensor " + strconv.Quote(t.name), "broken packed integer"}
		}
		put(v)
		p = p[size:]
	}
	return nil
}
