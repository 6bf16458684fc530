package stitch

import (
	"image"
	"image/color"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// speckled is a raster that shows each probability beside each other value, as far as they fit.
func speckled(size pyramid.Size, probabilities, others int) *raster {
	r := newRasterPool().make(size)
	for i := range r.probability {
		r.probability[i], r.other[i] = uint8(i%probabilities), uint8(i/probabilities%others)&^unseen
	}
	return r
}

// TestPaintingOfFewColoursAndMany: whether a tile's colours are few enough for a palette or not, its pixels are those of
// the palette, and a painting that is used again shows nothing of the one before.
func TestPaintingOfFewColoursAndMany(t *testing.T) {
	e, painted := newPNGEncoder(), new(painting)
	size := pyramid.Size{W: 256, H: 251}
	for _, c := range []struct {
		cut                   uint8
		probabilities, others int
		many                  bool
	}{{128, 256, 1, false}, {100, 256, 256, true}, {128, 3, 1, false}, {1, 1, 1, false}, {255, 256, 256, false}, {100, 256, 256, true}} {
		p, r := newPalette(c.cut), speckled(size, c.probabilities, c.others)
		painted.paint(p, r, image.Pt(3, 4))
		data, err := painted.encode(e, p, size)
		if err != nil {
			t.Fatal(err)
		}
		if _, few := decodePNG(t, data).(*image.Paletted); few == c.many {
			t.Errorf("%+v: a palette: %v", c, few)
		}
		got := overlayPixels(t, data)
		for i := range r.probability {
			x, y := i%size.W, i/size.W
			want := p.at(3+x, 4+y, r.probability[i], r.other[i])
			if got.NRGBAAt(x, y) != (color.NRGBA{want[0], want[1], want[2], want[3]}) {
				t.Fatalf("%+v, pixel %d,%d: %v, want %v", c, x, y, got.NRGBAAt(x, y), want)
			}
		}
	}
}

// TestColoursFit: no cut makes more colours than there is room for numbers.
func TestColoursFit(t *testing.T) {
	for cut := 1; cut < 256; cut++ {
		if n := len(newPalette(uint8(cut)).colours); n > maxColours {
			t.Errorf("cut %d: %d colours", cut, n)
		}
	}
}
