package codec

// bitReader reads the bits of entropy-coded data, skipping the zero byte that follows each 0xFF in
// it. At a marker or the end it goes on with zero bits and counts them, so that the hot path needs no
// check: whoever has taken more bits than there were finds out in exhausted.
type bitReader struct {
	data  []byte
	pos   int
	acc   uint64 // the next n bits, in the low end
	n     uint
	empty uint // invented bits in acc
}

// refill tops acc up to more than 48 bits.
func (b *bitReader) refill() {
	for b.n <= 48 {
		var v byte
		switch {
		case b.pos >= len(b.data), b.data[b.pos] == 0xFF && (b.pos+1 >= len(b.data) || b.data[b.pos+1] != 0):
			b.empty += 8
		case b.data[b.pos] == 0xFF:
			v = 0xFF
			b.pos += 2
		default:
			v = b.data[b.pos]
			b.pos++
		}
		b.acc = b.acc<<8 | uint64(v)
		b.n += 8
	}
}

// exhausted reports whether invented bits have been taken.
func (b *bitReader) exhausted() bool { return b.empty > b.n }

// symbol decodes one symbol; ok is false where the bits are no code. It needs 16 bits.
func (b *bitReader) symbol(h *huffman) (s byte, ok bool) {
	if e := h.look[b.acc>>(b.n-lookBits)&(1<<lookBits-1)]; e != 0 {
		b.n -= uint(e >> 8)
		return byte(e), true
	}
	for length := uint(lookBits + 1); length <= 16; length++ {
		code := int32(b.acc >> (b.n - length) & (1<<length - 1))
		if code < h.limit[length] && code+h.offset[length] >= 0 && int(code+h.offset[length]) < len(h.symbols) {
			b.n -= length
			return h.symbols[code+h.offset[length]], true
		}
	}
	return 0, false
}

// block steps over one block of 64 coefficients and reports whether it was whole.
func (b *bitReader) block(dc, ac *huffman) bool {
	b.refill()
	s, ok := b.symbol(dc)
	if !ok || s > maxDCBits {
		return false
	}
	b.n -= uint(s)
	for k := 1; k < 64; k++ {
		if b.n < 32 {
			b.refill()
		}
		s, ok := b.symbol(ac)
		if !ok {
			return false
		}
		run, size := int(s>>4), uint(s&15)
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return false
		}
		b.n -= size
	}
	return !b.exhausted()
}

// maxDCBits is the size of the largest difference of two DC coefficients of 8-bit samples, with one
// bit to spare for encoders that round outwards (T.81 table F.1).
const maxDCBits = 12

// restart steps over restart marker number want.
func (b *bitReader) restart(want byte) bool {
	if b.left() > 0 || b.pos+2 > len(b.data) || b.data[b.pos+1] != mRST0+want {
		return false
	}
	b.pos += 2
	b.acc, b.n, b.empty = 0, 0, 0
	return true
}

// left is the number of whole bytes between the position and the next marker, which pos is moved to.
func (b *bitReader) left() int {
	n := 0
	if b.n > b.empty {
		n = int(b.n-b.empty) / 8
	}
	for b.pos < len(b.data) {
		if b.data[b.pos] == 0xFF && (b.pos+1 >= len(b.data) || b.data[b.pos+1] != 0) {
			break
		}
		b.pos++
		n++
	}
	for b.pos+1 < len(b.data) && b.data[b.pos] == 0xFF && b.data[b.pos+1] == 0xFF {
		b.pos++ // fill bytes
	}
	return n
}
