package codec

import "encoding/binary"

// bitReader reads the bits of entropy-coded data, skipping the zero byte that follows each 0xFF in
// it. At a marker or the end it goes on with zero bits and counts them, so that the hot path needs no
// check: whoever has taken more bits than there were finds out in exhausted.
type bitReader struct {
	data  []byte
	pos   int
	acc   uint64 // the next n bits, in the low end
	n     uint
	empty uint // invented bits that went into acc
}

// refill tops acc up to more than 48 bits. Mostly the next 8 bytes hold no 0xFF, and as many of them
// as fit go in at once.
func (b *bitReader) refill() {
	if b.n <= 48 && b.pos+8 <= len(b.data) {
		if w := binary.BigEndian.Uint64(b.data[b.pos:]); !hasFF(w) {
			bytes := (63 - b.n) / 8
			b.acc = b.acc<<(8*bytes&63) | w>>((64-8*bytes)&63)
			b.n += 8 * bytes
			b.pos += int(bytes)
			return
		}
	}
	b.refillSlowly()
}

// hasFF reports whether one of w's bytes may be 0xFF: whether one of its complement is zero.
func hasFF(w uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return (^w-ones)&w&tops != 0
}

func (b *bitReader) refillSlowly() {
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
	if e := h.look[b.acc>>((b.n-lookBits)&63)&(1<<lookBits-1)]; e != 0 {
		b.n -= uint(e >> 8)
		return byte(e), true
	}
	return b.longSymbol(h)
}

// longSymbol decodes a symbol whose code is longer than the look-up table's.
func (b *bitReader) longSymbol(h *huffman) (s byte, ok bool) {
	for length := uint(lookBits + 1); length <= 16; length++ {
		code := int32(b.acc >> (b.n - length) & (1<<length - 1))
		if k := code + h.offset[length]; code < h.limit[length] && k >= 0 && k < h.count {
			b.n -= length
			return h.symbols[k], true
		}
	}
	return 0, false
}

// signed takes size bits as JPEG's signed number of that size (T.81 table F.1 and F.2.2.1).
func (b *bitReader) signed(size uint) int32 {
	b.n -= size
	v := int32(b.acc >> (b.n & 63) & (1<<size - 1))
	// Numbers without their top bit are the negative ones.
	return v - int32(1<<size-1)&^-(v>>(size-1)&1)
}

// block reads one block of 64 coefficients, times their quantisers, into coeff, which is zero. It
// gives the index of the last one in zigzag order; ok is false where the data are no block.
func (b *bitReader) block(dc, ac *huffman, quant *[64]int32, previous *int32, coeff *[64]int32) (last int, ok bool) {
	b.refill()
	s, ok := b.symbol(dc)
	if !ok || s > maxDCBits {
		return 0, false
	}
	if s > 0 {
		*previous += b.signed(uint(s))
	}
	if coeff[0] = *previous * quant[0]; !plausible(coeff[0], quant[0]) {
		return 0, false
	}
	for k := 1; k < 64; k++ {
		if b.n < 32 {
			b.refill()
		}
		if f := ac.fast[b.acc>>((b.n-lookBits)&63)&(1<<lookBits-1)]; f != 0 {
			if k += int(f >> 4 & 15); k > 63 {
				return 0, false
			}
			b.n -= uint(f & 15)
			v := int32(f>>8) * quant[k&63]
			if !plausible(v, quant[k&63]) {
				return 0, false
			}
			coeff[zigzag[k&63]] = v
			last = k
			continue
		}
		s, ok := b.symbol(ac)
		if !ok {
			return 0, false
		}
		if size := uint(s & 15); size > 0 {
			if k += int(s >> 4); k > 63 {
				return 0, false
			}
			v := b.signed(size) * quant[k&63]
			if !plausible(v, quant[k&63]) {
				return 0, false
			}
			coeff[zigzag[k&63]] = v
			last = k
		} else if s == 0xF0 {
			k += 15
		} else {
			break
		}
	}
	return last, !b.exhausted()
}

// plausible reports whether a coefficient can come from 8-bit samples: no transform of them exceeds 1024
// either way, and an encoder rounds by less than a quantiser. Twice that is allowed. What exceeds it is
// damage that happened to decode: a lost difference carries on through all the blocks that follow.
func plausible(v, quant int32) bool {
	const most = 2 * 1024
	return uint32(v+most+quant) <= uint32(2*(most+quant))
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
		if b.data[b.pos] == 0xFF {
			b.pos++ // and the zero behind it: one byte, whoever reads it
		}
		b.pos++
		n++
	}
	for b.pos+1 < len(b.data) && b.data[b.pos] == 0xFF && b.data[b.pos+1] == 0xFF {
		b.pos++ // fill bytes
	}
	return n
}

// zigzag gives the place of coefficient k in rows and columns (T.81 figure A.6).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}
