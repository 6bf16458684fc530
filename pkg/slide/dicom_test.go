package slide_test

import (
	"bytes"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

func dicomSlides(t testing.TB) map[string]string {
	d := slidetest.DICOM{Size: pyramid.Size{W: 200, H: 130}, Tile: 64, Levels: 2}
	sparse, native, bare, j2k := d, d, d, d
	sparse.Sparse, native.Native, bare.NoTable, j2k.J2K = true, true, true, true
	parts, sparseParts := native, sparse
	parts.Parts, sparseParts.Parts, sparseParts.J2K = 3, 4, true
	return map[string]string{
		"jpeg": d.Write(t), "sparse": sparse.Write(t), "native": native.Write(t), "no table": bare.Write(t),
		"JPEG 2000": j2k.Write(t), "in parts": parts.Write(t), "sparse in parts, JPEG 2000": sparseParts.Write(t),
	}
}

func TestDICOMConformance(t *testing.T) {
	for name, folder := range dicomSlides(t) {
		t.Run(name, func(t *testing.T) { slidetest.Run(t, opener(folder, slide.Options{})) })
	}
}

// What a folder says of itself; its pixels are where they belong; a missing tile is not scanned.
func TestDICOM(t *testing.T) {
	s := opener(dicomSlides(t)["native"], slide.Options{})(t)
	defer s.Close()
	info := s.Info()
	if info.Vendor != "dicom" || len(info.Levels) != 2 || info.MPP.X != 0.5 || info.Objective != 20 || info.Size() != (pyramid.Size{W: 200, H: 130}) {
		t.Errorf("info %+v", info)
	}
	sparse := opener(dicomSlides(t)["sparse"], slide.Options{})(t)
	defer sparse.Close()
	for col := range 4 {
		if got, want := slidetest.Read(t, sparse, 0, col, 0).Pix[3], []byte{255, 0, 255, 0}[col]; got != want {
			t.Errorf("sparse tile %d_0 has alpha %d, want %d", col, got, want)
		}
	}
}

// Every pixel is where it belongs, whatever the frames are and whichever file of a level holds them; with both
// decoders of JPEG 2000.
func TestDICOMPixels(t *testing.T) {
	slides := dicomSlides(t)
	for _, name := range []string{"native", "JPEG 2000", "in parts", "sparse in parts, JPEG 2000"} {
		for _, pure := range []bool{false, true} {
			samePixels(t, name, opener(slides[name], slide.Options{PureJPEG: pure})(t), 2, strings.HasPrefix(name, "sparse"))
		}
	}
}

// samePixels closes a slide whose tiles must be Colour's, every other one missing if it is sparse.
func samePixels(t *testing.T, name string, s slide.Slide, levels int, sparse bool) {
	t.Helper()
	defer s.Close()
	if n := len(s.Info().Levels); n != levels {
		t.Errorf("%s: %d levels, want %d", name, n, levels)
	}
	slidetest.Tiles(s.Info(), func(level, col, row int) {
		tile := slidetest.Read(t, s, level, col, row)
		want := slidetest.Raster(tile.Rect, level, slidetest.Colour)
		if sparse && (row+col)%2 == 1 {
			want = image.NewRGBA(tile.Rect)
		}
		if !slidetest.Equal(tile, want) {
			t.Errorf("%s: tile %d/%d_%d has other pixels", name, level, col, row)
		}
	})
}

// A level whose part is missing is refused by the frame that it begins with, and not shown with a hole.
func TestDICOMPartMissing(t *testing.T) {
	folder := dicomSlides(t)["in parts"]
	if err := os.Remove(filepath.Join(folder, "level0 part2.dcm")); err != nil {
		t.Fatal(err)
	}
	_, err := slide.Open(t.Context(), folder, slide.Options{})
	if err == nil || !blames(err) || !strings.Contains(err.Error(), "frame 4 of a level is missing") {
		t.Errorf("error %v", err)
	}
}

// A series of more files than may be open at once is read whole, and never more are.
func TestDICOMOfManyFiles(t *testing.T) {
	d := slidetest.DICOM{Size: pyramid.Size{W: 208, H: 208}, Tile: 16, Levels: 1, Native: true, Parts: 1000}
	s := opener(d.Write(t), slide.Options{})(t)
	open, counted := openFiles(".dcm")
	if counted && (open == 0 || open > 64) {
		t.Errorf("%d of 169 files are open", open)
	}
	samePixels(t, "many files", s, 1, false)
	if left, _ := openFiles(".dcm"); left != 0 {
		t.Errorf("%d files are open after the end", left)
	}
}

// openFiles counts this process's open files of an ending, where the system tells.
func openFiles(ending string) (n int, ok bool) {
	entries, err := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasSuffix(name, ending) {
			n++
		}
	}
	return n, err == nil
}

// A folder of two series is refused, a file of one of them is not, and the other's files are closed.
func TestDICOMOfTwoSeries(t *testing.T) {
	d := slidetest.DICOM{Size: pyramid.Size{W: 64, H: 64}, Tile: 32, Levels: 1, Native: true}
	folder := d.Write(t)
	other := bytes.ReplaceAll(d.Instance(t, 0, pyramid.Size{W: 64, H: 32}), []byte("2.1125.77.3"), []byte("2.1125.77.4"))
	if err := os.WriteFile(filepath.Join(folder, "other.dcm"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := slide.Open(t.Context(), folder, slide.Options{}); err == nil || !strings.Contains(err.Error(), "several series") {
		t.Errorf("%v, error %v", s, err)
	}
	for name, height := range map[string]int{"level0.dcm": 64, "other.dcm": 32} {
		s := opener(filepath.Join(folder, name), slide.Options{})(t)
		if got := s.Info().Size().H; got != height {
			t.Errorf("%s: %d rows, want %d", name, got, height)
		}
		if open, counted := openFiles(".dcm"); counted && open != 1 {
			t.Errorf("%s: %d files are open", name, open)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A file of another series that is cut short is no harm to a slide; one of its own is, and so is one of which nobody can say.
func TestDICOMBesideDamage(t *testing.T) {
	d := slidetest.DICOM{Size: pyramid.Size{W: 64, H: 64}, Tile: 32, Levels: 1, Native: true}
	own := d.Instance(t, 0, pyramid.Size{W: 32, H: 32})
	other := bytes.ReplaceAll(own, []byte("2.1125.77.3"), []byte("2.1125.77.4"))
	between := bytes.Index(own, []byte{0x20, 0, 0x0E, 0}) // between two elements, before the series
	for name, c := range map[string]struct {
		beside []byte
		opens  bool
		series string
	}{
		"other":   {other[:len(other)-40], true, "2.1125.77.4"},
		"own":     {own[:len(own)-40], false, "2.1125.77.3"},
		"unknown": {other[:180], false, ""},
		"between": {own[:between], false, ""},
	} {
		folder := d.Write(t)
		path := filepath.Join(folder, "beside.dcm")
		if err := os.WriteFile(path, c.beside, 0o600); err != nil {
			t.Fatal(err)
		}
		series, err := slide.Series(path)
		if (err == nil) != (c.series != "") || !strings.Contains(series, c.series) {
			t.Errorf("%s: series %q, error %v", name, series, err)
		}
		s, err := slide.Open(t.Context(), filepath.Join(folder, "level0.dcm"), slide.Options{})
		if (err == nil) != c.opens {
			t.Errorf("%s: error %v", name, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

// TestTIFFOfJ2K: JPEG 2000 in a TIFF of nobody's in particular.
func TestTIFFOfJ2K(t *testing.T) {
	path := writeFile(t, "j2k.tif", slidetest.TIFFOfJ2K(t, pyramid.Size{W: 200, H: 130}, 64, 2))
	for _, pure := range []bool{false, true} {
		s := opener(path, slide.Options{PureJPEG: pure})(t)
		if info := s.Info(); info.Levels[0].Codec != "j2k" || info.MPP.X != 0.5 {
			t.Errorf("info %+v", info)
		}
		samePixels(t, "34712", s, 2, false)
	}
	t.Run("conformance", func(t *testing.T) { slidetest.Run(t, opener(path, slide.Options{})) })
}

// A slide is the same slide and has the same name whichever of its files is given and whatever they are
// called.
func TestDICOMIdentity(t *testing.T) {
	folder := dicomSlides(t)["jpeg"]
	first, err := slide.Hash(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, "level0.dcm"), filepath.Join(folder, "z")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "notes.txt"), []byte("of another kind"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, filepath.Join(folder, "z"), filepath.Join(folder, "level1.dcm")} {
		if again, err := slide.Hash(t.Context(), path, nil); err != nil || again != first {
			t.Errorf("%s: hash %x, %v; want %x", path, again, err, first)
		}
		s := opener(path, slide.Options{})(t)
		if n := len(s.Info().Levels); n != 2 {
			t.Errorf("%s: %d levels", path, n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Damage to an instance is said by name. Nothing of a patient is in the error.
func TestDICOMDamage(t *testing.T) {
	whole := slidetest.DICOM{Size: pyramid.Size{W: 128, H: 64}, Tile: 64, Levels: 1}.Instance(t, 0, pyramid.Size{W: 128, H: 64})
	replace := func(old, with string) []byte { return bytes.Replace(bytes.Clone(whole), []byte(old), []byte(with), 1) }
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut in the header": {whole[:400], "cut short"},
		"cut in the frames": {whole[:len(whole)-900], "cut short"},
		"RLE":               {replace("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5\x00\x00\x00"), "transfer syntax"},
		"no volume":         {replace("VOLUME", "WARPED"), "no instance of type VOLUME"},
		"too many frames":   {replace("IS\x02\x002 ", "IS\x02\x009 "), "frame"},
		"nested too deep":   {replace("\x08\x00\x08\x00CS", strings.Repeat("\x00\x52\x29\x92SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", 40)+"\x08\x00\x08\x00CS"), "nested deeper"},
		"frames too wide":   {replace("\x28\x00\x11\x00US\x02\x00\x40\x00", "\x28\x00\x11\x00UL\x04\x00\x00\x00\x00\x40"), "frames of 1073741824 by 64"},
		"palette":           {replace("YBR_FULL_422", "PALETTECOLOR"), "photometric"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "x.dcm", c.data)
			s, err := slide.Open(t.Context(), path, slide.Options{})
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if !blames(err) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "DOE") {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
}

// FuzzDICOM: any bytes end in pixels or in an error that blames someone.
func FuzzDICOM(f *testing.F) {
	for _, d := range []slidetest.DICOM{{Tile: 16}, {Tile: 16, Sparse: true}, {Tile: 16, Native: true}, {Tile: 16, NoTable: true}} {
		f.Add(d.Instance(f, 0, pyramid.Size{W: 40, H: 20}))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 132 || len(data) > 1<<16 || string(data[128:132]) != "DICM" {
			return
		}
		path := filepath.Join(dir, "x.dcm")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := slide.Open(t.Context(), path, slide.Options{PureJPEG: true})
		if err != nil {
			if !blames(err) && !errors.Is(err, slide.ErrDirectory) {
				t.Fatalf("error %v", err)
			}
			return
		}
		defer s.Close()
		var tile image.RGBA
		_ = s.ReadTile(t.Context(), 0, 0, 0, &tile)
	})
}
