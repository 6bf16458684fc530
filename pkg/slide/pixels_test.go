package slide_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// plainTIFF is a tiled RGB picture of Colour's pixels with fields of the test's own.
func plainTIFF(size pyramid.Size, extra ...slidetest.Field) []byte {
	b := slidetest.NewBuilder(binary.LittleEndian, false)
	fields := append([]slidetest.Field{
		slidetest.Long(256, uint64(size.W)), slidetest.Long(257, uint64(size.H)), slidetest.Short(258, 8, 8, 8),
		slidetest.Short(259, 1), slidetest.Short(262, 2), slidetest.Short(277, 3),
	}, extra...)
	b.Directory(append(fields, aperioPixels(b, aperioImage{size: size, tiled: true}, 0)...)...)
	return b.Bytes()
}

// TestOrientation: where the file's first pixel and its first row are seen, as TIFF 6.0 page 36 has it in
// words.
func TestOrientation(t *testing.T) {
	size := pyramid.Size{W: 300, H: 20} // wider than a turned plane's tiles
	for orientation, c := range map[uint64]struct {
		first, second image.Point // where file pixels (0, 0) and (1, 0) are seen
		turned        bool
	}{
		1: {image.Pt(0, 0), image.Pt(1, 0), false},     // row 0 top, column 0 left
		2: {image.Pt(299, 0), image.Pt(298, 0), false}, // top, right
		3: {image.Pt(299, 19), image.Pt(298, 19), false},
		4: {image.Pt(0, 19), image.Pt(1, 19), false},
		5: {image.Pt(0, 0), image.Pt(0, 1), true},   // row 0 left, column 0 top
		6: {image.Pt(19, 0), image.Pt(19, 1), true}, // right, top
		7: {image.Pt(19, 299), image.Pt(19, 298), true},
		8: {image.Pt(0, 299), image.Pt(0, 298), true},
		9: {image.Pt(0, 0), image.Pt(1, 0), false}, // no such orientation: as it is
	} {
		t.Run(fmt.Sprint(orientation), func(t *testing.T) {
			path := writeFile(t, "x.tiff", plainTIFF(size, slidetest.Short(274, orientation)))
			slidetest.Run(t, opener(path, slide.Options{MPP: 1}))
			s := opener(path, slide.Options{MPP: 1})(t)
			defer s.Close()
			want := size
			if c.turned {
				want = pyramid.Size{W: size.H, H: size.W}
			}
			if got := s.Info().Size(); got != want {
				t.Fatalf("size %v, want %v", got, want)
			}
			whole, err := slide.ReadImage(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			for i, at := range []image.Point{c.first, c.second} {
				if got, want := whole.RGBAAt(at.X, at.Y), slidetest.Colour(0, i, 0); got != want {
					t.Errorf("pixel %d,0 of the file: %v is seen at %v, want %v", i, got, at, want)
				}
			}
		})
	}
}

// A profile that moves colours is applied to every tile, and no stream is handed over; one that does not,
// or cannot be, is left alone and said to be so.
func TestColourProfile(t *testing.T) {
	srgb := slidetest.Profile{Name: "screen", Gamma: 2.2, Colour: [3][3]float64{{0.43607, 0.22249, 0.01392}, {0.38515, 0.71687, 0.09708}, {0.14307, 0.06061, 0.71410}}}
	table := slidetest.WideProfile()
	table.Table = true
	for name, c := range map[string]struct {
		profile []byte
		applied bool
		reason  string
	}{
		"wide":    {slidetest.WideProfile().Bytes(), true, ""},
		"table":   {table.Bytes(), false, "look-up tables"},
		"damaged": {slidetest.WideProfile().Bytes()[:200], false, "damaged"},
		"screen":  {srgb.Bytes(), false, "sRGB but for rounding"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "x.tiff", plainTIFF(pyramid.Size{W: 40, H: 20}, slidetest.Undefined(34675, c.profile)))
			slidetest.Run(t, opener(path, slide.Options{MPP: 1}))
			s := opener(path, slide.Options{MPP: 1})(t)
			defer s.Close()
			colour := s.Info().Colour
			if colour == nil || !s.Info().ICC || len(colour.SHA256) != 64 || !strings.Contains(colour.Reason, c.reason) {
				t.Fatalf("colour %+v", colour)
			}
			tile := slidetest.Read(t, s, 0, 0, 0)
			plain := slidetest.Raster(tile.Rect, 0, slidetest.Colour)
			if colour.Applied != c.applied || bytes.Equal(tile.Pix, plain.Pix) == c.applied {
				t.Errorf("applied %t, pixels as in the file %t", colour.Applied, bytes.Equal(tile.Pix, plain.Pix))
			}
		})
	}
}

// The turned pictures of the test data show the same as their files, turned.
func TestOrientationOfRealFiles(t *testing.T) {
	upright, err := slide.ReadImage(t.Context(), filepath.Join(dataDir(t, "slides"), "test_orient1.tif"))
	if err != nil {
		t.Fatal(err)
	}
	turned, err := slide.ReadImage(t.Context(), filepath.Join(dataDir(t, "slides"), "test_orient6.tif"))
	if err != nil {
		t.Fatal(err)
	}
	if upright.Rect.Dx() != 120 || turned.Rect.Dx() != 180 || turned.Rect.Dy() != 120 {
		t.Errorf("%v and %v", upright.Rect, turned.Rect)
	}
}
