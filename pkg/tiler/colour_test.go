package tiler

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// filtered is what across and column are to make of one channel, one product at a time.
func filtered(values []int64, weight []int32, bits int) int64 {
	sum := int64(1) << (bits - 1)
	for i, v := range values {
		sum += v * int64(weight[i])
	}
	return sum >> bits
}

// randomWeights sum to one; sometimes one of them has it all, which gives the largest sums.
func randomWeights(r *rand.Rand, n int) []int32 {
	weights := make([]int64, n)
	for i := range weights {
		weights[i] = int64(r.IntN(1000) * r.IntN(2))
	}
	weights[r.IntN(n)]++
	normalise(weights)
	out := make([]int32, n)
	for i, w := range weights {
		out[i] = int32(w)
	}
	return out
}

// TestFilterAsWrittenDown: with any number of taps the packed loops make what single products make.
func TestFilterAsWrittenDown(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for n := 1; n <= maxTaps; n++ {
		const width = 200
		s := &sampler{x: taps{n: n}, y: taps{n: n}, line: make([]uint8, 4*300), sums: make([]colour, width)}
		for i := range s.line {
			s.line[i] = uint8(max(r.IntN(300), 45)) // often white, the largest there is
		}
		for range width {
			for range n {
				s.x.at = append(s.x.at, int32(4*r.IntN(300)))
			}
			s.x.weight = append(s.x.weight, randomWeights(r, n)...)
		}
		var at []int32
		plain := make([][]int64, n)
		for k := range n {
			s.ring = append(s.ring, make([]colour, width))
			at = append(at, int32(k+n))
		}
		for k := range n {
			for i := range s.line {
				s.line[i] -= uint8(k)
			}
			s.across(s.ring[k])
			plain[k] = plainAcross(s, n, width)
		}
		down, got := randomWeights(r, n), make([]uint8, 4*width)
		s.column(got, at, down)
		if want := plainColumn(plain, down, width); !bytes.Equal(got, want) {
			t.Errorf("%d taps: %v, want %v", n, got[:32], want[:32])
		}
	}
}

func plainAcross(s *sampler, n, width int) (row []int64) {
	for i := range width {
		for c := range 3 {
			values := make([]int64, n)
			for k := range n {
				values[k] = int64(s.line[int(s.x.at[i*n+k])+c])
			}
			row = append(row, filtered(values, s.x.weight[i*n:], weightBits-8))
		}
	}
	return row
}

func plainColumn(rows [][]int64, weight []int32, width int) (pix []uint8) {
	for i := range width {
		for c := range 3 {
			values := make([]int64, len(rows))
			for k := range rows {
				values[k] = rows[k][3*i+c]
			}
			pix = append(pix, uint8(filtered(values, weight, weightBits+8)))
		}
		pix = append(pix, 255)
	}
	return pix
}
