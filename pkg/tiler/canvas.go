package tiler

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// tileReads is the number of tiles of a row that are fetched at once, for stores far away.
const tileReads = 8

// Canvas fills dst with the rectangle r of model pixels, whose bounds become r; its memory is kept if
// it suffices. What lies beyond the slide is white. Every pixel is a function of its own coordinate
// and the slide, so two canvases agree bit for bit where they overlap.
//
// The source is the coarsest level that is at least as fine as the model; see newTaps for the filter.
func (p *Pyramid) Canvas(ctx context.Context, frame segment.Frame, r image.Rectangle, dst *image.RGBA) error {
	if err := p.checkCanvas(frame, r); err != nil {
		return fmt.Errorf("canvas %v of slide %v: %w", r, p.manifest.ID, err)
	}
	reshape(dst, r)
	inside := r.Intersect(frame.Size.Bounds())
	if inside != r {
		fill(dst.Pix, 255)
	}
	if inside.Empty() {
		return nil
	}
	level := canvasLevel(p.DeepZoom(), frame)
	size := p.DeepZoom().LevelSize(level)
	s := &sampler{
		pyramid: p, level: level, dst: dst, out: inside,
		x: newTaps(inside.Min.X, inside.Max.X, levelRatio(p.DeepZoom(), level, frame.StepX()), size.W),
		y: newTaps(inside.Min.Y, inside.Max.Y, levelRatio(p.DeepZoom(), level, frame.StepY()), size.H),
	}
	return s.run(ctx)
}

// maxCanvas bounds a canvas: the largest region with the largest halo on both sides.
const maxCanvas = 1 << 15

func (p *Pyramid) checkCanvas(frame segment.Frame, r image.Rectangle) error {
	if r.Empty() || r.Dx() > maxCanvas || r.Dy() > maxCanvas {
		return fmt.Errorf("impossible size: want 1 to %d pixels", maxCanvas)
	}
	if frame.Slide != p.DeepZoom().Size {
		return fmt.Errorf("the frame is that of a slide of %v, this one has %v", frame.Slide, p.DeepZoom().Size)
	}
	for _, step := range []float64{frame.StepX(), frame.StepY()} {
		if !(step > 1.0/256 && step < 1<<24) {
			return errors.New("impossible scale")
		}
	}
	return nil
}

func fill(pix []uint8, v uint8) {
	for i := range pix {
		pix[i] = v
	}
}

// canvasLevel is the coarsest level whose pixels are not larger than the model's, or the finest.
func canvasLevel(d pyramid.DeepZoom, frame segment.Frame) int {
	level := d.Max()
	for step := min(frame.StepX(), frame.StepY()); level > 0 && step >= 2; step /= 2 {
		level--
	}
	return level
}

// SegmentLevel is the level of a pyramid from which canvases of a frame are made.
func SegmentLevel(d pyramid.DeepZoom, frame segment.Frame) int { return canvasLevel(d, frame) }

// levelRatio is the number of pixels of a level per model pixel as a 32.32 fixed-point number.
// Scaling by powers of two is exact, so every processor computes the same one.
func levelRatio(d pyramid.DeepZoom, level int, step float64) int64 {
	ratio := math.Ldexp(step, positionBits-(d.Max()-level))
	// Only the level of a single pixel can be more than twice as coarse; there any ratio will do.
	return int64(math.Round(min(ratio, math.Ldexp(3, positionBits))))
}

// sampler resamples one rectangle: rows of the level are filtered along x into a ring of rows, and
// the rows of the ring along y into the canvas.
type sampler struct {
	pyramid *Pyramid
	level   int
	dst     *image.RGBA
	out     image.Rectangle // model pixels to make, within dst
	x, y    taps

	line []uint8    // a source row from x.lo to x.hi
	ring [][]colour // the last y.n filtered rows, by source row modulo y.n; 8.8 fixed point
	sums []colour   // an output row in the making; 8.22 fixed point
	next int        // output rows made so far
}

func (s *sampler) run(ctx context.Context) error {
	s.line = make([]uint8, 4*(s.x.hi-s.x.lo))
	s.sums = make([]colour, s.out.Dx())
	s.ring = make([][]colour, s.y.n)
	for i := range s.ring {
		s.ring[i] = make([]colour, s.out.Dx())
	}
	for i := range s.x.at {
		s.x.at[i] = 4 * (s.x.at[i] - int32(s.x.lo)) // from here on offsets in line
	}
	grid := s.pyramid.DeepZoom().Grid(s.level)
	cells := grid.Cover(image.Rect(s.x.lo, s.y.lo, s.x.hi, s.y.hi))
	for r := cells.Min.Y; r < cells.Max.Y; r++ {
		tiles, err := s.fetch(ctx, r, cells.Min.X, cells.Max.X)
		if err != nil {
			return err
		}
		rows := tiles[0].Rect
		for y := max(rows.Min.Y, s.y.lo); y < min(rows.Max.Y, s.y.hi); y++ {
			s.gather(tiles, y)
			s.across(s.ring[y%s.y.n])
			s.down(y)
		}
	}
	return nil
}

// fetch returns the tiles [from, to) of a row.
func (s *sampler) fetch(ctx context.Context, row, from, to int) ([]*image.RGBA, error) {
	tiles := make([]*image.RGBA, to-from)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(tileReads)
	for i := range tiles {
		group.Go(func() (err error) {
			tiles[i], err = s.pyramid.Tile(ctx, pyramid.Tile{Level: s.level, Col: from + i, Row: row})
			return err
		})
	}
	return tiles, group.Wait()
}

// gather copies row y of the tiles into line.
func (s *sampler) gather(tiles []*image.RGBA, y int) {
	for _, t := range tiles {
		lo, hi := max(t.Rect.Min.X, s.x.lo), min(t.Rect.Max.X, s.x.hi)
		copy(s.line[4*(lo-s.x.lo):], t.Pix[t.PixOffset(lo, y):t.PixOffset(hi, y)])
	}
}

// across filters line along x.
func (s *sampler) across(dst []colour) {
	n, at, weight := s.x.n, s.x.at, s.x.weight
	if n == usualTaps {
		acrossThree(dst, s.line, at, weight)
		return
	}
	for i := range dst {
		var sum colour
		for k, w := range weight[i*n:][:n] {
			sum.add(pixel(s.line[at[i*n+k]:]), w)
		}
		dst[i] = sum.rounded(weightBits - 8)
	}
}

// down makes the output rows whose last source row is y. Rows come in order, so the others that they
// need are still in the ring.
func (s *sampler) down(y int) {
	n := s.y.n
	for s.next < s.out.Dy() && int(s.y.at[s.next*n+n-1]) <= y {
		at, weight := s.y.at[s.next*n:][:n], s.y.weight[s.next*n:][:n]
		dst := s.dst.Pix[s.dst.PixOffset(s.out.Min.X, s.out.Min.Y+s.next):][:4*s.out.Dx()]
		s.column(dst, at, weight)
		s.next++
	}
}

func (s *sampler) column(dst []uint8, at, weight []int32) {
	if len(weight) == usualTaps {
		row := func(i int) []colour { return s.ring[int(at[i])%usualTaps] }
		columnThree(dst, [usualTaps][]colour{row(0), row(1), row(2)}, weight)
		return
	}
	sums := s.sums
	clear(sums)
	for i, w := range weight {
		for x, c := range s.ring[int(at[i])%s.y.n][:len(sums)] {
			sums[x].add(c, w)
		}
	}
	for x, sum := range sums {
		sum.rounded(weightBits + 8).put(dst[4*x:])
	}
}
