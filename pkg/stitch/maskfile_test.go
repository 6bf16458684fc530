package stitch

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// maskOf stitches a world and leaves its mask in a file.
func maskOf(t *testing.T, w *world) string {
	t.Helper()
	b, p, _ := w.stitched(t, 128, 2)
	name := filepath.Join(t.TempDir(), "mask.tiff")
	if err := os.WriteFile(name, read(t, b, store.Slide(p.Slide).Run(p.Run).Mask()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// masks is the reference of every level of the mask file.
func (w *world) masks() (sizes []pyramid.Size, levels [][]uint8) {
	binary := make([]uint8, len(w.probability))
	for i, v := range w.probability {
		if v >= 128 {
			binary[i] = 255
		}
	}
	d := pyramid.DeepZoom{Size: w.canvas, Tile: maskTile}
	for level := d.Max(); ; level-- {
		sizes, levels = append(sizes, d.LevelSize(level)), append(levels, w.coarse(binary, d, level))
		if s := d.LevelSize(level); s.W <= maskTile && s.H <= maskTile {
			return sizes, levels
		}
	}
}

// TestMaskFile reads the mask back through pkg/slide: right levels, right scale, every pixel.
func TestMaskFile(t *testing.T) {
	for _, canvas := range []pyramid.Size{tiny, {W: 257, H: 1}, {W: 40, H: 513}, {W: 256, H: 256}} {
		t.Run(canvas.String(), func(t *testing.T) {
			w := blobs(canvas, 31)
			for i := range w.probability {
				w.probability[i] = uint8(i * 37)
			}
			w.gate()
			s, err := slide.Open(t.Context(), maskOf(t, w), slide.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			sizes, levels := w.masks()
			if len(s.Info().Levels) != len(sizes) {
				t.Fatalf("%d levels, want %d", len(s.Info().Levels), len(sizes))
			}
			if mpp := s.Info().MPP.Mean(); mpp < 1.2999 || mpp > 1.3001 {
				t.Errorf("scale %g", mpp)
			}
			for level, size := range sizes {
				if got := s.Info().Levels[level].Size; got != size {
					t.Fatalf("level %d is %v, want %v", level, got, size)
				}
				compareLevel(t, s, level, levels[level])
			}
		})
	}
}

func compareLevel(t *testing.T, s slide.Slide, level int, want []uint8) {
	t.Helper()
	size := s.Info().Levels[level].Size
	grid := pyramid.Grid{Size: size, Tile: maskTile}
	var tile image.RGBA
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			if err := s.ReadTile(t.Context(), level, col, row, &tile); err != nil {
				t.Fatal(err)
			}
			for y := tile.Rect.Min.Y; y < tile.Rect.Max.Y; y++ {
				for x := tile.Rect.Min.X; x < tile.Rect.Max.X; x++ {
					if got := tile.RGBAAt(x, y).R; got != want[y*size.W+x] {
						t.Fatalf("level %d pixel %d,%d: %d, want %d", level, x, y, got, want[y*size.W+x])
					}
				}
			}
		}
	}
}

// TestMaskInOtherPrograms opens the mask in OpenSlide and tifffile, which know nothing of us.
func TestMaskInOtherPrograms(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3 with openslide and tifffile (Debian: python3-openslide python3-tifffile)")
	}
	if system := "/usr/bin/python3"; exec.Command(system, "-c", "import openslide, tifffile").Run() == nil {
		python = system // another python3 on the path may lack the system's packages
	} else if out, err := exec.Command(python, "-c", "import openslide, tifffile").CombinedOutput(); err != nil {
		t.Skipf("needs openslide and tifffile for python3 (Debian: python3-openslide python3-tifffile): %s", bytes.TrimSpace(out))
	}
	w := blobs(tiny, 32)
	const script = `
import sys, numpy, openslide, tifffile
s = openslide.OpenSlide(sys.argv[1])
for size in s.level_dimensions: print(*size)
image = numpy.array(s.read_region((0, 0), 0, s.dimensions))[:, :, 0]
with tifffile.TiffFile(sys.argv[1]) as t:
    assert t.is_bigtiff
    for page in t.pages: print(*reversed(page.shape))
    assert numpy.array_equal(t.pages[0].asarray(), image)
print(int((image == 255).sum()), int((image != 0).sum()))
`
	out, err := exec.Command(python, "-c", script, maskOf(t, w)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sizes, levels := w.masks()
	var lines []string
	for range 2 {
		for _, s := range sizes {
			lines = append(lines, fmt.Sprint(s.W, s.H))
		}
	}
	n := bytes.Count(levels[0], []byte{255})
	lines = append(lines, fmt.Sprint(n, n))
	if got, want := strings.TrimSpace(string(out)), strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
