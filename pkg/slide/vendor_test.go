package slide_test

import (
	"bytes"
	"encoding/binary"
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

// Joints of infinite confidence overlap by no number at all.
func TestVentanaOverlapIsANumber(t *testing.T) {
	data := slidetest.Vendor{Size: pyramid.Size{W: 256, H: 192}, Tile: 64, Overlap: image.Pt(8, 4)}.Ventana(t)
	data = bytes.ReplaceAll(data, []byte(`Confidence="100"`), []byte(`Confidence="Inf"`))
	s, err := slide.Open(t.Context(), writeFile(t, "x.bif", data), slide.Options{})
	if err == nil {
		s.Close()
		t.Fatal("no error")
	}
	if !blames(err) || !strings.Contains(err.Error(), "overlap by") {
		t.Errorf("error %q", err)
	}
}

// Reduced levels below the first directory, each listed in tag 330 and chained as well, as tifffile writes
// them, come once.
func TestChainedSubdirectories(t *testing.T) {
	b := slidetest.NewBuilder(binary.LittleEndian, false)
	raw := slidetest.RGB(slidetest.Raster(image.Rect(0, 0, 16, 16), 0, slidetest.Colour))
	at := b.Append(raw)
	level := func(side uint64, extra ...slidetest.Field) uint64 {
		return b.Directory(append([]slidetest.Field{
			slidetest.Long(256, side), slidetest.Long(257, side), slidetest.Short(258, 8, 8, 8), slidetest.Short(259, 1),
			slidetest.Short(262, 2), slidetest.Short(277, 3), slidetest.Short(322, 16), slidetest.Short(323, 16),
			slidetest.Long(324, at), slidetest.Long(325, uint64(len(raw))),
		}, extra...)...)
	}
	half := level(8, slidetest.Long(254, 1)) // the header points here until the last line
	quarter := level(4, slidetest.Long(254, 1))
	end := len(b.Bytes()) // where the chain goes on
	full := level(16, slidetest.Long(330, half, quarter))
	data := b.Bytes()
	binary.LittleEndian.PutUint32(data[end-4:], 0)
	binary.LittleEndian.PutUint32(data[4:], uint32(full))
	s := opener(writeFile(t, "x.ome.tif", data), slide.Options{MPP: 1})(t)
	defer s.Close()
	if n := len(s.Info().Levels); n != 3 {
		t.Errorf("%d levels, want 3", n)
	}
}
