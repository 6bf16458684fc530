package slide_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// The oracle is OpenSlide in a process of its own, driven by scripts/check-openslide.py.

// How far pixels may be from OpenSlide's: two inverse transforms may round differently.
const (
	maxDifference  = 2
	meanDifference = 0.1
	// meanJ2K is for JPEG 2000 in pure Go: its irreversible transforms round otherwise than OpenJPEG's.
	meanJ2K = 0.4
)

// openSlide is a slide opened by OpenSlide.
type openSlide struct {
	facts struct {
		Version    string
		Cropped    bool // this project shows part of what OpenSlide shows
		Levels     [][2]int
		MPP        string
		Objective  string
		Associated map[string][2]int
	}
	in  io.WriteCloser
	out *bufio.Reader
}

// tileStep is which tiles are compared: all under scripts/check-openslide.sh, every seventh otherwise.
func tileStep() int {
	if os.Getenv("SLIDEMILL_OPENSLIDE_CHECK") == "require" {
		return 1
	}
	return 7
}

// needOpenSlide skips unless OpenSlide's Python binding is there; under the script it must be.
func needOpenSlide(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/python3", "-c", "import openslide").CombinedOutput(); err != nil {
		if os.Getenv("SLIDEMILL_OPENSLIDE_CHECK") == "require" {
			t.Fatalf("python3-openslide is not installed: %v\n%s", err, out)
		}
		t.Skip("needs Debian's python3-openslide as the oracle; scripts/check-openslide.sh runs this alone")
	}
}

func startOpenSlide(t *testing.T, path string) *openSlide {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "../../scripts/check-openslide.py", path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	o := &openSlide{in: in, out: bufio.NewReaderSize(out, 1<<20)}
	line, err := o.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o.facts)
	}
	if err != nil {
		t.Fatalf("openslide on %s: %v", path, err)
	}
	return o
}

// read fills pix with a rectangle of a level.
func (o *openSlide) read(t *testing.T, level int, r image.Rectangle, pix []byte) {
	t.Helper()
	fmt.Fprintf(o.in, "%d %d %d %d %d\n", level, r.Min.X, r.Min.Y, r.Dx(), r.Dy())
	if _, err := io.ReadFull(o.out, pix); err != nil {
		t.Fatalf("openslide region %v: %v", r, err)
	}
}

// difference accumulates how far two rasters are apart.
type difference struct {
	max, samples int
	sum          int64
}

func (d *difference) add(a, b []byte) {
	for i := range a {
		v := int(a[i]) - int(b[i])
		if v < 0 {
			v = -v
		}
		d.max, d.sum = max(d.max, v), d.sum+int64(v)
	}
	d.samples += len(a)
}

func (d *difference) mean() float64 { return float64(d.sum) / float64(max(d.samples, 1)) }

// TestOpenSlideSlides compares the real slides, or those that the script was given.
func TestOpenSlideSlides(t *testing.T) {
	needOpenSlide(t)
	var files []string
	if given := os.Getenv("SLIDEMILL_OPENSLIDE_FILES"); given != "" {
		files = strings.Split(given, ":")
	} else {
		for _, name := range []string{"CMU-1-Small-Region.svs", "small.svs", "boxes.tiff", "aperio-j2k-33003.svs", "aperio-j2k-33005.svs", "fluorescence.ndpi"} {
			files = append(files, filepath.Join(dataDir(t, "slides"), name))
		}
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { compareWithOpenSlide(t, file, slide.Options{}) })
		t.Run(filepath.Base(file)+" in pure Go", func(t *testing.T) { compareWithOpenSlide(t, file, slide.Options{PureJPEG: true}) })
	}
}

// compareWithOpenSlide reads the tiles of every level with both.
func compareWithOpenSlide(t *testing.T, file string, o slide.Options) {
	s, err := slide.Open(t.Context(), file, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	oracle := startOpenSlide(t, file)
	info := s.Info()
	t.Logf("openslide %s: mpp %q, here %v; objective %q, here %g; associated %v, here %v",
		oracle.facts.Version, oracle.facts.MPP, info.MPP, oracle.facts.Objective, info.Objective, oracle.facts.Associated, info.Associated)
	for i, l := range info.Levels {
		theirs := oracle.level(i, l)
		if theirs < 0 {
			t.Fatalf("level %d is %s, openslide has %v", i, l.Size, oracle.facts.Levels)
		}
		if theirs > 0 && l.Downsample != float64(int(l.Downsample)) {
			continue // OpenSlide addresses it in level-0 pixels and resamples
		}
		compareLevel(t, s, oracle, i, theirs)
	}
}

// level is the oracle's level of the same size, or -1: OpenSlide has levels more, which it makes up from
// smaller decodings, and none less.
func (o *openSlide) level(i int, l slide.Level) int {
	if o.facts.Cropped && i < len(o.facts.Levels) {
		return i
	}
	return slices.IndexFunc(o.facts.Levels, func(size [2]int) bool { return size == [2]int{l.Size.W, l.Size.H} })
}

func compareLevel(t *testing.T, s slide.Slide, oracle *openSlide, level, theirs int) {
	l := s.Info().Levels[level]
	var d difference
	var tile image.RGBA
	number, tiles := 0, 0
	want := make([]byte, 4*l.TileSize.Pixels())
	for y := 0; y*l.TileSize.H < l.Size.H; y++ {
		for x := 0; x*l.TileSize.W < l.Size.W; x++ {
			if number++; (number-1)%tileStep() != 0 {
				continue
			}
			if err := s.ReadTile(t.Context(), level, x, y, &tile); err != nil {
				t.Fatal(err)
			}
			n := len(tile.Pix)
			oracle.read(t, theirs, tile.Rect, want[:n])
			d.add(tile.Pix, want[:n])
			tiles++
		}
	}
	t.Logf("level %d (%s, %s): %d of %d tiles, largest difference %d of 255, mean %.5f", level, l.Size, l.Codec, tiles, number, d.max, d.mean())
	mean := meanDifference
	if l.Codec == "j2k" {
		mean = meanJ2K
	}
	if d.max > maxDifference || d.mean() > mean {
		t.Errorf("level %d differs from openslide by up to %d, on average %.4f; allowed %d and %g", level, d.max, d.mean(), maxDifference, mean)
	}
}

// TestOpenSlideYCbCr compares files as libvips writes them: YCbCr with chroma at half size, RGB JPEG,
// deflate with and LZW without prediction, classic TIFF and BigTIFF, one level or many.
func TestOpenSlideYCbCr(t *testing.T) {
	needOpenSlide(t)
	if _, err := exec.LookPath("vips"); err != nil {
		t.Skip("needs Debian's libvips-tools to make the files")
	}
	source := filepath.Join(dataDir(t, "slides"), "CMU-1-Small-Region.svs")
	crop := filepath.Join(t.TempDir(), "crop.v")
	vips(t, "crop", source, crop, "600", "900", "640", "448")
	for name, options := range map[string][]string{
		"jpeg-420": {"--compression", "jpeg", "--Q", "80"},
		"jpeg-rgb": {"--compression", "jpeg", "--Q", "95", "--rgbjpeg"},
		"jpeg-big": {"--compression", "jpeg", "--bigtiff", "--tile-width", "128", "--tile-height", "64"},
		"deflate":  {"--compression", "deflate", "--predictor", "horizontal"},
		"lzw":      {"--compression", "lzw", "--predictor", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name+".tiff")
			vips(t, append([]string{"tiffsave", crop, file, "--tile", "--pyramid"}, options...)...)
			compareWithOpenSlide(t, file, slide.Options{PureJPEG: true})
		})
	}
}

func vips(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "vips", args...).CombinedOutput(); err != nil {
		t.Fatalf("vips %v: %v\n%s", args, err, out)
	}
}

// TestSubIFDs: a pyramid as OME-TIFF has it, all reduced levels below the first directory. OpenSlide does
// not see them; here they are the same pixels as in a plain chain of directories.
func TestSubIFDs(t *testing.T) {
	if _, err := exec.LookPath("vips"); err != nil {
		t.Skip("needs Debian's libvips-tools to make the files")
	}
	source := filepath.Join(dataDir(t, "slides"), "boxes.tiff")
	var slides []slide.Slide
	for _, more := range [][]string{{}, {"--subifd"}} {
		file := filepath.Join(t.TempDir(), "x.tiff")
		vips(t, append([]string{"tiffsave", source, file, "--tile", "--pyramid", "--tile-width", "64", "--tile-height", "64", "--compression", "lzw"}, more...)...)
		s := opener(file, slide.Options{})(t)
		defer s.Close()
		slides = append(slides, s)
	}
	if diff := cmp.Diff(slides[0].Info(), slides[1].Info()); diff != "" || len(slides[0].Info().Levels) < 3 {
		t.Fatalf("info (-chain +below):\n%s", diff)
	}
	slidetest.Tiles(slides[0].Info(), func(level, col, row int) {
		if !slidetest.Equal(slidetest.Read(t, slides[0], level, col, row), slidetest.Read(t, slides[1], level, col, row)) {
			t.Fatalf("tile %d/%d_%d differs", level, col, row)
		}
	})
}

// TestOpenSlideReadsWriter: OpenSlide sees the levels and the pixels of the files that tiff.Writer
// makes.
func TestOpenSlideReadsWriter(t *testing.T) {
	needOpenSlide(t)
	for name, p := range map[string]slidetest.Pyramid{
		"jpeg":    {Size: pyramid.Size{W: 500, H: 300}, Tile: 128, Levels: 3, JPEG: true, MPP: 0.5},
		"deflate": {Size: pyramid.Size{W: 500, H: 300}, Tile: 128, Levels: 3, MPP: 0.5},
	} {
		t.Run(name, func(t *testing.T) { compareWithOpenSlide(t, p.Write(t), slide.Options{}) })
	}
}
