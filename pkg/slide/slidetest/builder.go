package slidetest

import (
	"encoding/binary"
	"math"
)

// Order is a byte order that can append as well as read.
type Order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Builder lays out a TIFF by hand: any byte order, classic or BigTIFF, any fields, right or wrong.
// Data and directories follow each other in the order of the calls.
type Builder struct {
	order Order
	big   bool
	data  []byte
	link  int // where the offset of the next directory goes
}

// Field is one directory entry. Count is what the entry claims; the builder's functions set it to what
// Raw holds.
type Field struct {
	Tag, Type uint16
	Count     uint64
	Raw       func(Order) []byte
}

// NewBuilder starts a file.
func NewBuilder(order Order, big bool) *Builder {
	b := &Builder{order: order, big: big}
	mark := "II"
	if order == Order(binary.BigEndian) {
		mark = "MM"
	}
	b.data = append(b.data, mark...)
	if big {
		b.data = order.AppendUint16(b.data, 43)
		b.data = order.AppendUint16(b.data, 8)
		b.data = order.AppendUint16(b.data, 0)
		b.link = 8
	} else {
		b.data = order.AppendUint16(b.data, 42)
		b.link = 4
	}
	b.data = append(b.data, make([]byte, b.offsetSize())...)
	return b
}

func (b *Builder) offsetSize() int {
	if b.big {
		return 8
	}
	return 4
}

// Append puts bytes at an even offset and gives the offset.
func (b *Builder) Append(raw []byte) uint64 {
	if len(b.data)%2 == 1 {
		b.data = append(b.data, 0)
	}
	at := len(b.data)
	b.data = append(b.data, raw...)
	return uint64(at)
}

// Directory appends a directory with these fields and links the previous one to it. It gives its
// offset.
func (b *Builder) Directory(fields ...Field) uint64 {
	var entries []byte
	for _, f := range fields {
		entries = b.order.AppendUint16(entries, f.Tag)
		entries = b.order.AppendUint16(entries, f.Type)
		entries = b.offset(entries, f.Count)
		raw := f.Raw(b.order)
		if len(raw) > b.offsetSize() {
			raw = b.offset(nil, b.Append(raw))
		}
		entries = append(entries, append(raw, make([]byte, b.offsetSize()-len(raw))...)...)
	}
	at := b.Append(nil)
	b.Link(at)
	if b.big {
		b.data = b.order.AppendUint64(b.data, uint64(len(fields)))
	} else {
		b.data = b.order.AppendUint16(b.data, uint16(len(fields)))
	}
	b.data = append(b.data, entries...)
	b.link = len(b.data)
	b.data = append(b.data, make([]byte, b.offsetSize())...)
	return at
}

// Link makes the last directory, or the header, point to an offset.
func (b *Builder) Link(at uint64) { copy(b.data[b.link:], b.offset(nil, at)) }

func (b *Builder) offset(dst []byte, v uint64) []byte {
	if b.big {
		return b.order.AppendUint64(dst, v)
	}
	return b.order.AppendUint32(dst, uint32(v))
}

// Bytes is the file so far.
func (b *Builder) Bytes() []byte { return b.data }

// Short is a field of 16-bit values.
func Short(tag uint16, values ...uint64) Field { return integers(tag, 3, values) }

// Long is a field of 32-bit values.
func Long(tag uint16, values ...uint64) Field { return integers(tag, 4, values) }

// Long8 is a field of 64-bit values, BigTIFF only.
func Long8(tag uint16, values ...uint64) Field { return integers(tag, 16, values) }

func integers(tag, typ uint16, values []uint64) Field {
	return Field{tag, typ, uint64(len(values)), func(o Order) (raw []byte) {
		for _, v := range values {
			switch typ {
			case 3:
				raw = o.AppendUint16(raw, uint16(v))
			case 4:
				raw = o.AppendUint32(raw, uint32(v))
			default:
				raw = o.AppendUint64(raw, v)
			}
		}
		return raw
	}}
}

// Text is an ASCII field with its NUL.
func Text(tag uint16, s string) Field {
	return Field{tag, 2, uint64(len(s) + 1), func(Order) []byte { return append([]byte(s), 0) }}
}

// Undefined is a field of bytes.
func Undefined(tag uint16, raw []byte) Field {
	return Field{tag, 7, uint64(len(raw)), func(Order) []byte { return append([]byte(nil), raw...) }}
}

// Rational is a field of one fraction, with six decimals.
func Rational(tag uint16, v float64) Field {
	return Field{tag, 5, 1, func(o Order) []byte {
		const den = 1_000_000
		if v*den > math.MaxUint32 {
			return o.AppendUint32(o.AppendUint32(nil, uint32(v)), 1)
		}
		return o.AppendUint32(o.AppendUint32(nil, uint32(math.Round(v*den))), den)
	}}
}
