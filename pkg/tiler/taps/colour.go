package taps

import "encoding/binary"

// Colour is a filtered pixel: red, green and blue as 8.8 fixed point, in 16 bits each from the lowest on. The highest
// are 0.
type Colour uint64

// sum is a pixel's red and blue, in the lower and the upper half of a word, and its green. One multiplication
// then weighs two of them: whatever is summed up stays below 2^31 in each, so nothing is carried over.
type sum struct{ rb, g uint64 }

const lanes = 1 | 1<<32 // a one in both halves

func (c Colour) unpack() sum { return sum{uint64(c) & (0xffff * lanes), uint64(c) >> 16 & 0xffff} }

// pack is a colour of what fits 16 bits.
func (s sum) pack() Colour { return Colour(s.rb | s.g<<16) }

// pixel reads the first pixel of a row of four bytes each.
func pixel(px []uint8) sum {
	v := binary.LittleEndian.Uint32(px)
	return sum{uint64(v&0xff) | uint64(v&0xff0000)<<16, uint64(v >> 8 & 0xff)}
}

// add adds a colour, weighted.
func (s *sum) add(o sum, weight int16) {
	s.rb += uint64(weight) * o.rb
	s.g += uint64(weight) * o.g
}

// rounded takes the lowest bits away, and from the lower half what the upper one's have become.
func (s sum) rounded(bits int) sum {
	half, mask := uint64(1)<<(bits-1), uint64(1)<<(32-bits)-1
	return sum{(s.rb + half*lanes) >> bits & (mask * lanes), (s.g + half) >> bits}
}

// put writes an opaque pixel of a colour whose parts fit a byte.
func (s sum) put(px []uint8) {
	binary.LittleEndian.PutUint32(px, uint32(s.rb)|uint32(s.g)<<8|uint32(s.rb>>16)|255<<24)
}

// usualTaps is the number of taps where the level is up to half again as fine as the model, as it is for
// scanners of 0.25 and 0.5 µm: the loops for it are written out, which takes half the time.
const usualTaps = 3

// acrossThree is acrossPlain for three taps.
func acrossThree(dst []Colour, line []uint8, first []int32, weight []int16) {
	first = first[:len(dst)]
	for i, at := range first {
		px := line[4*at:][:12:12]
		a, b, c := pixel(px), pixel(px[4:]), pixel(px[8:])
		u, v, w := uint64(weight[fewTaps*i]), uint64(weight[fewTaps*i+1]), uint64(weight[fewTaps*i+2])
		dst[i] = sum{u*a.rb + v*b.rb + w*c.rb, u*a.g + v*b.g + w*c.g}.rounded(weightBits - 8).pack()
	}
}

// downThree is downPlain for three taps.
func downThree(dst []uint8, a, b, c []Colour, weight []int16) {
	b, c = b[:len(a)], c[:len(a)]
	u, v, w := uint64(weight[0]), uint64(weight[1]), uint64(weight[2])
	for x := range a {
		a, b, c := a[x].unpack(), b[x].unpack(), c[x].unpack()
		s := sum{u*a.rb + v*b.rb + w*c.rb, u*a.g + v*b.g + w*c.g}
		s.rounded(weightBits + 8).put(dst[4*x:])
	}
}
