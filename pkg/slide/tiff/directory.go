package tiff

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/google/tiff"
)

// Directory is one image file directory: its fields by tag. A tag that is absent, or whose type is
// not the one asked for, gives the zero value.
type Directory struct {
	fields map[uint16]field
}

// field keeps the bytes as they are in the file and decodes a value when asked: a slide's arrays of
// offsets are large and each is read a few times only.
type field struct {
	typ   uint16
	count int
	raw   []byte
	order binary.ByteOrder
}

func newDirectory(ifd tiff.IFD) *Directory {
	d := &Directory{fields: make(map[uint16]field, len(ifd.Fields()))}
	for _, f := range ifd.Fields() {
		raw, size := f.Value().Bytes(), f.Type().Size()
		if size == 0 || f.Count() > uint64(len(raw))/size {
			continue // google/tiff gave fewer bytes than it says: the tag counts as absent
		}
		d.fields[f.Tag().ID()] = field{f.Type().ID(), int(f.Count()), raw, f.Value().Order()}
	}
	return d
}

// Has reports whether the tag is there.
func (d *Directory) Has(tag uint16) bool { _, ok := d.fields[tag]; return ok }

// Len is the number of values of a tag.
func (d *Directory) Len(tag uint16) int { return d.fields[tag].count }

// Uint is the first value of an integer tag, or fallback where there is none.
func (d *Directory) Uint(tag uint16, fallback uint64) uint64 {
	f, ok := d.fields[tag]
	if !ok || f.count == 0 || !f.integer() {
		return fallback
	}
	return f.uint(0)
}

// at is value i of an integer tag; the caller knows that it is there.
func (d *Directory) at(tag uint16, i int) uint64 { return d.fields[tag].uint(i) }

// Uints are the values of an integer tag, at most limit of them.
func (d *Directory) Uints(tag uint16, limit int) []uint64 {
	f := d.fields[tag]
	if !f.integer() {
		return nil
	}
	out := make([]uint64, min(f.count, limit))
	for i := range out {
		out[i] = f.uint(i)
	}
	return out
}

// Int is the first value of a signed or unsigned integer tag.
func (d *Directory) Int(tag uint16) (v int64, ok bool) {
	f, ok := d.fields[tag]
	if !ok || f.count == 0 {
		return 0, false
	}
	if f.typ == typeSLong {
		return int64(int32(f.order.Uint32(f.raw))), true
	}
	return int64(f.uint(0)), f.integer()
}

// Text is an ASCII tag up to its first NUL, without surrounding blanks. Bytes outside UTF-8, which
// scanners write in Latin-1, become U+FFFD.
func (d *Directory) Text(tag uint16) string {
	f := d.fields[tag]
	if f.typ != typeASCII && f.typ != typeByte {
		return ""
	}
	s, _, _ := strings.Cut(string(f.raw[:f.count]), "\x00")
	return strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
}

// Rational is the first value of a RATIONAL tag, or of a FLOAT or DOUBLE one, which some writers use
// in its place. NaN and infinity count as absent.
func (d *Directory) Rational(tag uint16) (v float64, ok bool) {
	f := d.fields[tag]
	if f.count == 0 {
		return 0, false
	}
	switch f.typ {
	case typeRational:
		v = float64(f.order.Uint32(f.raw)) / float64(f.order.Uint32(f.raw[4:]))
	case typeFloat:
		v = float64(math.Float32frombits(f.order.Uint32(f.raw)))
	case typeDouble:
		v = math.Float64frombits(f.order.Uint64(f.raw))
	default:
		return 0, false
	}
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

// Bytes are a tag's bytes as they are in the file. The caller must not change them.
func (d *Directory) Bytes(tag uint16) []byte {
	f := d.fields[tag]
	return f.raw[:min(int64(f.count)*typeSize(f.typ), int64(len(f.raw)))]
}

// integer reports whether uint can read the field.
func (f field) integer() bool {
	switch f.typ {
	case typeByte, typeShort, typeLong, typeIFD, typeLong8, typeIFD8:
		return true
	}
	return false
}

// uint is value i; 0 outside the field.
func (f field) uint(i int) uint64 {
	if i < 0 || i >= f.count {
		return 0
	}
	switch f.typ {
	case typeByte:
		return uint64(f.raw[i])
	case typeShort:
		return uint64(f.order.Uint16(f.raw[2*i:]))
	case typeLong, typeIFD:
		return uint64(f.order.Uint32(f.raw[4*i:]))
	case typeLong8, typeIFD8:
		return f.order.Uint64(f.raw[8*i:])
	}
	return 0
}
