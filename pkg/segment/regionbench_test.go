package segment

import (
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// likely is a region of a usual size whose probabilities change slowly, with half of it glass.
func likely() *RegionMap {
	size := pyramid.Size{W: 1024, H: 1024}
	m := &RegionMap{Run: pyramid.RunID{7}, Size: size, Unlike: make([]uint8, Cells(size).Pixels())}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Planes {
		m.Planes[i] = make([]uint8, size.Pixels())
		v := 0
		for y := range size.H / 2 {
			for x := range size.W {
				v = min(max(v+(r.IntN(7)-3)*r.IntN(2), 0), 255)
				m.Planes[i][y*size.W+x] = uint8(v / (1 + 3*i))
			}
		}
	}
	return m
}

func BenchmarkRegionFile(b *testing.B) {
	m := likely()
	data, err := EncodeRegion(m)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, err := EncodeRegion(m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeRegion(data, m.Run, m.Region, m.Size); err != nil {
				b.Fatal(err)
			}
		}
	})
}
