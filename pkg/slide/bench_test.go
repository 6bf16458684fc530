package slide_test

import (
	"image"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// BenchmarkReadSlide reads every level-0 tile of a real slide once, the two decoders side by side.
func BenchmarkReadSlide(b *testing.B) {
	path := filepath.Join(dataDir(b, "slides"), "CMU-1-Small-Region.svs")
	for name, o := range map[string]slide.Options{"pure Go": {PureJPEG: true}, "fastest at hand": {}} {
		b.Run(name, func(b *testing.B) {
			s, err := slide.Open(b.Context(), path, o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var tile image.RGBA
			tiles := 0
			b.ReportAllocs()
			b.SetBytes(3 * s.Info().Size().Pixels())
			for b.Loop() {
				slidetest.Tiles(s.Info(), func(level, col, row int) {
					tiles++
					if err := s.ReadTile(b.Context(), level, col, row, &tile); err != nil {
						b.Fatal(err)
					}
				})
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(tiles), "µs/tile")
		})
	}
}
