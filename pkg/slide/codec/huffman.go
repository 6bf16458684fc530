package codec

import "bytes"

// huffman decodes one symbol with a table look-up of lookBits bits, or by the canonical code's limits
// for longer ones (T.81 annex F.2.2.3).
type huffman struct {
	look    [1 << lookBits]uint16 // length<<8 | symbol; 0: longer than lookBits or no code
	fast    [1 << lookBits]int16  // AC only: value<<8 | run<<4 | length of code and value; 0: not in lookBits bits
	limit   [17]int32             // first code beyond those of each length
	offset  [17]int32             // a length's code c is symbol number c+offset
	symbols [256]byte
	count   int32    // of symbols; 0: no table
	counts  [16]byte // of codes of each length, as they were read
	hasFast bool
}

const lookBits = 9

// read takes a table from its 16 counts and its symbols, and gives the number of bytes it took. Tiles of a slide share
// their tables mostly: nothing is to do then.
func (h *huffman) read(d []byte) (int, error) {
	total := 0
	for _, n := range d[:16] {
		total += int(n)
	}
	if total == 0 || total > len(h.symbols) || 16+total > len(d) {
		return 0, jpegDamaged("huffman table of %d symbols", total)
	}
	counts, symbols := [16]byte(d), d[16:16+total]
	if h.counts == counts && bytes.Equal(h.symbols[:h.count], symbols) {
		return 16 + total, nil
	}
	h.count, h.hasFast = 0, false
	clear(h.look[:])
	copy(h.symbols[:], symbols)
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(d[length-1])
		if code+n > 1<<length {
			return 0, jpegDamaged("huffman table with too many codes of %d bits", length)
		}
		h.offset[length], h.limit[length] = k-code, code+n
		h.fillLook(code, n, k, length)
		code, k = (code+n)<<1, k+n
	}
	h.count, h.counts = k, counts
	return 16 + total, nil
}

func (h *huffman) fillLook(code, n, k int32, length int) {
	if length > lookBits {
		return
	}
	for i := range n {
		first := (code + i) << (lookBits - length)
		entry := uint16(length)<<8 | uint16(h.symbols[k+i])
		for j := range int32(1) << (lookBits - length) {
			h.look[first+j] = entry
		}
	}
}

// prepareAC fills fast: where a code and the value that follows it fit into lookBits bits together, and
// the value into a byte, one look-up gives both. In slides' tiles most coefficients are such.
func (h *huffman) prepareAC() {
	if h.hasFast {
		return
	}
	h.hasFast = true
	for bits := range int32(1 << lookBits) {
		h.fast[bits] = 0
		length, symbol := int32(h.look[bits]>>8), int32(h.look[bits]&255)
		run, size := symbol>>4, symbol&15
		if length == 0 || size == 0 || length+size > lookBits {
			continue
		}
		v := bits >> (lookBits - length - size) & (1<<size - 1)
		if v < 1<<(size-1) {
			v -= 1<<size - 1
		}
		if v >= -128 && v <= 127 {
			h.fast[bits] = int16(v<<8 | run<<4 | (length + size))
		}
	}
}
