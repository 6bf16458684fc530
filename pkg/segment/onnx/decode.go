package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

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
