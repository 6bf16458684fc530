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
	"github.com/slidemill/slidemill/pkg/tiler/taps"
)

// tileReads is the number of tiles of a row that are fetched at once, for stores far away.
const tileReads = 8

// View is a rectangle of a slide at the model's scale.
type View struct {
	Frame segment.Frame
	Rect  image.Rectangle // in model pixels
	// Matters, if not nil, reports whether it matters what a rectangle of model pixels shows. Tiles that show nothing
	// that does are not read, and are white: reading and decoding tiles is most of what a region costs besides its network.
	Matters func(image.Rectangle) bool
}

// Canvas fills dst with the rectangle r of model pixels, all of which matter; see Show.
func (p *Pyramid) Canvas(ctx context.Context, frame segment.Frame, r image.Rectangle, dst *image.RGBA) error {
	return p.Show(ctx, View{Frame: frame, Rect: r}, dst)
}

// Show fills dst with a view, whose bounds become the view's; its memory is kept if
// it suffices. What lies beyond the slide is white. Every pixel that matters is a function of its own coordinate
// and the slide, so two canvases agree bit for bit where they overlap, in what matters to both.
//
// The source is the coarsest level that is at least as fine as the model; see taps.New for the filter.
func (p *Pyramid) Show(ctx context.Context, v View, dst *image.RGBA) error {
	frame, r := v.Frame, v.Rect
	if err := p.checkCanvas(frame, r); err != nil {
		return fmt.Errorf("canvas %v of slide %v: %w", r, p.manifest.ID, err)
	}
	reshape(dst, r)
	inside := r.Intersect(frame.Size.Bounds())
	blanch(dst, inside)
	if inside.Empty() {
		return nil
	}
	level := canvasLevel(p.DeepZoom(), frame)
	size := p.DeepZoom().LevelSize(level)
	s := &sampler{
		pyramid: p, level: level, dst: dst, out: inside, wanted: v.Matters,
		x: taps.New(inside.Min.X, inside.Max.X, levelRatio(p.DeepZoom(), level, frame.StepX()), size.W),
		y: taps.New(inside.Min.Y, inside.Max.Y, levelRatio(p.DeepZoom(), level, frame.StepY()), size.H),
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

// blanch makes everything white that lies outside.
func blanch(dst *image.RGBA, inside image.Rectangle) {
	r := dst.Rect
	for y := r.Min.Y; y < r.Max.Y; y++ {
		px, lo, hi := row(dst, y-r.Min.Y), inside.Min.X, inside.Max.X
		if y < inside.Min.Y || y >= inside.Max.Y {
			lo, hi = r.Max.X, r.Max.X
		}
		fill(px[:4*(lo-r.Min.X)], 255)
		fill(px[4*(hi-r.Min.X):], 255)
	}
}

// fill doubles what is filled already, as copying is faster than a loop.
func fill(pix []uint8, v uint8) {
	if len(pix) == 0 {
		return
	}
	pix[0] = v
	for n := 1; n < len(pix); n *= 2 {
		copy(pix[n:], pix[:n])
	}
}

// canvasLevel is the coarsest level whose pixels are not larger than the model's, or the finest.
func canvasLevel(d pyramid.DeepZoom, frame segment.Frame) int {
	return levelOf(d, min(frame.StepX(), frame.StepY()))
}

// levelOf is the coarsest level whose pixels are not larger than those of a step of the finest level's, or the finest.
func levelOf(d pyramid.DeepZoom, step float64) int {
	level := d.Max()
	for ; level > 0 && step >= 2; step /= 2 {
		level--
	}
	return level
}

// SegmentLevel is the level of a pyramid from which canvases of a frame are made.
func SegmentLevel(d pyramid.DeepZoom, frame segment.Frame) int { return canvasLevel(d, frame) }

// levelRatio is the number of pixels of a level per model pixel as a 32.32 fixed-point number.
// Scaling by powers of two is exact, so every processor computes the same one.
func levelRatio(d pyramid.DeepZoom, level int, step float64) int64 {
	ratio := math.Ldexp(step, taps.PositionBits-(d.Max()-level))
	// Only the level of a single pixel can be more than twice as coarse; there any ratio will do.
	return int64(math.Round(min(ratio, math.Ldexp(3, taps.PositionBits))))
}

// sampler resamples one rectangle: rows of the level are filtered along x into a ring of rows, and
// the rows of the ring along y into the canvas.
type sampler struct {
	pyramid *Pyramid
	level   int
	dst     *image.RGBA
	out     image.Rectangle // model pixels to make, within dst
	wanted  func(image.Rectangle) bool
	x, y    *taps.Table

	white []uint8         // a row of a tile that is not read
	line  []uint8         // a source row from x.Lo to x.Hi
	ring  [][]taps.Colour // the last y.Rows filtered rows, by source row modulo y.Rows
	next  int             // output rows made so far
}

func (s *sampler) run(ctx context.Context) error {
	s.line = s.x.Line()
	s.ring = make([][]taps.Colour, s.y.Rows())
	for i := range s.ring {
		s.ring[i] = make([]taps.Colour, s.out.Dx())
	}
	grid := s.pyramid.DeepZoom().Grid(s.level)
	cells := grid.Cover(image.Rect(s.x.Lo, s.y.Lo, s.x.Hi, s.y.Hi))
	for r := cells.Min.Y; r < cells.Max.Y; r++ {
		tiles, err := s.fetch(ctx, r, cells.Min.X, cells.Max.X)
		if err != nil {
			return err
		}
		rows := tiles[0].Rect
		for y := max(rows.Min.Y, s.y.Lo); y < min(rows.Max.Y, s.y.Hi); y++ {
			s.gather(tiles, y)
			s.x.Across(s.row(y), s.line)
			s.down(y)
		}
	}
	return nil
}

// row is where a filtered row of the level lies.
func (s *sampler) row(y int) []taps.Colour { return s.ring[y%len(s.ring)] }

// fetch returns the tiles [from, to) of a row: those that matter, and white ones in place of the others.
func (s *sampler) fetch(ctx context.Context, row, from, to int) ([]*image.RGBA, error) {
	tiles := make([]*image.RGBA, to-from)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(tileReads)
	for i := range tiles {
		t := pyramid.Tile{Level: s.level, Col: from + i, Row: row}
		if bounds := s.pyramid.DeepZoom().Grid(s.level).Bounds(t.Col, t.Row); !s.matters(bounds) {
			tiles[i] = s.blank(bounds)
			continue
		}
		group.Go(func() (err error) {
			tiles[i], err = s.pyramid.Tile(ctx, t)
			return err
		})
	}
	return tiles, group.Wait()
}

// matters reports whether a pixel that matters is made of a tile.
func (s *sampler) matters(tile image.Rectangle) bool {
	if s.wanted == nil {
		return true
	}
	x0, x1 := s.x.Made(tile.Min.X, tile.Max.X)
	y0, y1 := s.y.Made(tile.Min.Y, tile.Max.Y)
	return s.wanted(image.Rect(x0, y0, x1, y1).Add(s.out.Min))
}

// blank is a tile of white: one row, again and again.
func (s *sampler) blank(bounds image.Rectangle) *image.RGBA {
	if n := 4 * bounds.Dx(); len(s.white) < n {
		s.white = make([]uint8, n)
		fill(s.white, 255)
	}
	return &image.RGBA{Pix: s.white, Stride: 0, Rect: bounds}
}

// gather copies row y of the tiles into line.
func (s *sampler) gather(tiles []*image.RGBA, y int) {
	for _, t := range tiles {
		lo, hi := max(t.Rect.Min.X, s.x.Lo), min(t.Rect.Max.X, s.x.Hi)
		s.x.Gather(s.line, lo, t.Pix[t.PixOffset(lo, y):][:4*(hi-lo)])
	}
}

// down makes the output rows whose last source row is y. Rows come in order, so the others that they
// need are still in the ring.
func (s *sampler) down(y int) {
	for s.next < s.out.Dy() && s.y.Last(s.next) <= y {
		dst := s.dst.Pix[s.dst.PixOffset(s.out.Min.X, s.out.Min.Y+s.next):][:4*s.out.Dx()]
		s.y.Down(dst, s.next, s.row)
		s.next++
	}
}
