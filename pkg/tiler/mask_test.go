package tiler

import (
	"image"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// plainPieces labels the pieces of a value the slow way: each pixel takes the smallest number among its neighbours'
// until nothing changes.
func plainPieces(m mask, v bool) [][]int32 {
	label := make([]int32, len(m.on))
	for i := range label {
		label[i] = int32(i)
	}
	for changed := true; changed; {
		changed = false
		for i := range label {
			for j := range label {
				d := image.Pt(i%m.size.X-j%m.size.X, i/m.size.X-j/m.size.X)
				near := max(d.X, -d.X) <= 1 && max(d.Y, -d.Y) <= 1 && (v || d.X == 0 || d.Y == 0)
				if near && m.on[i] == v && m.on[j] == v && label[j] < label[i] {
					label[i], changed = label[j], true
				}
			}
		}
	}
	byLabel := map[int32][]int32{}
	for i, l := range label {
		if m.on[i] == v {
			byLabel[l] = append(byLabel[l], int32(i))
		}
	}
	return sorted(slices.Collect(maps.Values(byLabel)))
}

func sorted(pieces [][]int32) [][]int32 {
	slices.SortFunc(pieces, slices.Compare)
	return pieces
}

// TestPieces: pieces are what is connected, over corners too where it is on, also at the border and in pictures of a
// single row or column. What a mask spreads over is the pieces that it touches.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMask(rt, image.Pt(rapid.IntRange(1, 9).Draw(rt, "w"), rapid.IntRange(1, 9).Draw(rt, "h")))
		for _, v := range []bool{true, false} {
			var got [][]int32
			m.pieces(v, func(p []int32) { got = append(got, slices.Sorted(slices.Values(p))) })
			if want := plainPieces(m, v); !slices.EqualFunc(sorted(got), want, slices.Equal) {
				rt.Fatalf("pieces %v of %v in %v, want %v", got, v, m, want)
			}
		}
		over := drawMask(rt, m.size)
		either := newMask(m.size)
		for i := range either.on {
			either.on[i] = m.on[i] || over.on[i]
		}
		want := newMask(m.size)
		for _, p := range plainPieces(either, true) {
			want.setAll(p, some(p, func(i int32) bool { return m.on[i] }))
		}
		m.spread(over)
		if !slices.Equal(m.on, want.on) {
			rt.Fatalf("spread over %v gives %v, want %v", over, m, want)
		}
	})
}

func drawMask(rt *rapid.T, size image.Point) mask {
	return mask{size, rapid.SliceOfN(rapid.Bool(), size.X*size.Y, size.X*size.Y).Draw(rt, "mask")}
}

// BenchmarkPieces is the megapixel of a slide with one piece of tissue.
func BenchmarkPieces(b *testing.B) {
	m := newMask(image.Pt(1024, 1024))
	for i := range m.on {
		x, y := i%1024-512, i/1024-512
		m.on[i] = x*x+y*y < 400*400
	}
	b.SetBytes(int64(len(m.on)))
	b.ReportAllocs()
	for b.Loop() {
		m.pieces(true, func([]int32) {})
		m.pieces(false, func([]int32) {})
	}
}
