package tiler

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"sync"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// fake is a slide made by a function of the pixel.
type fake struct {
	size, tile pyramid.Size
	mpp        float64
	pixel      func(x, y int) color.RGBA
	damaged    map[image.Point]bool // native tiles that cannot be decoded
	raw        bool                 // hands out streams
	away       image.Point          // the native tile that the storage refuses once; none where it is zero

	mu    sync.Mutex
	reads map[image.Point]int
}

func (f *fake) Info() slide.Info {
	return slide.Info{
		Vendor: "fake",
		MPP:    pyramid.MPP{X: f.mpp, Y: f.mpp, Source: pyramid.FromFile},
		Levels: []slide.Level{{Size: f.size, TileSize: f.tile, Downsample: 1, Codec: "jpeg"}},
	}
}

func (f *fake) ReadTile(ctx context.Context, level, col, row int, dst *image.RGBA) error {
	at := image.Pt(col, row)
	f.mu.Lock()
	if f.reads == nil {
		f.reads = make(map[image.Point]int)
	}
	f.reads[at]++
	f.mu.Unlock()
	if err := f.refuse(at); err != nil {
		return err
	}
	if f.damaged[at] {
		return &slide.TileError{Level: level, Col: col, Row: row, Err: errors.New("bad bytes")}
	}
	reshape(dst, nativeGrid{f.size, f.tile}.bounds(at))
	f.paint(dst)
	return ctx.Err()
}

func (f *fake) paint(dst *image.RGBA) {
	for y := dst.Rect.Min.Y; y < dst.Rect.Max.Y; y++ {
		for x := dst.Rect.Min.X; x < dst.Rect.Max.X; x++ {
			dst.SetRGBA(x, y, f.pixel(x, y))
		}
	}
}

func (f *fake) RawTile(_ context.Context, _, col, row int, _ []byte) ([]byte, bool, error) {
	if !f.raw {
		return nil, false, nil
	}
	return f.stream(col, row), true, f.refuse(image.Pt(col, row))
}

// errAway is what a storage says that is away.
var errAway = errors.New("service unavailable")

func (f *fake) refuse(at image.Point) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away == (image.Point{}) || f.away != at {
		return nil
	}
	f.away = image.Point{}
	return errAway
}

// stream is the native tile in full size, compressed in a way that the tiler never uses.
func (f *fake) stream(col, row int) []byte {
	img := image.NewRGBA(image.Rect(col*f.tile.W, row*f.tile.H, (col+1)*f.tile.W, (row+1)*f.tile.H))
	f.paint(img)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 33}); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func (f *fake) Associated(context.Context, string) (image.Image, error) {
	return nil, errors.New("none")
}
func (f *fake) Close() error { return nil }

// whole is the picture in one piece.
func (f *fake) whole() *image.RGBA {
	img := image.NewRGBA(f.size.Bounds())
	f.paint(img)
	return img
}

// smooth is a picture that JPEG keeps well.
func smooth(x, y int) color.RGBA {
	return color.RGBA{uint8(200 + x%32), uint8(140 + (x+y)/7%64), uint8(180 - y%48), 255}
}

// noise is a picture in which every pixel differs from its neighbours.
func noise(x, y int) color.RGBA {
	h := uint32(x)*2654435761 ^ uint32(y)*2246822519
	h ^= h >> 15
	h *= 2654435761
	return color.RGBA{uint8(h >> 24), uint8(h >> 16), uint8(h >> 8), 255}
}

func newFake(w, h, tile int, pixel func(x, y int) color.RGBA) *fake {
	return &fake{size: pyramid.Size{W: w, H: h}, tile: pyramid.Size{W: tile, H: tile}, mpp: 0.5, pixel: pixel}
}

var testSum = [32]byte{1, 2, 3}

// cut cuts the slide into a new bucket and writes the manifest, as the caller of Cut does.
func cut(t testing.TB, cfg Config) (Result, *mem.Bucket) {
	t.Helper()
	bucket := mem.New()
	cfg.Bucket, cfg.ID = bucket, pyramid.NewSlideID(testSum)
	r, err := Cut(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	putManifest(t, bucket, cfg.Slide.Info(), r)
	return r, bucket
}

func putManifest(t testing.TB, bucket store.Bucket, info slide.Info, r Result) {
	t.Helper()
	id := pyramid.NewSlideID(testSum)
	m := slide.Manifest{
		ID: id, SHA256: "0102030000000000000000000000000000000000000000000000000000000000",
		Info: info, Pyramid: r.Pyramid, Format: r.Format, Quality: r.Quality, Unscanned: r.Unscanned,
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := putBytes(t.Context(), bucket, store.Slide(id).Manifest(), data); err != nil {
		t.Fatal(err)
	}
}

func object(t testing.TB, b store.Bucket, key string) []byte {
	t.Helper()
	data, err := store.ReadAll(t.Context(), b, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func abs(v int64) int64 { return max(v, -v) }
