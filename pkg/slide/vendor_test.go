package slide_test

import (
	"image"
	"os"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// vendorSlides are fixtures of the vendors' layouts.
func vendorSlides(t testing.TB) map[string][]byte {
	skip := func(_, col, row int) bool { return col == 1 && row == 0 }
	return map[string][]byte{
		"philips.tiff":        slidetest.Vendor{Size: pyramid.Size{W: 300, H: 200}, Tile: 64, Skip: skip}.Philips(t),
		"leica.scn":           slidetest.Vendor{Size: pyramid.Size{W: 200, H: 120}, Tile: 64}.Leica(t, 1),
		"leica two scans.scn": slidetest.Vendor{Size: pyramid.Size{W: 200, H: 120}, Tile: 64}.Leica(t, 2),
		"ventana.bif":         slidetest.Vendor{Size: pyramid.Size{W: 256, H: 192}, Tile: 64}.Ventana(t),
		"ventana joined.bif":  slidetest.Vendor{Size: pyramid.Size{W: 256, H: 192}, Tile: 64, Overlap: image.Pt(8, 4)}.Ventana(t),
	}
}

func TestVendorConformance(t *testing.T) {
	for name, data := range vendorSlides(t) {
		t.Run(name, func(t *testing.T) { slidetest.Run(t, opener(writeFile(t, name, data), slide.Options{})) })
	}
}

// TestOpenSlideVendors proves fixtures and readers on each other and on OpenSlide.
func TestOpenSlideVendors(t *testing.T) {
	needOpenSlide(t)
	dir := os.Getenv("SLIDEMILL_FIXTURES") // kept there for a person to look at
	for name, data := range vendorSlides(t) {
		t.Run(name, func(t *testing.T) {
			if dir != "" {
				if err := os.WriteFile(dir+"/"+strings.ReplaceAll(name, " ", "-"), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			compareWithOpenSlide(t, writeFile(t, strings.ReplaceAll(name, " ", "-"), data), slide.Options{})
		})
	}
}
