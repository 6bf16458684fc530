package codec

import (
	"bytes"
	"slices"
)

// skipTable says what the next skipBits bits of a block mean to who keeps no coefficient: mostly several codes with their
// values at once.
type skipTable struct {
	steps [1 << skipBits]skipStep
	// Of the code that steps were made for.
	limit   [17]int32
	symbols [256]byte
	count   int32
}

// skipBits makes tables of 16 kB: both of a stream stay in the processor's nearest cache, and a step is two codes or three.
const skipBits = 12

// skipStep is some codes and the values that follow them. A step of no bits is not known: the first code is longer than
// skipBits, or none.
type skipStep struct {
	bits   uint8
	places uint8 // by which the coefficients advance
	size   uint8 // of the largest value, in bits
	ends   bool  // the last code ends the block
}

// prepare makes the table for a code of AC coefficients. Tiles of a slide share one mostly: nothing is to do then.
func (t *skipTable) prepare(h *huffman) {
	if t.count == h.count && t.limit == h.limit && bytes.Equal(t.symbols[:t.count], h.symbols[:h.count]) {
		return
	}
	t.limit, t.symbols, t.count = h.limit, h.symbols, h.count
	for bits := range t.steps {
		t.steps[bits] = h.step(uint(bits))
	}
}

// step takes as many whole codes with their values as there are in skipBits bits.
func (h *huffman) step(bits uint) (s skipStep) {
	for !s.ends {
		rest := bits << s.bits & (1<<skipBits - 1)
		entry := h.look[rest>>(skipBits-lookBits)]
		length, size := uint8(entry>>8), uint8(entry&15)
		if length == 0 || s.bits+length+size > skipBits {
			return s
		}
		s.bits += length + size
		switch {
		case size > 0:
			s.places += uint8(entry>>4&15) + 1
		case entry&255 == 0xF0:
			s.places += 16
		default:
			s.ends = true
		}
		s.size = max(s.size, size)
	}
	return s
}

// smallSize is the largest size of values that are plausible wherever they stand among the AC coefficients: where the
// quantiser is largest.
func smallSize(quant *[64]int32) (size uint8) {
	q := slices.Max(quant[1:])
	for size < 15 && plausible((1<<(size+1)-1)*q, q) {
		size++
	}
	return size
}

// pass reads a block as block does, and keeps nothing of it but the DC. It judges as block does: whatever a step may not
// say of itself, that it goes too far or its values are too large, is read code by code.
func (b *bitReader) pass(p *part) (ok bool) {
	b.refill()
	s, ok := b.symbol(p.dc)
	if !ok || s > maxDCBits {
		return false
	}
	if s > 0 {
		p.previous += b.signed(uint(s))
	}
	if !plausible(p.previous*p.quant[0], p.quant[0]) {
		return false
	}
	acc, n := b.acc, b.n // in registers
	for k := 1; k < 64; {
		if n < 32 {
			b.n = n
			b.refill()
			acc, n = b.acc, b.n
		}
		step := p.skip.steps[acc>>((n-skipBits)&63)&(1<<skipBits-1)]
		if next := k + int(step.places); step.bits > 0 && next < 64 && step.size <= p.small {
			n -= uint(step.bits)
			if k = next; step.ends {
				break
			}
			continue
		}
		b.n = n
		if k, ok = b.coefficient(p, k); !ok {
			return false
		}
		n = b.n
	}
	b.n = n
	return !b.exhausted()
}

// coefficient reads the code of coefficient k or of those after it, and gives the place of the next; 64 ends the block.
func (b *bitReader) coefficient(p *part, k int) (next int, ok bool) {
	s, ok := b.symbol(p.ac)
	size := uint(s & 15)
	switch {
	case !ok:
		return 0, false
	case size == 0 && s == 0xF0:
		return k + 16, true
	case size == 0:
		return 64, true
	}
	if k += int(s >> 4); k > 63 {
		return 0, false
	}
	return k + 1, plausible(b.signed(size)*p.quant[k&63], p.quant[k&63])
}
