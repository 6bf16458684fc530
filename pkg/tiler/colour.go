package tiler

import "encoding/binary"

// colour is a pixel's red and blue, in the lower and the upper half of a word, and its green. One multiplication
// then weighs two of them: whatever is summed up stays below 2^31 in each, so nothing is carried over.
type colour struct{ rb, g uint64 }

const lanes = 1 | 1<<32 // a one in both halves

// pixel reads the first pixel of a row of four bytes each.
func pixel(px []uint8) colour { return unpack(binary.LittleEndian.Uint32(px)) }

func unpack(px uint32) colour {
	return colour{uint64(px&0xff) | uint64(px&0xff0000)<<16, uint64(px >> 8 & 0xff)}
}

// add adds a colour, weighted.
func (c *colour) add(o colour, weight int32) {
	c.rb += uint64(weight) * o.rb
	c.g += uint64(weight) * o.g
}

// rounded takes the lowest bits away, and from the lower half what the upper one's have become.
func (c colour) rounded(bits int) colour {
	half, mask := uint64(1)<<(bits-1), uint64(1)<<(32-bits)-1
	return colour{(c.rb + half*lanes) >> bits & (mask * lanes), (c.g + half) >> bits}
}

// put writes an opaque pixel of a colour whose parts fit a byte.
func (c colour) put(px []uint8) {
	binary.LittleEndian.PutUint32(px, uint32(c.rb)|uint32(c.g)<<8|uint32(c.rb>>16)|255<<24)
}

// usualTaps is the number of taps where the level is up to half again as fine as the model, as it is for
// scanners of 0.25 and 0.5 µm: the loops for it are written out, which takes half the time.
const usualTaps = 3

// acrossThree is sampler.across for three taps: line holds pixels of four bytes, at and weight three of an output.
func acrossThree(dst []colour, line []uint8, at, weight []int32) {
	for i := 0; len(at) >= 3 && len(weight) >= 3 && i < len(dst); i++ {
		a, b, c := pixel(line[at[0]:]), pixel(line[at[1]:]), pixel(line[at[2]:])
		u, v, w := uint64(weight[0]), uint64(weight[1]), uint64(weight[2])
		dst[i] = colour{u*a.rb + v*b.rb + w*c.rb, u*a.g + v*b.g + w*c.g}.rounded(weightBits - 8)
		at, weight = at[3:], weight[3:]
	}
}

// columnThree is sampler.column for three taps.
func columnThree(dst []uint8, rows [usualTaps][]colour, weight []int32) {
	n := len(dst) / 4
	a, b, c := rows[0][:n], rows[1][:n], rows[2][:n]
	u, v, w := uint64(weight[0]), uint64(weight[1]), uint64(weight[2])
	for x := range a {
		sum := colour{u*a[x].rb + v*b[x].rb + w*c[x].rb, u*a[x].g + v*b[x].g + w*c[x].g}
		sum.rounded(weightBits + 8).put(dst[4*x:])
	}
}
