package tiler

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

func openFake(t testing.TB, f *fake) *Pyramid {
	t.Helper()
	_, bucket := cut(t, Config{Slide: f})
	p, err := Open(t.Context(), bucket, pyramid.NewSlideID(testSum))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func frameOf(t testing.TB, f *fake, mpp pyramid.MPP, model float64) segment.Frame {
	t.Helper()
	mpp.Source = pyramid.FromFile
	frame, err := segment.NewFrame(f.size, mpp, model)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// TestCanvasesAgree: any two rectangles agree bit for bit where they overlap, at any scale.
func TestCanvasesAgree(t *testing.T) {
	f := newFake(333, 250, 64, noise)
	p := openFake(t, f)
	rapid.Check(t, func(rt *rapid.T) {
		mpp := pyramid.MPP{X: rapid.Float64Range(0.2, 2.2).Draw(rt, "mpp")}
		mpp.Y = mpp.X * rapid.Float64Range(0.92, 1.08).Draw(rt, "anisotropy")
		frame := frameOf(t, f, mpp, 1.3)
		a, b := drawCanvas(rt, t, p, frame, "a"), drawCanvas(rt, t, p, frame, "b")
		over := a.Rect.Intersect(b.Rect)
		for y := over.Min.Y; y < over.Max.Y; y++ {
			ra, rb := a.Pix[a.PixOffset(over.Min.X, y):a.PixOffset(over.Max.X, y)], b.Pix[b.PixOffset(over.Min.X, y):b.PixOffset(over.Max.X, y)]
			if !bytes.Equal(ra, rb) {
				rt.Fatalf("row %d of %v and %v differs", y, a.Rect, b.Rect)
			}
		}
	})
}

func drawCanvas(rt *rapid.T, t *testing.T, p *Pyramid, frame segment.Frame, name string) *image.RGBA {
	at := rapid.IntRange(-40, frame.Size.W)
	side := rapid.IntRange(1, 200)
	x, y := at.Draw(rt, name+".x"), at.Draw(rt, name+".y")
	img := new(image.RGBA)
	r := image.Rect(x, y, x+side.Draw(rt, name+".w"), y+side.Draw(rt, name+".h"))
	if err := p.Canvas(t.Context(), frame, r, img); err != nil {
		rt.Fatal(err)
	}
	return img
}

// plainCanvas is the oracle: the triangle filter in floating point, pixel by pixel.
func plainCanvas(level *image.RGBA, ratioX, ratioY float64, x, y int) [3]float64 {
	var sum [3]float64
	var total float64
	rx, ry := max(1, ratioX), max(1, ratioY)
	cx, cy := (float64(x)+0.5)*ratioX-0.5, (float64(y)+0.5)*ratioY-0.5
	for j := int(math.Floor(cy - ry)); j <= int(math.Ceil(cy+ry)); j++ {
		for i := int(math.Floor(cx - rx)); i <= int(math.Ceil(cx+rx)); i++ {
			w := max(0, 1-math.Abs(float64(i)-cx)/rx) * max(0, 1-math.Abs(float64(j)-cy)/ry)
			c := level.RGBAAt(min(max(i, 0), level.Rect.Dx()-1), min(max(j, 0), level.Rect.Dy()-1))
			for k, v := range []uint8{c.R, c.G, c.B} {
				sum[k] += w * float64(v)
			}
			total += w
		}
	}
	return [3]float64{sum[0] / total, sum[1] / total, sum[2] / total}
}

func TestCanvasIsATriangleFilter(t *testing.T) {
	f := newFake(300, 200, 64, noise)
	p := openFake(t, f)
	for _, mpp := range []float64{0.25, 0.499, 0.65, 1, 1.3, 1.7} {
		frame := frameOf(t, f, pyramid.MPP{X: mpp, Y: mpp * 1.02}, 1.3)
		level := canvasLevel(p.DeepZoom(), frame)
		src := wholeLevel(t, p, level)
		shrink := math.Exp2(float64(p.DeepZoom().Max() - level))
		got := new(image.RGBA)
		if err := p.Canvas(t.Context(), frame, frame.Size.Bounds(), got); err != nil {
			t.Fatal(err)
		}
		for y := 0; y < got.Rect.Dy(); y += 3 {
			for x := 0; x < got.Rect.Dx(); x += 3 {
				want, c := plainCanvas(src, frame.StepX()/shrink, frame.StepY()/shrink, x, y), got.RGBAAt(x, y)
				for k, v := range []uint8{c.R, c.G, c.B} {
					if math.Abs(want[k]-float64(v)) > 0.6 {
						t.Fatalf("%g µm: pixel %d,%d channel %d is %d, want %.2f", mpp, x, y, k, v, want[k])
					}
				}
			}
		}
	}
}

func wholeLevel(t *testing.T, p *Pyramid, level int) *image.RGBA {
	all := image.NewRGBA(p.DeepZoom().LevelSize(level).Bounds())
	g := p.DeepZoom().Grid(level)
	for i := range g.Cells() {
		tile, err := p.Tile(t.Context(), pyramid.Tile{Level: level, Col: i % g.Cols(), Row: i / g.Cols()})
		if err != nil {
			t.Fatal(err)
		}
		for y := tile.Rect.Min.Y; y < tile.Rect.Max.Y; y++ {
			copy(all.Pix[all.PixOffset(tile.Rect.Min.X, y):], tile.Pix[tile.PixOffset(tile.Rect.Min.X, y):][:4*tile.Rect.Dx()])
		}
	}
	return all
}

// TestCanvasAtALevelsOwnScale: nothing is resampled where nothing needs to be.
func TestCanvasAtALevelsOwnScale(t *testing.T) {
	f := newFake(300, 200, 64, noise)
	p := openFake(t, f)
	for k, mpp := range []float64{1.3, 0.65, 0.325} {
		frame := frameOf(t, f, pyramid.MPP{X: mpp, Y: mpp}, 1.3)
		got := new(image.RGBA)
		if err := p.Canvas(t.Context(), frame, frame.Size.Bounds(), got); err != nil {
			t.Fatal(err)
		}
		if want := wholeLevel(t, p, p.DeepZoom().Max()-k); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%g µm: canvas differs from the level", mpp)
		}
	}
}

// TestOnlyWhatMattersIsRead: a view has the pixels of the whole canvas wherever they matter, at any scale, and reads
// no tile that shows none of them.
func TestOnlyWhatMattersIsRead(t *testing.T) {
	f := newFake(700, 500, 64, noise)
	p := openFake(t, f)
	spared := false
	rapid.Check(t, func(rt *rapid.T) {
		mpp := pyramid.MPP{X: rapid.Float64Range(0.4, 2.2).Draw(rt, "mpp")}
		mpp.Y = mpp.X * rapid.Float64Range(0.92, 1.08).Draw(rt, "anisotropy")
		frame := frameOf(t, f, mpp, 1.3)
		all := drawCanvas(rt, t, p, frame, "canvas")
		x, y := rapid.IntRange(all.Rect.Min.X, all.Rect.Max.X-1).Draw(rt, "x"), rapid.IntRange(all.Rect.Min.Y, all.Rect.Max.Y-1).Draw(rt, "y")
		matters := image.Rect(x, y, x+9, y+9).Intersect(all.Rect)
		fresh := *p
		fresh.cache = newCache[pyramid.Tile](DefaultCache, imageBytes)
		got := new(image.RGBA)
		view := View{Frame: frame, Rect: all.Rect, Matters: matters.Overlaps}
		if err := fresh.Show(t.Context(), view, got); err != nil {
			rt.Fatal(err)
		}
		for y := matters.Min.Y; y < matters.Max.Y; y++ {
			from, to := all.PixOffset(matters.Min.X, y), all.PixOffset(matters.Max.X, y)
			if !bytes.Equal(got.Pix[from:to], all.Pix[from:to]) {
				rt.Fatalf("row %d of %v differs", y, matters)
			}
		}
		if n := len(fresh.cache.entries); n > 4 {
			rt.Fatalf("%d tiles are read for 9 pixels", n)
		}
		spared = spared || all.Rect.Dx() > 150
	})
	if !spared {
		t.Error("all canvases were so small that nothing could be spared")
	}
}

func TestCanvasBeyondTheSlideIsWhite(t *testing.T) {
	p := openFake(t, newFake(100, 100, 64, func(int, int) color.RGBA { return color.RGBA{90, 20, 60, 255} }))
	frame := frameOf(t, newFake(100, 100, 64, nil), pyramid.MPP{X: 1.3, Y: 1.3}, 1.3)
	white := color.RGBA{255, 255, 255, 255}
	img := new(image.RGBA)
	if err := p.Canvas(t.Context(), frame, image.Rect(-20, -20, 120, 120), img); err != nil {
		t.Fatal(err)
	}
	for at, outside := range map[image.Point]bool{{X: -1, Y: 5}: true, {X: 0, Y: 5}: false, {X: 99, Y: 99}: false, {X: 99, Y: 100}: true} {
		if got := img.RGBAAt(at.X, at.Y); (got == white) != outside {
			t.Errorf("pixel %v is %v", at, got)
		}
	}
	if err := p.Canvas(t.Context(), frame, image.Rect(500, 500, 520, 520), img); err != nil || img.RGBAAt(510, 510) != white {
		t.Errorf("far outside: %v, %v", img.RGBAAt(510, 510), err)
	}
}

func TestAMissingTileIsAnError(t *testing.T) {
	f := newFake(300, 200, 64, smooth)
	_, bucket := cut(t, Config{Slide: f})
	id := pyramid.NewSlideID(testSum)
	p, err := Open(t.Context(), bucket, id)
	if err != nil {
		t.Fatal(err)
	}
	at := pyramid.Tile{Level: 9, Col: 2, Row: 1}
	whole := object(t, bucket, store.Slide(id).PyramidTile(at))
	frame := frameOf(t, f, pyramid.MPP{X: 1.3, Y: 1.3}, 1.3)
	canvas := func() error { return p.Canvas(t.Context(), frame, frame.Size.Bounds(), new(image.RGBA)) }
	for name, data := range map[string][]byte{
		"truncated": whole[:len(whole)-9], "text": []byte("no picture"), "other size": object(t, bucket, store.Slide(id).PyramidTile(pyramid.Tile{Level: 0})),
	} {
		if err := putBytes(t.Context(), bucket, store.Slide(id).PyramidTile(at), data); err != nil {
			t.Fatal(err)
		}
		if err := canvas(); err == nil || !strings.Contains(err.Error(), at.String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := bucket.Delete(t.Context(), store.Slide(id).PyramidTile(at)); err != nil {
		t.Fatal(err)
	}
	if err := canvas(); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), at.String()) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := Open(t.Context(), bucket, pyramid.SlideID{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown slide: %v", err)
	}
}

func TestCanvasIsSafeForConcurrentUse(t *testing.T) {
	f := newFake(600, 500, 64, noise)
	p := openFake(t, f)
	p.cache.budget = 5 * 4 * 64 * 64 // force eviction
	frame := frameOf(t, f, pyramid.MPP{X: 0.8, Y: 0.8}, 1.3)
	want := new(image.RGBA)
	if err := p.Canvas(t.Context(), frame, frame.Size.Bounds(), want); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got := new(image.RGBA)
			if err := p.Canvas(context.Background(), frame, frame.Size.Bounds(), got); err != nil || !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("canvases differ: %v", err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkCanvas(b *testing.B) {
	f := newFake(1920, 1920, 240, noise)
	p := openFake(b, f)
	for _, mpp := range []float64{0.499, 0.7, 1.3} {
		b.Run(pyramid.MPP{X: mpp, Y: mpp}.String(), func(b *testing.B) {
			frame := frameOf(b, f, pyramid.MPP{X: mpp, Y: mpp}, 1.3)
			r := image.Rect(0, 0, min(700, frame.Size.W), min(700, frame.Size.H))
			dst := new(image.RGBA)
			b.SetBytes(int64(r.Dx() * r.Dy()))
			for b.Loop() {
				if err := p.Canvas(b.Context(), frame, r, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeTile(b *testing.B) {
	f := newFake(240, 240, 240, smooth)
	var buf buffer
	if err := buf.encode(f.whole(), DefaultQuality); err != nil {
		b.Fatal(err)
	}
	r := f.size.Bounds()
	b.SetBytes(f.size.Pixels())
	for b.Loop() {
		if _, err := decodeTile(buf.data, r); err != nil {
			b.Fatal(err)
		}
	}
}
