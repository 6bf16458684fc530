package slide

import (
	"context"
	"image"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// mosaic is a level that is put together from areas, each a plane whose tiles lie at a place of their
// own and may overlap. What no area covers was not scanned.
//
// # Memory
//
// Decoded tiles of the areas, as many as the cache keeps.
type mosaic struct {
	size, tile pyramid.Size
	codec      string
	areas      []area // a later one lies on top
	cache      *tileCache
}

// area is a plane on a mosaic. Tile (col, row) begins at origin + (col·step.x, row·step.y), rounded.
type area struct {
	plane        plane
	x, y         float64
	stepX, stepY float64 // of neighbouring tiles; the tile's size where they do not overlap
}

func newMosaic(size pyramid.Size, areas []area) *mosaic {
	l := areas[0].plane.layout()
	return &mosaic{size: size, tile: l.tile, codec: l.codec, areas: areas, cache: newTileCache()}
}

func (m *mosaic) layout() layout { return layout{m.size, m.tile, m.codec} }

func (m *mosaic) read(ctx context.Context, col, row int, dst *image.RGBA) error {
	r, err := m.layout().bounds(col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	for i := range m.areas {
		if err := m.areas[i].draw(ctx, m.cache, dst); err != nil {
			return err
		}
	}
	return nil
}

// raw has nothing: a mosaic's tile is a stream of the file only by chance.
func (m *mosaic) raw(_ context.Context, col, row int, _ []byte) ([]byte, error) {
	_, err := m.layout().bounds(col, row)
	return nil, err
}

// draw paints what the area has of dst.
func (a *area) draw(ctx context.Context, cache *tileCache, dst *image.RGBA) error {
	l := a.plane.layout()
	cols, rows := pyramid.CeilDiv(l.size.W, l.tile.W), pyramid.CeilDiv(l.size.H, l.tile.H)
	x0, x1 := touching(dst.Rect.Min.X, dst.Rect.Max.X, a.x, a.stepX, l.tile.W, cols)
	y0, y1 := touching(dst.Rect.Min.Y, dst.Rect.Max.Y, a.y, a.stepY, l.tile.H, rows)
	for row := y0; row < y1; row++ {
		for col := x0; col < x1; col++ {
			at := image.Pt(place(a.x, a.stepX, col), place(a.y, a.stepY, row))
			r, err := l.bounds(col, row)
			if err != nil {
				return err
			}
			if !r.Sub(r.Min).Add(at).Overlaps(dst.Rect) {
				continue
			}
			tile, err := cache.read(ctx, a.plane, col, row)
			if err != nil {
				return err
			}
			moved := *tile
			moved.Rect = tile.Rect.Sub(tile.Rect.Min).Add(at)
			pasteScanned(dst, &moved)
		}
	}
	return nil
}

func place(origin, step float64, i int) int { return int(math.Round(origin + float64(i)*step)) }

// touching is the range of tiles along one axis that may reach into [lo, hi).
func touching(lo, hi int, origin, step float64, tile, n int) (first, end int) {
	first = int(math.Floor((float64(lo)-origin-float64(tile))/step)) - 1
	end = int(math.Ceil((float64(hi)-origin)/step)) + 2
	return max(0, min(first, n)), max(0, min(end, n))
}

// pasteScanned copies a tile to its place, but not what was never scanned.
func pasteScanned(dst, tile *image.RGBA) {
	r := tile.Rect.Intersect(dst.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		out, in := dst.Pix[dst.PixOffset(r.Min.X, y):][:4*r.Dx()], tile.Pix[tile.PixOffset(r.Min.X, y):][:4*r.Dx()]
		for i := 0; i < len(in); i += 4 {
			if in[i+3] != 0 {
				copy(out[i:i+4], in[i:i+4])
			}
		}
	}
}
