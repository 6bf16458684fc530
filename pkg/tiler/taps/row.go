package taps

import "sort"

// Len is the number of outputs.
func (t *Table) Len() int { return len(t.first) }

// Rows is how many source rows an output row is made of at most.
func (t *Table) Rows() int { return t.used }

// beyond is how far the assembly reads beyond a line's last pixel: it takes fewTaps pixels at once.
const beyond = fewTaps - 1

// Line makes memory for the source pixels of a row, four bytes each.
func (t *Table) Line() []uint8 { return make([]uint8, 4*(t.end-t.start+beyond)) }

// Gather copies source pixels of a row, the first of which is at a coordinate from Lo on, to their place in the line.
func (t *Table) Gather(line []uint8, at int, pix []uint8) { copy(line[4*(at-t.start):], pix) }

// Across filters a line, into which all pixels from Lo to Hi were gathered, along the row: dst gets Len pixels.
func (t *Table) Across(dst []Colour, line []uint8) {
	t.repeat(line)
	dst = dst[:len(t.first)]
	done := t.acrossFast(dst, line)
	t.acrossPlain(dst[done:], line, done)
}

// repeat fills what lies beyond the source with its outermost pixels.
func (t *Table) repeat(line []uint8) {
	lo, hi, end := 4*(t.Lo-t.start), 4*(t.Hi-t.start), 4*(t.end-t.start)
	for at := 0; at < lo; at += 4 {
		copy(line[at:at+4], line[lo:])
	}
	for at := hi; at < end; at += 4 {
		copy(line[at:at+4], line[hi-4:])
	}
}

// acrossPlain filters from output i on.
func (t *Table) acrossPlain(dst []Colour, line []uint8, i int) {
	first, weight := t.first[i:], t.weight[i*t.stride:]
	if t.used == usualTaps {
		acrossThree(dst, line, first, weight)
		return
	}
	for i := range dst {
		var s sum
		for k, w := range weight[i*t.stride:][:t.used] {
			s.add(pixel(line[4*(int(first[i])+k):]), w)
		}
		dst[i] = s.rounded(weightBits - 8).pack()
	}
}

// Made is the half-open range of outputs, counted from the first, that source coordinates from lo on and below hi
// are part of.
func (t *Table) Made(lo, hi int) (from, to int) {
	from = sort.Search(len(t.first), func(i int) bool { return t.row(i, t.used-1) >= lo })
	to = sort.Search(len(t.first), func(i int) bool { return t.row(i, 0) >= hi })
	return from, to
}

// Last is the source row that output row i needs last.
func (t *Table) Last(i int) int { return t.row(i, t.used-1) }

// row is the source coordinate of tap k of output i.
func (t *Table) row(i, k int) int { return t.clamp(int(t.first[i]) + t.start + k) }

// Down filters down the columns: dst gets the opaque pixels, four bytes each, of output row i from the filtered
// rows at the source rows that it needs, the last of which is Last(i).
func (t *Table) Down(dst []uint8, i int, filtered func(row int) []Colour) {
	n := len(dst) / 4
	var rows [maxTaps][]Colour
	for k := range t.used {
		rows[k] = filtered(t.row(i, k))[:n]
	}
	weight := t.weight[i*t.stride:][:t.used]
	done := 0
	if t.used <= fewTaps {
		for k := t.used; k < fewTaps; k++ {
			rows[k] = rows[0] // which weighs nothing here
		}
		done = downFast(dst, rows[:fewTaps], t.weight[i*t.stride:][:fewTaps])
	}
	downPlain(dst, rows[:t.used], weight, done)
}

// downPlain makes the pixels from the given one on.
func downPlain(dst []uint8, rows [][]Colour, weight []int16, from int) {
	if len(rows) == usualTaps {
		downThree(dst[4*from:], rows[0][from:], rows[1][from:], rows[2][from:], weight)
		return
	}
	for x := from; x < len(dst)/4; x++ {
		var s sum
		for k, w := range weight {
			s.add(rows[k][x].unpack(), w)
		}
		s.rounded(weightBits + 8).put(dst[4*x:])
	}
}
