package tiler

import (
	"context"
	"image"
	"image/color"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
)

// plainHalf is the oracle: the rounded mean of the up to four pixels that are there.
func plainHalf(src *image.RGBA) *image.RGBA {
	size := pyramid.Size{W: src.Rect.Dx(), H: src.Rect.Dy()}
	dst := image.NewRGBA(size.Half().Bounds())
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			r := image.Rect(2*x, 2*y, 2*x+2, 2*y+2).Intersect(src.Rect)
			dst.SetRGBA(x, y, plainMean(src, r))
		}
	}
	return dst
}

func plainMean(src *image.RGBA, r image.Rectangle) color.RGBA {
	var sum [4]int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			for c := range 4 {
				sum[c] += int(src.Pix[src.PixOffset(x, y)+c])
			}
		}
	}
	n := r.Dx() * r.Dy()
	mean := func(c int) uint8 { return uint8((sum[c] + n/2) / n) }
	return color.RGBA{mean(0), mean(1), mean(2), mean(3)}
}

// TestPyramidIsExact: every level of any picture, cut with any tile side, is the mean of the level
// below, pixel for pixel.
func TestPyramidIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 70)
		f := newFake(side.Draw(t, "width"), side.Draw(t, "height"), rapid.IntRange(2, 20).Draw(t, "tile"), noise)
		c, err := newCutter(Config{Slide: f, Tile: f.tile.W, Workers: rapid.IntRange(1, 3).Draw(t, "workers")})
		if err != nil {
			t.Fatal(err)
		}
		levels := make([]*image.RGBA, c.dz.Max()+1)
		levels[c.dz.Max()] = f.whole()
		for l := c.dz.Max() - 1; l >= 0; l-- {
			levels[l] = plainHalf(levels[l+1])
		}
		w := &walk{cutter: c, pass: pass{leaf: c.dz.Max(), finest: c.dz.Max()}}
		emit := func(ctx context.Context, at pyramid.Tile, p *tile) error {
			if _, err := w.render(ctx, at, p); err != nil {
				return err
			}
			c.overview.add(at, p.img)
			sameTile(t, at, p.img, levels[at.Level], c.dz.Grid(at.Level).Bounds(at.Col, at.Row))
			w.release(p)
			return nil
		}
		err = quadtree.InOrder(context.Background(), c.dz, quadtree.Ops[*tile]{
			Leaf:   func(context.Context, pyramid.Tile) (*tile, error) { return new(tile), nil },
			Shrink: w.shrink, Emit: emit, Free: w.free, Workers: c.cfg.Workers,
		}, quadtree.Pieces{})
		if err != nil {
			t.Fatal(err)
		}
		sameTile(t, pyramid.Tile{Level: c.overview.Level}, c.overview.Image, levels[c.overview.Level], c.overview.Image.Rect)
	})
}

func sameTile(t *rapid.T, at pyramid.Tile, got, want *image.RGBA, r image.Rectangle) {
	if got.Rect.Size() != r.Size() {
		t.Errorf("tile %v is %v, want %v", at, got.Rect, r)
		return
	}
	for y := range r.Dy() {
		for x := range r.Dx() {
			a, b := got.RGBAAt(got.Rect.Min.X+x, got.Rect.Min.Y+y), want.RGBAAt(r.Min.X+x, r.Min.Y+y)
			if a != b {
				t.Errorf("tile %v pixel %d,%d is %v, want %v", at, x, y, a, b)
				return
			}
		}
	}
}
