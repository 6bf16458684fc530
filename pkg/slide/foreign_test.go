package slide_test

import (
	"encoding/binary"
	"errors"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/openslide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

func needLibrary(t *testing.T) *openslide.Library {
	t.Helper()
	lib, err := openslide.Find()
	if err != nil {
		t.Skip("needs the OpenSlide library (libopenslide0): ", err)
	}
	return lib
}

// The library, called from here, gives the pixels that this project's own reader gives.
func TestOpenSlideLibrary(t *testing.T) {
	lib := needLibrary(t)
	path := filepath.Join(dataDir(t, "slides"), "CMU-1-Small-Region.svs")
	theirs, err := lib.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if theirs.Vendor != "aperio" || theirs.Property("openslide.mpp-x") != "0.499" || theirs.Associated["label"] != image.Pt(387, 463) {
		t.Errorf("%+v", theirs)
	}
	ours := opener(path, slide.Options{})(t)
	defer ours.Close()
	for i := range 4 {
		tile := slidetest.Read(t, ours, 0, 2*i, 3*i)
		other := image.NewRGBA(tile.Rect)
		if err := theirs.Read(other, 0, tile.Rect.Min); err != nil {
			t.Fatal(err)
		}
		if !slidetest.Equal(tile, other) {
			t.Errorf("tile %d_%d differs", 2*i, 3*i)
		}
	}
	if _, err := lib.Open(filepath.Join(dataDir(t, "slides"), "none.mrxs")); err == nil {
		t.Error("a file that is not there opens")
	}
}

// A Trestle slide has no reader here and is read through the library.
func TestTrestleThroughOpenSlide(t *testing.T) {
	needLibrary(t)
	v := slidetest.Vendor{Size: pyramid.Size{W: 128, H: 64}, Tile: 64}
	path := writeFile(t, "x.tif", v.Trestle(t))
	slidetest.Run(t, opener(path, slide.Options{MPP: 0.5}))
	s := opener(path, slide.Options{})(t)
	defer s.Close()
	if info := s.Info(); info.Vendor != "trestle (OpenSlide)" || info.Size() != v.Size {
		t.Errorf("info %+v", info)
	}
}

// What only the library reads is refused with a hint where it cannot be: damaged, or none there.
func TestForeignDamage(t *testing.T) {
	for name, head := range map[string]string{"x.czi": "ZISRAWFILE", "x.svslide": "SQLite format 3\x00", "x.vms": "[Virtual Microscope Specimen]\n"} {
		_, err := slide.Open(t.Context(), writeFile(t, name, []byte(head)), slide.Options{})
		var format *slide.FormatError
		var unsupported *slide.UnsupportedError
		if !errors.As(err, &format) && !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "OpenSlide") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := slidetest.NewBuilder(binary.LittleEndian, false)
	b.Directory(slidetest.Long(256, 1), slidetest.Text(305, "MedScan"))
	if _, err := slide.OpenReader(strings.NewReader(string(b.Bytes())), int64(len(b.Bytes())), slide.Options{}); err == nil || !strings.Contains(err.Error(), "trestle") {
		t.Errorf("trestle in memory: %v", err)
	}
}
