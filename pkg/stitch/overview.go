package stitch

import (
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// overviewSide bounds the overview in pixels: two planes of at most a megabyte each.
const overviewSide = 1024

// overview is the finest level of the overlay that fits overviewSide, in one piece, for the preview.
type overview struct {
	level int
	shift int // canvas pixels per overview pixel, as a power of two
	raster
}

func newOverview(d pyramid.DeepZoom) *overview {
	level := d.Max()
	for size := d.LevelSize(level); max(size.W, size.H) > overviewSide; size = d.LevelSize(level) {
		level--
	}
	size := d.LevelSize(level)
	return &overview{level: level, shift: d.Max() - level, raster: raster{
		size: size, probability: make([]uint8, size.W*size.H), other: make([]uint8, size.W*size.H),
	}}
}

// take copies a tile of the overview's level. Tiles do not overlap, so it is safe for concurrent use.
func (o *overview) take(level int, bounds image.Rectangle, r *raster) {
	if level != o.level || r == nil {
		return
	}
	for y := range r.size.H {
		to := (bounds.Min.Y+y)*o.size.W + bounds.Min.X
		copy(o.probability[to:to+r.size.W], r.probability[y*r.size.W:])
		copy(o.other[to:to+r.size.W], r.other[y*r.size.W:])
	}
}

// largest is the greatest of each plane over a rectangle of the canvas, given as real numbers.
func (o *overview) largest(x0, y0, x1, y1 float64) (probability, other uint8) {
	scale := float64(int(1) << o.shift)
	left, right := span(x0/scale, x1/scale, o.size.W)
	top, bottom := span(y0/scale, y1/scale, o.size.H)
	for y := top; y < bottom; y++ {
		for x := left; x < right; x++ {
			i := y*o.size.W + x
			probability = max(probability, o.probability[i])
			other = merge(other, o.other[i])
		}
	}
	return probability, other
}

// span is the range of pixels whose centres a stretch covers, and at least the one at its beginning.
func span(from, to float64, n int) (first, end int) {
	first = min(int(from+0.5), n-1)
	return first, max(first+1, min(int(to+0.5), n))
}
