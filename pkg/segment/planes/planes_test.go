package planes

import (
	"bytes"
	"math"
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

// rounded is what Levels is to make of a number: half a level and more rounds up. The product in float32 is part of
// the promise.
func rounded(p float32) uint8 {
	return uint8(math.Floor(min(max(float64(float32(float32(p*255)+0.5)), 0), 255)))
}

// values are likely ones, with some that no network should give.
func values(r *rand.Rand, n int) []float32 {
	strange := []float32{0, 1, float32(math.Copysign(0, -1)), -3, 7, 1.0000001, -1e-30, 1e-40, 1e30, float32(math.Inf(1)), float32(math.Inf(-1))}
	list := make([]float32, n)
	for i := range list {
		list[i] = r.Float32()
		switch r.IntN(40) {
		case 0:
			list[i] = strange[r.IntN(len(strange))]
		case 1:
			list[i] = (float32(r.IntN(255)) + 0.5) / 255 // between two levels
		}
	}
	return list
}

// TestLevels: at every length and place the levels are the rounded values, with and without assembly.
func TestLevels(t *testing.T) {
	for _, loops := range []string{"assembly", "go"} {
		t.Run(loops, func(t *testing.T) {
			if loops == "go" {
				plain(t)
			}
			r := rand.New(rand.NewPCG(7, 9))
			for n := range 300 {
				src, got, want := values(r, n), make([]uint8, n), make([]uint8, n)
				for i, p := range src {
					want[i] = rounded(p)
				}
				if at := Levels(got, src); at != -1 || !bytes.Equal(got, want) {
					t.Fatalf("%d values: %d, %v, want %v", n, at, got, want)
				}
			}
		})
	}
}

// TestNotANumber: it is found wherever it stands, and what comes before it is there.
func TestNotANumber(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for n := 1; n < 140; n++ {
		src, got := values(r, n), make([]uint8, n)
		at := r.IntN(n)
		src[at] = float32(math.NaN())
		if nan := Levels(got, src); nan != at {
			t.Fatalf("%d values: not a number at %d, want %d", n, nan, at)
		}
		for i, p := range src[:at] {
			if got[i] != rounded(p) {
				t.Fatalf("%g before it is %d, want %d", p, got[i], rounded(p))
			}
		}
	}
}

// FuzzLevels: the assembly makes what the portable loop makes, of any bits.
func FuzzLevels(f *testing.F) {
	f.Add(uint64(1), uint32(one), uint8(40))
	f.Add(uint64(2), uint32(0x80000000), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, bits uint32, n uint8) {
		r := rand.New(rand.NewPCG(seed, 2))
		src := values(r, int(n)+1)
		src[r.IntN(len(src))] = math.Float32frombits(bits)
		got, want := make([]uint8, len(src)), make([]uint8, len(src))
		a, b := Levels(got, src), levelsPlain(want, src)
		if a != b || a < 0 && !bytes.Equal(got, want) {
			t.Fatalf("%v: %d %v, want %d %v", src, a, got, b, want)
		}
	})
}

func randomNorm(r *rand.Rand) *Norm {
	norm := new(Norm)
	for c := range norm {
		for v := range norm[c] {
			norm[c][v] = r.Float32()
		}
	}
	return norm
}

// TestSplit: every pixel's numbers are those of its bytes, at every length, and nothing is written beyond.
func TestSplit(t *testing.T) {
	for _, loops := range []string{"assembly", "go"} {
		t.Run(loops, func(t *testing.T) {
			if loops == "go" {
				plain(t)
			}
			r := rand.New(rand.NewPCG(5, 9))
			norm := randomNorm(r)
			for n := range 100 {
				row := make([]uint8, 4*n)
				for i := range row {
					row[i] = uint8(r.IntN(256))
				}
				var got [3][]float32
				for c := range got {
					got[c] = make([]float32, n+9)
				}
				Split(got[0], got[1], got[2], row, norm)
				for c := range got {
					for x, v := range got[c] {
						want := float32(0)
						if x < n {
							want = norm[c][row[4*x+c]]
						}
						if v != want {
							t.Fatalf("%d pixels: channel %d of pixel %d is %g, want %g", n, c, x, v, want)
						}
					}
				}
			}
		})
	}
}

// FuzzSplit: the assembly makes what the portable loop makes.
func FuzzSplit(f *testing.F) {
	f.Add(uint64(1), []byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, seed uint64, row []byte) {
		n := len(row) / 4
		norm := randomNorm(rand.New(rand.NewPCG(seed, 3)))
		var got, want [3][]float32
		for c := range got {
			got[c], want[c] = make([]float32, n), make([]float32, n)
		}
		Split(got[0], got[1], got[2], row[:4*n], norm)
		splitPlain(want[0], want[1], want[2], row[:4*n], norm)
		for c := range got {
			if !slices.Equal(got[c], want[c]) {
				t.Fatalf("channel %d: %v, want %v", c, got[c], want[c])
			}
		}
	})
}

// BenchmarkSplit measures the pixels of a canvas with its peer, the portable loop.
func BenchmarkSplit(b *testing.B) {
	for _, loops := range []string{"assembly", "go"} {
		b.Run(loops, func(b *testing.B) {
			if loops == "go" {
				plain(b)
			}
			const side = 2304
			row, out, norm := make([]uint8, 4*side), make([]float32, 3*side*side), randomNorm(rand.New(rand.NewPCG(1, 1)))
			b.SetBytes(side * side)
			for b.Loop() {
				for y := range side {
					Split(out[y*side:], out[(y+side)*side:], out[(y+2*side)*side:], row, norm)
				}
			}
		})
	}
}

// BenchmarkLevels measures a row of a region with its peer, the portable loop.
func BenchmarkLevels(b *testing.B) {
	for _, loops := range []string{"assembly", "go"} {
		b.Run(loops, func(b *testing.B) {
			if loops == "go" {
				plain(b)
			}
			src, dst := make([]float32, 2048), make([]uint8, 2048)
			for i := range src {
				src[i] = float32(i) / 2048
			}
			b.SetBytes(2048)
			for b.Loop() {
				Levels(dst, src)
			}
		})
	}
}
