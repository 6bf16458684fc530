package dicom

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// cursor reads a data set forwards. It buffers a little, because elements are small and many.
//
// # Memory
//
// One buffer of 32 kB, and what value is asked for.
type cursor struct {
	r        io.ReaderAt
	size     int64
	at       int64
	implicit bool // no value representations: transfer syntax Implicit VR Little Endian
	buf      []byte
	from     int64 // where buf begins
	elements int
	depth    int // of the walk at work
}

const (
	cursorBuffer = 32 << 10
	maxElements  = 64 << 20 // a million frames have ten elements each in their functional groups
	maxDepth     = 16
	undefined    = 0xFFFFFFFF
)

// tag is group and element.
type tag uint32

// element is a data element's head: where its value lies.
type element struct {
	tag tag
	vr  string
	at  int64
	n   int64 // undefined: up to a delimiter
}

func damaged(format string, args ...any) error {
	return &fault.FormatError{Format: "dicom", Problem: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &fault.UnsupportedError{Format: "dicom", Feature: fmt.Sprintf(format, args...)}
}

// peek gives the next n bytes, which stay valid until the next call.
func (c *cursor) peek(n int) ([]byte, error) {
	if c.at < c.from || c.at+int64(n) > c.from+int64(len(c.buf)) {
		if c.at > c.size-int64(n) {
			return nil, damaged("the file ends inside an element: it is cut short")
		}
		if c.buf == nil {
			c.buf = make([]byte, 0, cursorBuffer)
		}
		c.buf = c.buf[:min(cursorBuffer, c.size-c.at)]
		if _, err := c.r.ReadAt(c.buf, c.at); err != nil {
			return nil, fmt.Errorf("read dicom: %w", err)
		}
		c.from = c.at
	}
	return c.buf[c.at-c.from:][:n], nil
}

// next reads an element's head and moves to its value.
func (c *cursor) next() (element, error) {
	if c.elements++; c.elements > maxElements {
		return element{}, unsupported("more than %d elements", maxElements)
	}
	b, err := c.peek(8)
	if err != nil {
		return element{}, err
	}
	e := element{tag: tag(binary.LittleEndian.Uint16(b))<<16 | tag(binary.LittleEndian.Uint16(b[2:])), at: c.at + 8}
	switch {
	case c.implicit || e.tag>>16 == 0xFFFE:
		e.n = int64(binary.LittleEndian.Uint32(b[4:]))
	default:
		e.vr = string(b[4:6])
		switch e.vr {
		case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
			if b, err = c.peek(12); err != nil {
				return e, err
			}
			e.n, e.at = int64(binary.LittleEndian.Uint32(b[8:])), c.at+12
		default:
			e.n = int64(binary.LittleEndian.Uint16(b[6:]))
		}
	}
	if e.n != undefined && e.n > c.size-e.at {
		return e, damaged("element %08x of %d bytes runs past the end of the file: it is cut short", uint32(e.tag), e.n)
	}
	c.at = e.at
	return e, nil
}

// value reads an element's value, which must not be longer than limit.
func (c *cursor) value(e element, limit int64) ([]byte, error) {
	if e.n == undefined || e.n > limit {
		return nil, unsupported("element %08x of %d bytes", uint32(e.tag), e.n)
	}
	out := make([]byte, e.n)
	if len(out) == 0 {
		return out, nil // nothing at the very end of a file is no end too early
	}
	if _, err := c.r.ReadAt(out, e.at); err != nil {
		return nil, fmt.Errorf("read dicom: %w", err)
	}
	return out, nil
}

// Delimiters of items and sequences.
const (
	tagItem        tag = 0xFFFEE000
	tagItemEnd     tag = 0xFFFEE00D
	tagSequenceEnd tag = 0xFFFEE0DD
	tagPixelData   tag = 0x7FE00010
)

// walk visits the elements of a data set up to its end or the pixel data. enter decides which sequences
// are walked into, once per item; others are skipped.
func (c *cursor) walk(end int64, visit func(e element) (enter func() error, err error)) (last element, err error) {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > maxDepth {
		return last, damaged("sequences nested deeper than %d", maxDepth)
	}
	for c.at < end {
		e, err := c.next()
		if err != nil {
			return e, err
		}
		if e.tag == tagItemEnd || e.tag == tagPixelData {
			return e, nil
		}
		enter, err := visit(e)
		if err != nil {
			return e, err
		}
		switch {
		case enter != nil:
			err = c.items(e, enter)
		case e.n == undefined:
			err = c.items(e, func() error {
				_, err := c.walk(c.size, func(element) (func() error, error) { return nil, nil })
				return err
			})
		default:
			c.at = e.at + e.n
		}
		if err != nil {
			return e, err
		}
	}
	return element{}, nil
}

// items runs body at the begin of each item of a sequence, and moves behind the sequence. For an item of
// known length the body's reading is limited by the item's end.
func (c *cursor) items(e element, body func() error) error {
	end := c.size
	if e.n != undefined {
		end = e.at + e.n
	}
	for c.at < end {
		item, err := c.next()
		switch {
		case err != nil:
			return err
		case item.tag == tagSequenceEnd:
			return nil
		case item.tag != tagItem:
			return damaged("element %08x where an item belongs", uint32(item.tag))
		}
		if item.n == undefined {
			if err := body(); err != nil {
				return err
			}
			continue
		}
		whole := c.size
		c.size = min(c.size, item.at+item.n) // so that a body ends here
		err = body()
		c.size = whole
		if err != nil {
			return err
		}
		c.at = item.at + item.n
	}
	return nil
}
