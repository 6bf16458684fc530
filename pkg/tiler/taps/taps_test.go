package taps

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// plain switches the assembly off until the test ends.
func plain(t testing.TB) {
	before := fast
	fast = false
	t.Cleanup(func() { fast = before })
}

// filtered is what Across and Down are to make of one channel, one product at a time.
func filtered(values []int64, weight []int16, bits int) int64 {
	sum := int64(1) << (bits - 1)
	for i, v := range values {
		sum += v * int64(weight[i])
	}
	return sum >> bits
}

// randomWeights sum to one; sometimes one of them has it all, which gives the largest sums.
func randomWeights(r *rand.Rand, n, stride int) []int16 {
	weights := make([]int64, n)
	for i := range weights {
		weights[i] = int64(r.IntN(1000) * r.IntN(2))
	}
	weights[r.IntN(n)]++
	normalise(weights)
	out := make([]int16, stride)
	for i, w := range weights {
		out[i] = int16(w)
	}
	return out
}

// randomTable has any first taps, in their order, on a source of 300 pixels.
func randomTable(r *rand.Rand, n, width int) *Table {
	t := &Table{used: n, stride: max(n, fewTaps), Hi: 300, size: 300, start: -2, end: 303}
	for range width {
		t.first = append(t.first, int32(r.IntN(t.end-t.start-n+1)))
		t.weight = append(t.weight, randomWeights(r, n, t.stride)...)
	}
	slices.Sort(t.first)
	return t
}

// randomPixels are often white, the largest there is.
func randomPixels(r *rand.Rand, n int) []uint8 {
	pix := make([]uint8, 4*n)
	for i := range pix {
		pix[i] = uint8(min(r.IntN(400), 255))
	}
	return pix
}

// TestMade: the outputs that a stretch of the source is part of are those of which a tap lies in it, the repeated
// pixels at the source's ends included.
func TestMade(t *testing.T) {
	for _, ratio := range []int64{one / 2, one, 3 * one / 2, 5 * one / 2} {
		table := New(0, int(300*one/ratio), ratio, 300)
		for lo := 0; lo < 300; lo += 50 {
			from, to := table.Made(lo, lo+50)
			for i := range table.Len() {
				touched := false
				for k := range table.used {
					at := table.row(i, k)
					touched = touched || at >= lo && at < lo+50
				}
				if touched != (i >= from && i < to) {
					t.Errorf("ratio %g: output %d is made of %d to %d: %v, but %d to %d are said to be", float64(ratio)/float64(one), i, lo, lo+50, touched, from, to)
				}
			}
		}
	}
}

// TestFilterAsWrittenDown: with any number of taps, and any rest behind the steps of the assembly, both kinds of loops
// make what single products make.
func TestFilterAsWrittenDown(t *testing.T) {
	for _, loops := range []string{"assembly", "go"} {
		t.Run(loops, func(t *testing.T) {
			if loops == "go" {
				plain(t)
			} else if !fast {
				t.Skip("no AVX2 here")
			}
			r := rand.New(rand.NewPCG(6, 6))
			for n := 1; n <= maxTaps; n++ {
				for _, width := range []int{1, 3, 4, 7, 8, 9, 31, 200} {
					checkFilter(t, r, n, width)
				}
			}
		})
	}
}

func checkFilter(t *testing.T, r *rand.Rand, n, width int) {
	t.Helper()
	across := randomTable(r, n, width)
	down := randomTable(r, n, 1)
	rows, want := map[int][]Colour{}, map[int][]int64{}
	for k := range n {
		line, source, y := across.Line(), randomPixels(r, 300), down.row(0, k)
		across.Gather(line, 0, source[:4*100])
		across.Gather(line, 100, source[4*100:])
		rows[y] = make([]Colour, width)
		across.Across(rows[y], line)
		want[y] = plainAcross(across, source)
		for i, c := range rows[y] {
			if got := [3]int64{int64(c & 0xffff), int64(c >> 16 & 0xffff), int64(c >> 32)}; !slices.Equal(got[:], want[y][3*i:3*i+3]) {
				t.Fatalf("%d taps, output %d of %d along the row: %v, want %v", n, i, width, got, want[y][3*i:3*i+3])
			}
		}
	}
	got := make([]uint8, 4*width)
	down.Down(got, 0, func(row int) []Colour { return rows[row] })
	if want := plainDown(down, want, width); !bytes.Equal(got, want) {
		t.Fatalf("%d taps, %d outputs down the column: %v, want %v", n, width, got, want)
	}
}

func plainAcross(t *Table, source []uint8) (row []int64) {
	for i := range t.Len() {
		for c := range 3 {
			values := make([]int64, t.used)
			for k := range values {
				values[k] = int64(source[4*t.row(i, k)+c])
			}
			row = append(row, filtered(values, t.weight[i*t.stride:], weightBits-8))
		}
	}
	return row
}

func plainDown(t *Table, rows map[int][]int64, width int) (pix []uint8) {
	for i := range width {
		for c := range 3 {
			values := make([]int64, t.used)
			for k := range values {
				values[k] = rows[t.row(0, k)][3*i+c]
			}
			pix = append(pix, uint8(filtered(values, t.weight, weightBits+8)))
		}
		pix = append(pix, 255)
	}
	return pix
}

// FuzzTaps: weights of any coordinate are non-negative, sum to one and do not depend on the range; first taps ascend,
// as the assembly relies upon.
func FuzzTaps(f *testing.F) {
	f.Add(0, int64(1)<<32, 100)
	f.Add(1<<20-1, int64(1999)<<32/1000, 1<<22)
	f.Add(77, int64(3)<<32, 1)
	f.Fuzz(func(t *testing.T, x int, ratio int64, size int) {
		if x < 1 || x >= 1<<20 || ratio < one>>8 || ratio > 3*one || size < 1 || size > 1<<22 {
			t.Skip()
		}
		a, b := New(x, x+1, ratio, size), New(x-1, x+2, ratio, size)
		var sum int
		for k, w := range a.weight {
			sum += int(w)
			if w < 0 || w != b.weight[a.stride+k] || k < a.used && a.row(0, k) != b.row(1, k) {
				t.Fatalf("weights %v and %v, rows %d and %d", a.weight, b.weight, a.row(0, 0), b.row(1, 0))
			}
		}
		if sum != int(weightOne) {
			t.Fatalf("weights %v sum to %d", a.weight, sum)
		}
		if last := int(b.first[2]); !slices.IsSorted(b.first) || b.first[0] < 0 || last+b.used > b.end-b.start || b.Lo < b.start || b.Hi > b.end {
			t.Fatalf("first taps %v of %d on a line from %d to %d", b.first, b.used, b.start, b.end)
		}
	})
}

// FuzzFilter: the assembly makes what the portable loops make, of any pixels at any ratio.
func FuzzFilter(f *testing.F) {
	f.Add(uint64(1), 0, int64(1)<<32, 100, 40)
	f.Add(uint64(2), 95, int64(1999)<<32/1000, 200, 17)
	f.Add(uint64(3), 0, int64(3)<<32, 1, 9)
	f.Fuzz(func(t *testing.T, seed uint64, from int, ratio int64, size, width int) {
		if !fast || from < 0 || from >= 1<<20 || ratio < one>>8 || ratio > 3*one || size < 1 || size > 1000 || width < 1 || width > 300 {
			t.Skip()
		}
		r := rand.New(rand.NewPCG(seed, 1))
		table, down := New(from, from+width, ratio, size), New(from, from+1, ratio, size)
		line := table.Line()
		table.Gather(line, table.Lo, randomPixels(r, table.Hi-table.Lo))
		rows := make([][]Colour, maxTaps)
		for k := range rows {
			quick, slow := make([]Colour, width), make([]Colour, width)
			table.Across(quick, line)
			table.acrossPlain(slow, line, 0)
			if !slices.Equal(quick, slow) {
				t.Fatalf("along the row: %x, want %x", quick, slow)
			}
			rows[k] = quick
			table.Gather(line, table.Lo, randomPixels(r, table.Hi-table.Lo))
		}
		quick, slow := make([]uint8, 4*width), make([]uint8, 4*width)
		down.Down(quick, 0, func(row int) []Colour { return rows[row%maxTaps] })
		var used [][]Colour
		for k := range down.used {
			used = append(used, rows[down.row(0, k)%maxTaps])
		}
		downPlain(slow, used, down.weight[:down.used], 0)
		if !bytes.Equal(quick, slow) {
			t.Fatalf("down the column: %v, want %v", quick, slow)
		}
	})
}

// BenchmarkFilter measures a row of a region through both directions, with its peer, the portable loops.
func BenchmarkFilter(b *testing.B) {
	for _, loops := range []string{"assembly", "go"} {
		b.Run(loops, func(b *testing.B) {
			if loops == "go" {
				plain(b)
			}
			r := rand.New(rand.NewPCG(1, 1))
			const width = 1408
			table := New(0, width, one*149/100, 2200)
			line, row, dst := table.Line(), make([]Colour, width), make([]uint8, 4*width)
			table.Gather(line, table.Lo, randomPixels(r, table.Hi-table.Lo))
			b.SetBytes(4 * width)
			for b.Loop() {
				table.Across(row, line)
				table.Down(dst, 0, func(int) []Colour { return row })
			}
		})
	}
}
