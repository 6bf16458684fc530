package slide_test

import (
	"bytes"
	"encoding/json"
	"image"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// formatRow is a row of the table that scripts/check-formats.sh prints.
type formatRow struct {
	format, file, written, oracle string
	pure                          bool
}

// TestFormatTable compares the finest level of every kind of file, each pixel, with what another program
// reads.
func TestFormatTable(t *testing.T) {
	if os.Getenv("SLIDEMILL_FORMATS") == "" {
		t.Skip("scripts/check-formats.sh runs this")
	}
	dir := t.TempDir()
	t.Logf("| format | file | written by | oracle | largest difference of 255 | mean |")
	t.Logf("|---|---|---|---|---|---|")
	for _, row := range formatRows(t, dir) {
		most, mean, err := row.compare(t)
		switch {
		case err != "":
			t.Logf("| %s | %s | %s | %s | no oracle: %s | |", row.format, filepath.Base(row.file), row.written, row.oracle, err)
		default:
			t.Logf("| %s | %s | %s | %s | %d | %.4f |", row.format, filepath.Base(row.file), row.written, row.oracle, most, mean)
		}
		if most > maxDifference {
			t.Errorf("FAIL %s: differs by %d", row.format, most)
		}
	}
}

func formatRows(t *testing.T, dir string) []formatRow {
	data := func(name string) string { return filepath.Join(dataDir(t, "slides"), name) }
	const real, fixture, openslide = "its scanner", "this project, from the facts", "OpenSlide 3.4.1"
	rows := []formatRow{
		{"Aperio SVS, JPEG", data("CMU-1-Small-Region.svs"), real, openslide, false},
		{"Aperio SVS, JPEG, in pure Go", data("CMU-1-Small-Region.svs"), real, openslide, true},
		{"Aperio JPEG 2000 33003", data("aperio-j2k-33003.svs"), "tifffile, OpenJPEG", openslide, false},
		{"Aperio JPEG 2000 33003, in pure Go", data("aperio-j2k-33003.svs"), "tifffile, OpenJPEG", openslide, true},
		{"Aperio JPEG 2000 33005", data("aperio-j2k-33005.svs"), "tifffile, OpenJPEG", openslide, false},
		{"Aperio JPEG 2000 33005, in pure Go", data("aperio-j2k-33005.svs"), "tifffile, OpenJPEG", openslide, true},
		{"Hamamatsu NDPI", data("fluorescence.ndpi"), real, openslide, false},
		{"generic TIFF pyramid", data("boxes.tiff"), "libvips", openslide, false},
	}
	fixtures := vendorSlides(t)
	fixtures["trestle.tif"] = slidetest.Vendor{Size: pyramid.Size{W: 128, H: 64}, Tile: 64}.Trestle(t)
	for _, f := range [][2]string{
		{"philips.tiff", "Philips TIFF, sparse and padded"}, {"leica.scn", "Leica SCN"}, {"leica two scans.scn", "Leica SCN, two scans"},
		{"ventana.bif", "Ventana BIF"}, {"ventana joined.bif", "Ventana BIF with overlaps"}, {"trestle.tif", "Trestle, through libopenslide"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(f[0], " ", "-"))
		if err := os.WriteFile(path, fixtures[f[0]], 0o600); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, formatRow{f[1], path, fixture, openslide, false})
	}
	for _, n := range []string{"1", "3", "6", "8"} {
		rows = append(rows, formatRow{"TIFF orientation " + n, data("test_orient" + n + ".tif"), "large_image", "Pillow", false})
	}
	out, err := exec.Command("/usr/bin/python3", "../../scripts/check-pixels.py", "make", dir).Output()
	if err != nil {
		t.Fatalf("make files: %v", err)
	}
	for _, name := range strings.Fields(string(out)) {
		rows = append(rows, formatRow{"TIFF: " + name, filepath.Join(dir, name), "tifffile", "tifffile", false})
	}
	j2k := filepath.Join(dir, "j2k.tif")
	if err := os.WriteFile(j2k, slidetest.TIFFOfJ2K(t, pyramid.Size{W: 200, H: 130}, 64, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	folders := dicomSlides(t)
	for _, pure := range []string{"", ", in pure Go"} {
		rows = append(rows, formatRow{"TIFF, JPEG 2000 34712" + pure, j2k, fixture, "tiles, tifffile and OpenJPEG", pure != ""})
		for _, name := range slices.Sorted(maps.Keys(folders)) {
			if pure == "" || strings.Contains(name, "2000") {
				rows = append(rows, formatRow{"DICOM, " + name + pure, folders[name], fixture, "pydicom, libjpeg and OpenJPEG", pure != ""})
			}
		}
	}
	if folder := os.Getenv("SLIDEMILL_DICOM"); folder != "" {
		rows = append(rows, formatRow{"DICOM, named", folder, "another program", "pydicom, libjpeg and OpenJPEG", false})
	}
	return rows
}

// compare reads the finest level with both. What was never scanned is white. why is set where the oracle
// does not answer.
func (r formatRow) compare(t *testing.T) (most int, mean float64, why string) {
	t.Helper()
	s, err := slide.Open(t.Context(), r.file, slide.Options{PureJPEG: r.pure, MPP: 1})
	if err != nil {
		t.Errorf("FAIL %s: %v", r.format, err)
		return 0, 0, "not read here"
	}
	defer s.Close()
	ours := wholeLevel(t, s)
	theirs, why := r.oracleImage(t, ours.Rect.Size())
	if why != "" {
		return 0, 0, why
	}
	var d difference
	d.add(slidetest.RGB(ours), theirs)
	return d.max, d.mean(), ""
}

func wholeLevel(t *testing.T, s slide.Slide) *image.RGBA {
	size := s.Info().Size()
	whole := image.NewRGBA(size.Bounds())
	slidetest.Tiles(s.Info(), func(level, col, row int) {
		if level > 0 {
			return
		}
		tile := slidetest.Read(t, s, 0, col, row)
		for y := tile.Rect.Min.Y; y < tile.Rect.Max.Y; y++ {
			copy(whole.Pix[whole.PixOffset(tile.Rect.Min.X, y):][:4*tile.Rect.Dx()], tile.Pix[tile.PixOffset(tile.Rect.Min.X, y):])
		}
	})
	whiten(whole.Pix)
	return whole
}

func whiten(pix []byte) {
	for ; len(pix) > 0; pix = pix[4:] {
		if pix[3] == 0 {
			copy(pix, []byte{255, 255, 255, 255})
		}
	}
}

// oracleImage is the finest level as the oracle reads it, as RGB.
func (r formatRow) oracleImage(t *testing.T, size image.Point) (rgb []byte, why string) {
	if strings.HasPrefix(r.oracle, "OpenSlide") {
		needOpenSlide(t)
		o := startOpenSlide(t, r.file)
		im := image.NewRGBA(image.Rectangle{Max: size})
		for y := 0; y < size.Y; y += 512 {
			h := min(512, size.Y-y)
			o.read(t, 0, image.Rect(0, y, size.X, y+h), im.Pix[y*im.Stride:(y+h)*im.Stride])
		}
		whiten(im.Pix)
		return slidetest.RGB(im), ""
	}
	oracle, _, _ := strings.Cut(strings.ToLower(r.oracle), ",")
	out, err := exec.Command("/usr/bin/python3", "../../scripts/check-pixels.py", oracle, r.file).Output()
	if err != nil {
		return nil, "it does not read the file"
	}
	head, pixels, _ := bytes.Cut(out, []byte("\n"))
	var got [2]int
	if err := json.Unmarshal(head, &got); err != nil || got != [2]int{size.X, size.Y} || len(pixels) != 3*size.X*size.Y {
		t.Errorf("FAIL %s: the oracle has %v pixels, here are %v", r.format, got, size)
		return nil, "another size"
	}
	return pixels, ""
}
