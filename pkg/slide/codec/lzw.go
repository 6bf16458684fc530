package codec

import "github.com/slidemill/slidemill/pkg/slide/fault"

// LZW unpacks TIFF's variant of LZW (TIFF 6.0 page 57): codes run from the most significant bit and
// grow one code early.
//
// Every string in the dictionary is an earlier piece of the output and one byte after it, so an entry
// is just that piece's place and length.
func LZW(dst, src []byte) error {
	d := lzwReader{src: src}
	d.clear()
	n := 0
	for n < len(dst) {
		code, ok := d.code()
		if !ok || code == lzwEnd {
			return short("lzw", n, len(dst))
		}
		if code == lzwClear {
			d.clear()
			continue
		}
		length, ok := d.emit(dst, n, code)
		if !ok {
			return &fault.FormatError{Format: "lzw", Problem: "a code that means nothing yet"}
		}
		n += length
	}
	return nil
}

const (
	lzwClear    = 256
	lzwEnd      = 257
	lzwFirst    = 258
	lzwMaxWidth = 12
)

// lzwReader is the state of LZW: the dictionary and the bits.
//
// # Memory
//
// 48 kB of dictionary, on the stack.
type lzwReader struct {
	src    []byte
	pos    int
	acc    uint32
	bits   uint
	width  uint
	next   int // the code of the next entry
	last   int // where the string of the code before lies in the output; -1 after a clear code
	length int // of that string
	at     [1 << lzwMaxWidth]int32
	size   [1 << lzwMaxWidth]int32
}

func (d *lzwReader) clear() { d.width, d.next, d.last = 9, lzwFirst, -1 }

// code reads the next code.
func (d *lzwReader) code() (code int, ok bool) {
	for d.bits < d.width {
		if d.pos == len(d.src) {
			return 0, false
		}
		d.acc = d.acc<<8 | uint32(d.src[d.pos])
		d.pos++
		d.bits += 8
	}
	d.bits -= d.width
	return int(d.acc >> d.bits & (1<<d.width - 1)), true
}

// emit writes a code's string at n, as much of it as fits, and makes the entry that the code completes:
// the string before and the first byte of this one, which lie side by side in the output. It gives the
// string's length.
func (d *lzwReader) emit(dst []byte, n, code int) (length int, ok bool) {
	switch {
	case code < lzwClear:
		dst[n], length = byte(code), 1
	case d.last < 0 || code > d.next:
		return 0, false
	default:
		from := d.last
		length = d.length + 1 // of the entry that this code completes
		if code < d.next {
			from, length = int(d.at[code]), int(d.size[code])
		}
		repeat(dst[n:min(n+length, len(dst))], dst[from:])
	}
	if d.last >= 0 && d.next < 1<<lzwMaxWidth {
		d.at[d.next], d.size[d.next] = int32(d.last), int32(d.length+1)
		if d.next++; d.next+1 == 1<<d.width && d.width < lzwMaxWidth {
			d.width++
		}
	}
	d.last, d.length = n, length
	return length, true
}

// repeat copies byte by byte, because src may run into what is being written.
func repeat(dst, src []byte) {
	for i := range dst {
		dst[i] = src[i]
	}
}
