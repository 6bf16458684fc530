package synth

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// shared is a slide for all tests.
var shared = newRenderer(Config{Size: pyramid.Size{W: 3000, H: 2400}, Seed: 7})

func render(rect image.Rectangle) (*image.RGBA, []uint8) {
	var s sheet
	shared.draw(rect, &s)
	img := image.NewRGBA(rect)
	shared.paint(&s, img)
	return img, s.cancer
}

// TestPixelsArePure: any two rectangles agree where they overlap, in picture and truth.
func TestPixelsArePure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		corner := func(name string, n int) int { return nodeStep * rapid.IntRange(0, n/nodeStep-1).Draw(t, name) }
		side := rapid.IntRange(1, 150)
		x, y := corner("x", 3000), corner("y", 2400)
		a := image.Rect(x, y, x+side.Draw(t, "w"), y+side.Draw(t, "h"))
		x, y = max(0, x+8*rapid.IntRange(-8, 8).Draw(t, "dx")), max(0, y+8*rapid.IntRange(-8, 8).Draw(t, "dy"))
		b := image.Rect(x, y, x+side.Draw(t, "w2"), y+side.Draw(t, "h2"))
		imgA, maskA := render(a)
		imgB, maskB := render(b)
		both := a.Intersect(b)
		for y := both.Min.Y; y < both.Max.Y; y++ {
			for x := both.Min.X; x < both.Max.X; x++ {
				mA, mB := maskA[(y-a.Min.Y)*a.Dx()+x-a.Min.X], maskB[(y-b.Min.Y)*b.Dx()+x-b.Min.X]
				if imgA.RGBAAt(x, y) != imgB.RGBAAt(x, y) || mA != mB {
					t.Fatalf("pixel %d,%d of %v and %v differs", x, y, a, b)
				}
			}
		}
	})
}

// writeSlide writes a small slide and returns both files.
func writeSlide(t *testing.T, cfg Config) (slide, mask []byte) {
	t.Helper()
	cfg.Path = filepath.Join(t.TempDir(), "case.tiff")
	if err := Write(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		path string
		to   *[]byte
	}{{cfg.Path, &slide}, {MaskPath(cfg.Path), &mask}} {
		data, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		*f.to = data
	}
	return slide, mask
}

func TestEqualSeedsAreEqualFiles(t *testing.T) {
	size := pyramid.Size{W: 1000, H: 777}
	s1, m1 := writeSlide(t, Config{Size: size, Seed: 3, Workers: 1})
	s2, m2 := writeSlide(t, Config{Size: size, Seed: 3, Workers: 5})
	if !bytes.Equal(s1, s2) || !bytes.Equal(m1, m2) {
		t.Error("the number of workers changes the files")
	}
	if s3, _ := writeSlide(t, Config{Size: size, Seed: 4}); bytes.Equal(s1, s3) {
		t.Error("the seed changes nothing")
	}
}

// TestWrittenSlideOpens: the slide reads back through pkg/slide with scale, levels and pixels, and its
// mask with the same levels.
func TestWrittenSlideOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "case.tiff")
	var last, total int64
	cfg := Config{Path: path, Size: pyramid.Size{W: 1500, H: 1100}, Seed: 7, Progress: func(d, n int64) { last, total = d, n }}
	if err := Write(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if last != total || total != (pyramid.DeepZoom{Size: cfg.Size, Tile: tileSide}).Tiles() {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	s := open(t, path)
	info := s.Info()
	if len(info.Levels) != 4 || info.Levels[3].Size != (pyramid.Size{W: 188, H: 138}) || info.MPP.Mean() < 0.499 || info.MPP.Mean() > 0.501 {
		t.Errorf("%+v", info)
	}
	m := open(t, MaskPath(path))
	if got := m.Info().Levels; len(got) != 4 || got[0].Size != cfg.Size {
		t.Errorf("mask: %+v", got)
	}
	compare(t, s, m, newRenderer(Config{Size: cfg.Size, Seed: 7}))
}

func open(t *testing.T, path string) slide.Slide {
	t.Helper()
	s, err := slide.Open(t.Context(), path, slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// compare checks every tile of level 0 against the renderer: the mask to the bit, the picture as JPEG
// keeps it.
func compare(t *testing.T, s, m slide.Slide, r *renderer) {
	var got, mask image.RGBA
	var sh sheet
	var sum, n, cancer int
	for row := range pyramid.CeilDiv(r.size.H, tileSide) {
		for col := range pyramid.CeilDiv(r.size.W, tileSide) {
			if err := errors.Join(s.ReadTile(t.Context(), 0, col, row, &got), m.ReadTile(t.Context(), 0, col, row, &mask)); err != nil {
				t.Fatal(err)
			}
			want := image.NewRGBA(got.Rect)
			r.draw(got.Rect, &sh)
			r.paint(&sh, want)
			for i, v := range sh.cancer {
				if mask.Pix[4*i] != v {
					t.Fatalf("tile %d,%d: the mask differs at %d", col, row, i)
				}
				cancer += int(v & 1)
			}
			for i := range want.Pix {
				d := int(want.Pix[i]) - int(got.Pix[i])
				sum, n = sum+max(d, -d), n+1
			}
		}
	}
	if mean := float64(sum) / float64(n); mean > 8 {
		t.Errorf("pixels differ by %.1f on average", mean)
	}
	if share := float64(cancer) / float64(r.size.Pixels()); share < 0.01 || share > 0.5 {
		t.Errorf("%.3f of the slide is carcinoma", share)
	}
}

// TestItSaysThatItIsSynthetic: on the glass, where no tissue is, and in the file.
func TestItSaysThatItIsSynthetic(t *testing.T) {
	data, mask := writeSlide(t, Config{Size: pyramid.Size{W: 800, H: 600}})
	for name, file := range map[string][]byte{"slide": data, "mask": mask} {
		if !bytes.Contains(file, []byte("synthetic")) {
			t.Errorf("%s: the description does not say so", name)
		}
	}
	face := shared.face
	r := image.Rect(0, 0, 8*(face.x+6*len(inscription)*face.unit)/8, face.y+8*face.unit)
	img, _ := render(r)
	dark := 0
	for y := range r.Dy() {
		for x := range r.Dx() {
			c := img.RGBAAt(x, y)
			if c.R < 160 {
				dark++
			}
			if int(c.R)-int(c.G) > 20 {
				t.Fatalf("tissue under the inscription at %d,%d", x, y)
			}
		}
	}
	if dots := dark / (face.unit * face.unit); dots < 100 || dots > 160 {
		t.Errorf("%d dark dots do not spell %s", dots, inscription)
	}
}

// TestNoTissueAboveThePieces: on large slides too, where there are many pieces, the inscription stands
// on glass and every piece of the grid is there.
func TestNoTissueAboveThePieces(t *testing.T) {
	w := newWorld(pyramid.Size{W: 40000, H: 40000}, 0.5, 5)
	pieces := make(map[uint64]bool)
	for i := range 200 * 200 {
		u, v := (float64(i%200)+0.5)*100, (float64(i/200)+0.5)*100
		at := w.at(u, v)
		if v < w.top && at.depth > 0 {
			t.Fatalf("tissue at %g,%g µm", u, v)
		}
		if p, _ := w.piece(u, v); at.depth > 0 {
			pieces[p.seed] = true
		}
	}
	if len(pieces) != 9 {
		t.Errorf("%d pieces, want 9", len(pieces))
	}
}

// TestTissueCoversTheShare: what is drawn, not only the plan, covers the wanted share.
func TestTissueCoversTheShare(t *testing.T) {
	for _, want := range []float64{0.15, 0.4, 0.6} {
		c := Config{Size: pyramid.Size{W: 2000, H: 1600}, MPP: 8, Seed: 5, Tissue: want}
		var s sheet
		newRenderer(c).draw(image.Rectangle{Max: image.Pt(c.Size.W, c.Size.H)}, &s)
		tissue := 0
		for _, v := range s.tissue {
			if v > 127 {
				tissue++
			}
		}
		if got := float64(tissue) / float64(len(s.tissue)); math.Abs(got-want) > 0.02 {
			t.Errorf("tissue on %.3f of the slide, want %g", got, want)
		}
	}
}

func TestWriteLeavesNothingHalfDone(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	err := Write(ctx, Config{Path: filepath.Join(dir, "x.tiff"), Size: pyramid.Size{W: 1200, H: 900}, Progress: func(int64, int64) {
		if calls.Add(1) == 5 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteRefuses(t *testing.T) {
	ok := Config{Path: "x.tiff", Size: pyramid.Size{W: 100, H: 100}}
	for name, change := range map[string]func(*Config){
		"path": func(c *Config) { c.Path = "" },
		"size": func(c *Config) { c.Size.W = 3 },
		"huge": func(c *Config) { c.Size.H = 1 << 21 },
		"mpp":  func(c *Config) { c.MPP = -1 },
		"full": func(c *Config) { c.Tissue = 0.9 },
		"nan":  func(c *Config) { c.Tissue = math.NaN() },
	} {
		c := ok
		change(&c)
		if err := Write(t.Context(), c); err == nil || !strings.Contains(err.Error(), "synth") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	var s sheet
	r := image.Rect(1280, 1280, 1536, 1536) // all tissue
	img := image.NewRGBA(r)
	b.SetBytes(256 * 256)
	for b.Loop() {
		shared.draw(r, &s)
		shared.paint(&s, img)
	}
}

func BenchmarkPatterns(b *testing.B) {
	for b.Loop() {
		newLibrary()
	}
}
