// Package region reads any rectangle of a slide at any scale, straight from the file and without
// cutting a pyramid first: for training images, for judging a model on annotated slides, for
// explaining one place. It sits on slide and stores nothing. Whole slides are segmented from their
// pyramid instead, see tiler.
package region

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// Reader reads rectangles of an open slide, which stays the caller's to close. It is safe for concurrent
// use.
//
// # Memory
//
// The pixels of the level under one rectangle, for each call, and at most cacheTiles decoded tiles.
type Reader struct {
	slide slide.Slide
	info  slide.Info

	mu    sync.Mutex
	tiles map[tileKey]*image.RGBA
	order []tileKey // oldest first
}

type tileKey struct{ level, col, row int }

// cacheTiles keeps the tiles that neighbouring rectangles share: at 512 pixels a side, 64 MB.
const cacheTiles = 64

// maxPixels bounds what one call reads of a level or returns: 2^26 pixels take 256 MB.
const maxPixels = 1 << 26

// New reads from an open slide whose scale is known.
func New(s slide.Slide) (*Reader, error) {
	info := s.Info()
	if err := info.MPP.Validate(); err != nil {
		return nil, err
	}
	return &Reader{slide: s, info: info, tiles: map[tileKey]*image.RGBA{}}, nil
}

// Size is the slide's in level-0 pixels.
func (r *Reader) Size() (w, h int) { return r.info.Size().W, r.info.Size().H }

// MPP is microns per level-0 pixel, the mean of both axes.
func (r *Reader) MPP() float64 { return (r.info.MPP.X + r.info.MPP.Y) / 2 }

// Read resamples w×h pixels, step level-0 pixels apart, from level-0 point (x, y) on, as interleaved
// RGB. What lies outside the slide or was never scanned is white. A tile that cannot be decoded is an
// error.
func (r *Reader) Read(ctx context.Context, x, y, step float64, w, h int) ([]uint8, error) {
	level := r.level(step)
	down := r.info.Levels[level].Downsample
	size := r.info.Levels[level].Size
	tx, err := newTaps(x/down, step/down, w, size.W)
	if err != nil {
		return nil, err
	}
	ty, err := newTaps(y/down, step/down, h, size.H)
	if err != nil {
		return nil, err
	}
	box := image.Rect(tx.lo, ty.lo, tx.hi, ty.hi)
	if int64(w)*int64(h) > maxPixels || int64(box.Dx())*int64(box.Dy()) > maxPixels {
		return nil, fmt.Errorf("read %d×%d pixels at a step of %g: more than %d pixels at once", w, h, step, maxPixels)
	}
	source, err := r.gather(ctx, level, box)
	if err != nil {
		return nil, err
	}
	return resample(source, tx, ty), nil
}

// Exact reads a rectangle of level 0 without resampling: the first channel only, for masks.
func (r *Reader) Exact(ctx context.Context, x, y, w, h int) ([]uint8, error) {
	box := image.Rect(x, y, x+w, y+h)
	if w < 1 || h < 1 || int64(w)*int64(h) > maxPixels || !box.In(r.info.Size().Bounds()) {
		return nil, fmt.Errorf("read %v of a slide of %v: not on it, or more than %d pixels at once", box, r.info.Size(), maxPixels)
	}
	source, err := r.gather(ctx, 0, box)
	if err != nil {
		return nil, err
	}
	values := make([]uint8, w*h)
	for i := range values {
		values[i] = source.Pix[4*i]
	}
	return values, nil
}

// level is the coarsest level that is at least as fine as a step.
func (r *Reader) level(step float64) int {
	best := 0
	for i, l := range r.info.Levels {
		if l.Downsample <= step*(1+1e-6) && l.Downsample > r.info.Levels[best].Downsample {
			best = i
		}
	}
	return best
}

// gather copies a rectangle of a level out of its tiles, on white.
func (r *Reader) gather(ctx context.Context, level int, box image.Rectangle) (*image.RGBA, error) {
	out := image.NewRGBA(box)
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	l := r.info.Levels[level]
	inside := box.Intersect(l.Size.Bounds())
	if inside.Empty() {
		return out, nil
	}
	for row := inside.Min.Y / l.TileSize.H; row < pyramid.CeilDiv(inside.Max.Y, l.TileSize.H); row++ {
		for col := inside.Min.X / l.TileSize.W; col < pyramid.CeilDiv(inside.Max.X, l.TileSize.W); col++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			tile, err := r.tile(ctx, tileKey{level, col, row})
			if err != nil {
				return nil, err
			}
			paste(out, tile)
		}
	}
	return out, nil
}

// paste copies the scanned pixels of a tile.
func paste(out, tile *image.RGBA) {
	r := tile.Rect.Intersect(out.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		from, to := tile.Pix[tile.PixOffset(r.Min.X, y):], out.Pix[out.PixOffset(r.Min.X, y):]
		for i := 0; i < 4*r.Dx(); i += 4 {
			if from[i+3] == 255 {
				copy(to[i:i+4], from[i:i+4])
			}
		}
	}
}

// tile decodes a tile or finds it in the cache. Two callers may decode the same one.
func (r *Reader) tile(ctx context.Context, key tileKey) (*image.RGBA, error) {
	r.mu.Lock()
	cached := r.tiles[key]
	r.mu.Unlock()
	if cached != nil {
		return cached, nil
	}
	fresh := new(image.RGBA)
	if err := r.slide.ReadTile(ctx, key.level, key.col, key.row, fresh); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tiles[key] == nil {
		r.tiles[key] = fresh
		r.order = append(r.order, key)
	}
	for len(r.order) > cacheTiles {
		delete(r.tiles, r.order[0])
		r.order = r.order[1:]
	}
	return fresh, nil
}

// taps are the weights of the outputs along one axis.
type taps struct {
	lo, hi int       // source coordinates read
	first  []int     // of each output's taps
	weight []float32 // n per output, sum 1
	n      int
}

// newTaps places count outputs from a position on, step source pixels apart. The filter is a triangle
// around the output's middle that reaches one output pixel to each side, or one source pixel if that
// is more: it interpolates when enlarging and does not alias when shrinking.
func newTaps(from, step float64, count, size int) (taps, error) {
	const far = 1 << 30
	if count < 1 || !(step > 1e-3 && step < far) || !(math.Abs(from) < far) || !(math.Abs(from+step*float64(count)) < far) {
		return taps{}, errors.New("the rectangle is empty or at an impossible place")
	}
	radius := max(step, 1)
	t := taps{n: int(2*radius) + 1, lo: size, hi: 0}
	if int64(t.n)*int64(count) > maxPixels {
		return taps{}, fmt.Errorf("%d pixels at a step of %g: too many at once", count, step)
	}
	for i := range count {
		centre := from + (float64(i)+0.5)*step - 0.5
		first := int(math.Floor(centre-radius)) + 1
		sum := 0.0
		for k := range t.n {
			sum += max(0, radius-math.Abs(float64(first+k)-centre))
		}
		for k := range t.n {
			t.weight = append(t.weight, float32(max(0, radius-math.Abs(float64(first+k)-centre))/sum))
		}
		t.first = append(t.first, first)
		t.lo, t.hi = min(t.lo, first), max(t.hi, first+t.n)
	}
	return t, nil
}

// resample filters along x, then along y.
func resample(src *image.RGBA, tx, ty taps) []uint8 {
	w, h := len(tx.first), len(ty.first)
	rows := make([]float32, 3*w*src.Rect.Dy())
	for y := range src.Rect.Dy() {
		line := src.Pix[y*src.Stride:]
		for x, first := range tx.first {
			var sum [3]float32
			for k, weight := range tx.weight[x*tx.n:][:tx.n] {
				px := line[4*(first+k-tx.lo):][:3]
				for c := range sum {
					sum[c] += float32(weight * float32(px[c]))
				}
			}
			copy(rows[3*(y*w+x):], sum[:])
		}
	}
	out := make([]uint8, 3*w*h)
	for y, first := range ty.first {
		for i := range 3 * w {
			sum := float32(0.5)
			for k, weight := range ty.weight[y*ty.n:][:ty.n] {
				sum += float32(weight * rows[3*w*(first+k-ty.lo)+i])
			}
			out[3*w*y+i] = uint8(min(sum, 255))
		}
	}
	return out
}
