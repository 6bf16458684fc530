package tiler

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/synth"
)

// synthetic is a synthetic slide at 2 µm in one piece, some 6 by 4.5 mm: stained tissue with glass around it.
func synthetic(t *testing.T) *image.RGBA {
	t.Helper()
	size := pyramid.Size{W: 3072, H: 2304}
	path := filepath.Join(t.TempDir(), "synthetic.tiff")
	if err := synth.Write(t.Context(), synth.Config{Path: path, Size: size, MPP: 2, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	s, err := slide.Open(t.Context(), path, slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	whole, level := image.NewRGBA(size.Bounds()), s.Info().Levels[0]
	var tile image.RGBA
	for row := range pyramid.CeilDiv(size.H, level.TileSize.H) {
		for col := range pyramid.CeilDiv(size.W, level.TileSize.W) {
			if err := s.ReadTile(t.Context(), 0, col, row, &tile); err != nil {
				t.Fatal(err)
			}
			draw.Draw(whole, tile.Rect, &tile, tile.Rect.Min, draw.Src)
		}
	}
	return whole
}

// stroke is the inside of a pen's stroke of some 0.5 mm over most of the slide, bent as a hand draws.
func stroke(x, y int) bool {
	middle := 1150 + 120*math.Sin(float64(x)/300)
	return x > 300 && x < 2800 && math.Abs(float64(y)-middle) < 130
}

// bands are folds: three pleats of 0.2 mm through the tissue.
func bands(x, y int) bool { return x > 300 && x < 2800 && y > 600 && y < 1800 && y%400 < 100 }

// TestFaultsOfASlide: ink, a bubble, a fold, another stain on a slide are each found, as what
// they are and beyond the limit; without them nothing is.
func TestFaultsOfASlide(t *testing.T) {
	base := synthetic(t)
	through := func(v uint8, times float64) uint8 { return uint8(245 * math.Pow(min(float64(v)/245, 1), times)) }
	rim := ring(1500, 1150, 500, 440)
	for _, c := range []struct {
		name  string
		pixel func(x, y int, c color.RGBA) color.RGBA
		check string // beyond its limit, alone
		class segment.TissueClass
		at    image.Point
	}{
		{"none", func(_, _ int, c color.RGBA) color.RGBA { return c }, "", segment.Tissue, image.Pt(1500, 1150)},
		{"pen", func(x, y int, c color.RGBA) color.RGBA {
			if stroke(x, y) {
				return color.RGBA{30, 90, 60, 255}
			}
			return c
		}, qc.PenShare, segment.Pen, image.Pt(1500, 1150+int(120*math.Sin(5)))},
		{"bubble", func(x, y int, c color.RGBA) color.RGBA {
			if rim(x, y) {
				return color.RGBA{90, 88, 89, 255}
			}
			return c
		}, qc.Bubbles, segment.Bubble, image.Pt(1500, 1150)},
		{"fold", func(x, y int, c color.RGBA) color.RGBA {
			if bands(x, y) {
				return color.RGBA{through(c.R, 3), through(c.G, 3), through(c.B, 3), 255} // it lies thrice
			}
			return c
		}, qc.Folded, segment.Tissue, image.Pt(1500, 1150)},
		{"brown", func(_, _ int, c color.RGBA) color.RGBA { // DAB instead: 0.27, 0.57, 0.78 of its density
			return color.RGBA{through(c.G, 0.47), c.G, through(c.G, 1.37), 255}
		}, qc.OffStain, segment.Tissue, image.Pt(1500, 1150)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(base.Rect.Dx(), base.Rect.Dy(), 256, func(x, y int) color.RGBA { return c.pixel(x, y, base.RGBAAt(x, y)) })
			f.mpp = 2
			r, _ := cut(t, Config{Slide: f, Quality: 90})
			frame := frameOf(t, f, pyramid.MPP{X: 2, Y: 2}, 2)
			m, sum := FindTissue(&r, frame, DefaultTissue())
			for _, got := range Check(f.Info(), &r, sum) {
				if (got.Status != Pass) != (got.Check == c.check) {
					t.Errorf("%+v, want only %q beyond its limit", got, c.check)
				}
				if got.Check == qc.PenShare && got.Value != 0 && c.check != qc.PenShare {
					t.Errorf("%g of it passes for ink", got.Value)
				}
			}
			if got := m.At(int(float64(c.at.X)/frame.StepX()), int(float64(c.at.Y)/frame.StepY())); got != c.class {
				t.Errorf("%v is %v, want %v", c.at, got, c.class)
			}
		})
	}
}
