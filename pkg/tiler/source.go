package tiler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"slices"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// regridCache is the memory for native tiles where the pyramid's grid is another one. The walk is
// depth first, so it returns to a native tile soon: a few rows of a 16 × 16 block suffice.
const regridCache = 96 << 20

// source makes leaf tiles from the slide's finest level. It is safe for concurrent use.
type source struct {
	slide  slide.Slide
	leaves pyramid.Grid // of the pyramid
	native nativeGrid   // of the slide
	same   bool         // leaves and native are the same grid
	cache  *cache[image.Point, *image.RGBA]

	mu  sync.Mutex
	bad map[image.Point]error // native tiles that could not be decoded, at most maxUnreadable of all
}

// nativeGrid is a grid of cells that need not be square, such as strips.
type nativeGrid struct{ size, cell pyramid.Size }

func (g nativeGrid) cover(r image.Rectangle) image.Rectangle {
	return image.Rect(r.Min.X/g.cell.W, r.Min.Y/g.cell.H,
		pyramid.CeilDiv(r.Max.X, g.cell.W), pyramid.CeilDiv(r.Max.Y, g.cell.H))
}

func (g nativeGrid) bounds(at image.Point) image.Rectangle {
	r := image.Rect(at.X*g.cell.W, at.Y*g.cell.H, (at.X+1)*g.cell.W, (at.Y+1)*g.cell.H)
	return r.Intersect(g.size.Bounds())
}

func newSource(cfg Config, info slide.Info) *source {
	finest := info.Levels[0]
	s := &source{
		slide:  cfg.Slide,
		leaves: pyramid.Grid{Size: finest.Size, Tile: cfg.Tile},
		native: nativeGrid{finest.Size, finest.TileSize},
		same:   finest.TileSize == pyramid.Size{W: cfg.Tile, H: cfg.Tile},
		bad:    make(map[image.Point]error),
	}
	if !s.same {
		s.cache = newCache[image.Point](regridCache, imageBytes)
	}
	return s
}

// read fills dst with a leaf tile, whose bounds become the tile's. Pixels without a picture become
// white with an alpha below 255; those with none at all are counted.
func (s *source) read(ctx context.Context, t pyramid.Tile, dst *image.RGBA) (unscanned int64, err error) {
	if s.same {
		err = s.decode(ctx, image.Pt(t.Col, t.Row), dst)
	} else {
		err = s.gather(ctx, s.leaves.Bounds(t.Col, t.Row), dst)
	}
	if err != nil {
		return 0, err
	}
	return whiten(dst), nil
}

// gather assembles a rectangle from cached native tiles.
func (s *source) gather(ctx context.Context, r image.Rectangle, dst *image.RGBA) error {
	reshape(dst, r)
	cells := s.native.cover(r)
	for y := cells.Min.Y; y < cells.Max.Y; y++ {
		for x := cells.Min.X; x < cells.Max.X; x++ {
			at := image.Pt(x, y)
			img, err := s.cache.get(ctx, at, func(ctx context.Context) (*image.RGBA, error) {
				img := new(image.RGBA)
				return img, s.decode(ctx, at, img)
			})
			if err != nil {
				return err
			}
			draw.Draw(dst, img.Rect, img, img.Rect.Min, draw.Src)
		}
	}
	return nil
}

// decode reads a native tile. A tile that cannot be decoded is remembered and left transparent, so
// that it counts as unscanned; too many of them end the cut.
func (s *source) decode(ctx context.Context, at image.Point, dst *image.RGBA) error {
	err := s.slide.ReadTile(ctx, 0, at.X, at.Y, dst)
	if err == nil || ctx.Err() != nil || !isDamage(err) {
		return err
	}
	reshape(dst, s.native.bounds(at))
	clear(dst.Pix)
	return s.note(at, err)
}

// isDamage reports that a tile's content is at fault: no later try will decode it. Anything else, such as a storage
// that is away, ends the cut, so that it is done again and gives the bytes that it would have given.
func isDamage(err error) bool {
	var damage *slide.TileError
	return errors.As(err, &damage)
}

func (s *source) note(at image.Point, damage error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad[at] = damage
	cells := s.native.cover(s.native.size.Bounds())
	if limit := max(1, int(maxUnreadable*float64(cells.Dx()*cells.Dy()))); len(s.bad) > limit {
		return fmt.Errorf("more than %d tiles cannot be decoded, %w (is the file complete?)", limit, damage)
	}
	return nil
}

// isBad reports whether a native tile has turned out to be undecodable.
func (s *source) isBad(at image.Point) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, bad := s.bad[at]
	return bad
}

// check refuses a slide of which nothing at all could be read.
func (s *source) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cells := s.native.cover(s.native.size.Bounds())
	if len(s.bad) < cells.Dx()*cells.Dy() {
		return nil
	}
	for _, err := range s.bad {
		return fmt.Errorf("no tile can be decoded: %w", err)
	}
	return nil
}

// damaged lists the rectangles that could not be decoded, in row order.
func (s *source) damaged() []image.Rectangle {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []image.Rectangle
	for at := range s.bad {
		out = append(out, s.native.bounds(at))
	}
	slices.SortFunc(out, func(a, b image.Rectangle) int {
		return cmp.Or(cmp.Compare(a.Min.Y, b.Min.Y), cmp.Compare(a.Min.X, b.Min.X))
	})
	return out
}
