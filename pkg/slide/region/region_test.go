package region_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/region"
	"github.com/slidemill/slidemill/pkg/synth"
)

// ramp is a picture whose red is its column and whose green is its row.
func ramp(t *testing.T, w, h int) *region.Reader {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(x), uint8(y), 9, 255})
		}
	}
	path := filepath.Join(t.TempDir(), "ramp.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, path, 0.5)
}

func open(t *testing.T, path string, mpp float64) *region.Reader {
	t.Helper()
	s, err := slide.Open(t.Context(), path, slide.Options{MPP: mpp})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	r, err := region.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPlaces: an output pixel has the colour of the point under its middle, at every step.
func TestPlaces(t *testing.T) {
	r := ramp(t, 200, 150)
	for _, step := range []float64{0.5, 1, 1.7, 2, 4} {
		const w, h, x, y = 20, 10, 40.0, 30.0
		rgb, err := r.Read(t.Context(), x, y, step, w, h)
		if err != nil {
			t.Fatal(err)
		}
		for i := range w * h {
			wantX, wantY := x+(float64(i%w)+0.5)*step-0.5, y+(float64(i/w)+0.5)*step-0.5
			if math.Abs(float64(rgb[3*i])-wantX) > 0.51 || math.Abs(float64(rgb[3*i+1])-wantY) > 0.51 || rgb[3*i+2] != 9 {
				t.Fatalf("step %g, pixel %d: %v, want %.2f, %.2f, 9", step, i, rgb[3*i:3*i+3], wantX, wantY)
			}
		}
	}
}

// TestRectanglesAgree: how a slide is cut into rectangles changes no pixel.
func TestRectanglesAgree(t *testing.T) {
	r := ramp(t, 120, 90)
	const step = 2.5
	whole, err := r.Read(t.Context(), 0, 0, step, 40, 30)
	if err != nil {
		t.Fatal(err)
	}
	part, err := r.Read(t.Context(), 10*step, 20*step, step, 7, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 7 * 5 {
		at := 3 * ((20+i/7)*40 + 10 + i%7)
		for c := range 3 {
			if part[3*i+c] != whole[at+c] {
				t.Fatalf("pixel %d: %v, want %v", i, part[3*i:3*i+3], whole[at:at+3])
			}
		}
	}
}

func TestOutsideIsWhite(t *testing.T) {
	r := ramp(t, 50, 50)
	rgb, err := r.Read(t.Context(), -100, 60, 1, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range rgb {
		if v != 255 {
			t.Fatalf("outside the slide: %v", rgb)
		}
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	r := ramp(t, 50, 50)
	for _, c := range []struct {
		x, step float64
		w       int
	}{{0, 0, 4}, {0, math.NaN(), 4}, {math.Inf(1), 1, 4}, {0, 1, 0}, {0, 1, 1 << 30}, {0, 1e6, 100}} {
		if _, err := r.Read(t.Context(), c.x, 0, c.step, c.w, c.w); err == nil {
			t.Errorf("%+v was read", c)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx, 0, 0, 1, 4, 4); err == nil {
		t.Error("read after the end")
	}
}

// TestLevelsAgree: a coarse level, where the slide has one, shows the same as the finest.
func TestLevelsAgree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.tiff")
	if err := synth.Write(t.Context(), synth.Config{Path: path, Size: pyramid.Size{W: 900, H: 700}, Seed: 4, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	r := open(t, path, 0)
	fine, err := r.Read(t.Context(), 200, 100, 1, 400, 400)
	if err != nil {
		t.Fatal(err)
	}
	differ := func(x, y float64) float64 {
		coarse, err := r.Read(t.Context(), x, y, 4, 100, 100)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i := range 100 * 100 {
			mean := 0.0
			for k := range 16 {
				mean += float64(fine[3*((4*(i/100)+k/4)*400+4*(i%100)+k%4)]) / 16
			}
			sum += math.Abs(mean-float64(coarse[3*i])) / 1e4
		}
		return sum
	}
	if there, beside := differ(200, 100), differ(202, 103); there > 8 || there > 0.8*beside {
		t.Errorf("levels differ by %.1f of 255 on average, by %.1f when displaced by half a pixel", there, beside)
	}
}
