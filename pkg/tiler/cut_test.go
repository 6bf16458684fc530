package tiler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func TestCutWritesEveryTile(t *testing.T) {
	f := newFake(700, 333, 64, smooth)
	var steps int64
	r, bucket := cut(t, Config{Slide: f, Progress: func(done, total int64) {
		if steps++; done != steps || total != 66+18+6+2+7 {
			t.Errorf("progress %d of %d after %d", done, total, steps-1)
		}
	}})
	if r.Tiles() != steps || r.Pyramid != (pyramid.DeepZoom{Size: f.size, Tile: 64}) {
		t.Errorf("%d tiles reported, %d made, pyramid %v", r.Tiles(), steps, r.Pyramid)
	}
	keys := store.Slide(pyramid.NewSlideID(testSum))
	for l := range r.Pyramid.Max() + 1 {
		g := r.Pyramid.Grid(l)
		for i := range g.Cells() {
			tile := pyramid.Tile{Level: l, Col: i % g.Cols(), Row: i / g.Cols()}
			img, err := jpeg.Decode(bytes.NewReader(object(t, bucket, keys.PyramidTile(tile))))
			if err != nil {
				t.Fatalf("tile %v: %v", tile, err)
			}
			if want := g.Bounds(tile.Col, tile.Row).Size(); img.Bounds().Size() != want {
				t.Errorf("tile %v is %v, want %v", tile, img.Bounds(), want)
			}
		}
	}
	for at, n := range f.reads {
		if n != 1 {
			t.Errorf("native tile %v was decoded %d times", at, n)
		}
	}
}

// TestDescriptor pins the bytes: Deep Zoom viewers parse them with more or less care.
func TestDescriptor(t *testing.T) {
	got := string(Descriptor(pyramid.DeepZoom{Size: pyramid.Size{W: 2220, H: 2967}, Tile: 240}, "jpeg"))
	want := `<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpeg" Overlap="0" TileSize="240">
  <Size Width="2220" Height="2967"/>
</Image>
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCutIsDeterministic: workers, order and a second time make no difference.
func TestCutIsDeterministic(t *testing.T) {
	var first map[string]string
	for _, workers := range []int{1, 2, 7} {
		_, bucket := cut(t, Config{Slide: newFake(500, 410, 64, noise), Workers: workers, Uploads: workers})
		all := contents(t, bucket)
		if first == nil {
			first = all
		}
		if diff := cmp.Diff(first, all); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

func contents(t *testing.T, b store.Bucket) map[string]string {
	all := make(map[string]string)
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all[o.Key] = string(object(t, b, o.Key))
	}
	return all
}

// TestCutKeepsPixels compares the decoded pyramid with a plain mean of the whole picture.
func TestCutKeepsPixels(t *testing.T) {
	for _, tile := range []int{0, 50, 64, 96, 97} {
		t.Run(fmt.Sprint("tile ", tile), func(t *testing.T) {
			f := newFake(401, 303, 64, smooth)
			_, bucket := cut(t, Config{Slide: f, Tile: tile, Quality: 98})
			p, err := Open(t.Context(), bucket, pyramid.NewSlideID(testSum))
			if err != nil {
				t.Fatal(err)
			}
			want := f.whole()
			for l := p.DeepZoom().Max(); l >= 0; l-- {
				if d := levelDifference(t, p, l, want); d > 2 { // what JPEG does to so few pixels
					t.Errorf("level %d differs by %.2f on average", l, d)
				}
				want = plainHalf(want)
			}
		})
	}
}

func levelDifference(t *testing.T, p *Pyramid, level int, want *image.RGBA) float64 {
	g := p.DeepZoom().Grid(level)
	var sum, n float64
	for i := range g.Cells() {
		got, err := p.Tile(t.Context(), pyramid.Tile{Level: level, Col: i % g.Cols(), Row: i / g.Cols()})
		if err != nil {
			t.Fatal(err)
		}
		for y := got.Rect.Min.Y; y < got.Rect.Max.Y; y++ {
			for x := got.Rect.Min.X; x < got.Rect.Max.X; x++ {
				a, b := got.RGBAAt(x, y), want.RGBAAt(x, y)
				sum += float64(abs(int64(a.R)-int64(b.R)) + abs(int64(a.G)-int64(b.G)) + abs(int64(a.B)-int64(b.B)))
				n += 3
			}
		}
	}
	return sum / n
}

func TestUnscannedPixelsAreWhiteAndCounted(t *testing.T) {
	f := newFake(256, 128, 64, func(x, y int) color.RGBA {
		if x < 100 {
			return color.RGBA{}
		}
		return color.RGBA{160, 60, 120, 255}
	})
	r, bucket := cut(t, Config{Slide: f})
	if want := int64(100 * 128); r.Unscanned != want {
		t.Errorf("%d unscanned pixels, want %d", r.Unscanned, want)
	}
	p, err := Open(t.Context(), bucket, pyramid.NewSlideID(testSum))
	if err != nil {
		t.Fatal(err)
	}
	img, err := p.Tile(t.Context(), pyramid.Tile{Level: 8, Col: 0, Row: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c := img.RGBAAt(10, 70); c != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("unscanned pixel is %v", c)
	}
	if o := r.Overview; o.Scanned[0] != 0 || o.Scanned[len(o.Scanned)-1] != 255 {
		t.Errorf("scanned share runs from %d to %d", o.Scanned[0], o.Scanned[len(o.Scanned)-1])
	}
}

func TestDamagedTilesAreRememberedOrRefused(t *testing.T) {
	f := newFake(640, 640, 64, smooth)
	f.damaged = map[image.Point]bool{{X: 3, Y: 4}: true, {X: 9, Y: 0}: true}
	r, _ := cut(t, Config{Slide: f})
	want := []image.Rectangle{image.Rect(576, 0, 640, 64), image.Rect(192, 256, 256, 320)}
	if diff := cmp.Diff(want, r.Unreadable); diff != "" || r.Unscanned != 2*64*64 {
		t.Errorf("%d unscanned, %s", r.Unscanned, diff)
	}
	for i := range 6 {
		f.damaged[image.Pt(i, 9)] = true
	}
	_, err := Cut(t.Context(), Config{Slide: f, Bucket: mem.New()})
	var damage *slide.TileError
	if !errors.As(err, &damage) || !strings.Contains(err.Error(), "more than 5 tiles cannot be decoded") {
		t.Errorf("eight damaged tiles of a hundred: %v", err)
	}
}

func TestASlideOfOneDamagedTileIsRefused(t *testing.T) {
	f := newFake(60, 60, 64, smooth)
	f.damaged = map[image.Point]bool{{}: true}
	if _, err := Cut(t.Context(), Config{Slide: f, Bucket: mem.New()}); err == nil {
		t.Error("cut without a single pixel")
	}
}

// TestAnOutageEndsTheCut: one read that the storage refuses ends the cut, be it of a stream or of pixels. It is no
// damage, and the tile is not made in another way: the next try gives the bytes that this one would have given.
func TestAnOutageEndsTheCut(t *testing.T) {
	for _, raw := range []bool{false, true} {
		f := newFake(640, 640, 64, smooth)
		f.raw, f.away = raw, image.Pt(3, 4)
		if _, err := Cut(t.Context(), Config{Slide: f, Bucket: mem.New()}); !errors.Is(err, errAway) {
			t.Errorf("streams %v: %v", raw, err)
		}
	}
}

// TestPassthrough: whole native tiles are stored to the bit, edges are cut to size.
func TestPassthrough(t *testing.T) {
	f := newFake(300, 200, 64, smooth)
	f.raw = true
	r, bucket := cut(t, Config{Slide: f})
	want := LevelCount{Level: 9, Copied: 12, Encoded: 8}
	if got := r.Levels[9]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	keys := store.Slide(pyramid.NewSlideID(testSum))
	if got := object(t, bucket, keys.PyramidTile(pyramid.Tile{Level: 9, Col: 3, Row: 2})); !bytes.Equal(got, f.stream(3, 2)) {
		t.Error("a copied tile differs from the slide's")
	}
	for name, cfg := range map[string]Config{"other grid": {Slide: f, Tile: 128}, "quality": {Slide: f, Quality: 80}} {
		if r, _ := cut(t, cfg); r.Levels[9].Copied != 0 {
			t.Errorf("%s: %+v", name, r.Levels[9])
		}
	}
}

func TestStripsAreCutWithABoundedCache(t *testing.T) {
	f := newFake(500, 300, 0, noise)
	f.tile = pyramid.Size{W: 500, H: 16}
	r, _ := cut(t, Config{Slide: f})
	if r.Pyramid.Tile != 256 {
		t.Errorf("tile %d for strips", r.Pyramid.Tile)
	}
	for at, n := range f.reads {
		if n != 1 {
			t.Errorf("strip %v was decoded %d times", at, n)
		}
	}
}

// broken fails every Put after the first few.
type broken struct {
	*mem.Bucket
	left chan struct{}
}

func (b broken) Put(ctx context.Context, key string, r io.Reader, n int64) error {
	select {
	case <-b.left:
		return b.Bucket.Put(ctx, key, r, n)
	default:
		return store.ErrNoSpace
	}
}

func TestCutReportsTheStoresError(t *testing.T) {
	b := broken{mem.New(), make(chan struct{}, 5)}
	for range 5 {
		b.left <- struct{}{}
	}
	_, err := Cut(t.Context(), Config{Slide: newFake(900, 900, 64, smooth), Bucket: b})
	if !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("got %v, want %v", err, store.ErrNoSpace)
	}
}

func TestCutStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Cut(ctx, Config{
		Slide: newFake(900, 900, 64, smooth), Bucket: mem.New(),
		Progress: func(done, _ int64) {
			if done == 3 {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCutRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"quality": {Slide: newFake(9, 9, 9, smooth), Quality: 101},
		"tile":    {Slide: newFake(9, 9, 9, smooth), Tile: 1},
		"empty":   {Slide: newFake(0, 0, 9, smooth)},
	} {
		cfg.Bucket = mem.New()
		if _, err := Cut(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkCut(b *testing.B) {
	f := newFake(1920, 1920, 240, noise)
	whole := f.whole()
	f.pixel = whole.RGBAAt
	b.SetBytes(f.size.Pixels())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Cut(b.Context(), Config{Slide: f, Bucket: mem.New()}); err != nil {
			b.Fatal(err)
		}
	}
}
