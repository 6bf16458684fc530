package slide

import (
	"context"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// turned shows a plane as TIFF's orientation tag wants it seen: 2 mirrored, 3 upside down, 4 flipped,
// 5 transposed, 6 and 8 turned a quarter, 7 transposed from the other corner (TIFF 6.0 page 36). Its
// tiles begin at its own corner, which need not be a corner of the plane's.
//
// # Memory
//
// Decoded tiles of the plane, as many as the cache keeps.
type turned struct {
	plane
	orientation int
	cache       *tileCache
	from        layout // of the plane
}

// turnedTile is the side of a turned plane's tiles.
const turnedTile = 256

// upright is the plane as its orientation wants it seen; values other than 2 to 8 mean as it is.
func upright(p plane, orientation int) plane {
	if orientation < 2 || orientation > 8 {
		return p
	}
	return &turned{plane: p, orientation: orientation, cache: newTileCache(), from: p.layout()}
}

// across reports whether rows of the picture are columns of the file.
func (p *turned) across() bool { return p.orientation >= 5 }

func (p *turned) layout() layout {
	l := layout{p.from.size, pyramid.Size{W: turnedTile, H: turnedTile}, p.from.codec}
	if p.across() {
		l.size.W, l.size.H = l.size.H, l.size.W
	}
	return l
}

// source is the place in the file of pixel (x, y) of the picture.
func (p *turned) source(x, y int) (int, int) {
	w, h := p.from.size.W-1, p.from.size.H-1
	switch p.orientation {
	case 2:
		return w - x, y
	case 3:
		return w - x, h - y
	case 4:
		return x, h - y
	case 5:
		return y, x
	case 6:
		return y, h - x
	case 7:
		return w - y, h - x
	}
	return w - y, x // 8
}

func (p *turned) read(ctx context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	ax, ay := p.source(r.Min.X, r.Min.Y)
	bx, by := p.source(r.Max.X-1, r.Max.Y-1)
	part := new(image.RGBA)
	want := image.Rect(min(ax, bx), min(ay, by), max(ax, bx)+1, max(ay, by)+1)
	if err := gather(ctx, p.plane, p.cache, want, part); err != nil {
		return err
	}
	reshape(dst, r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		out := dst.Pix[(y-r.Min.Y)*dst.Stride:]
		for x := r.Min.X; x < r.Max.X; x++ {
			sx, sy := p.source(x, y)
			copy(out[4*(x-r.Min.X):][:4], part.Pix[part.PixOffset(sx, sy):])
		}
	}
	return nil
}

// raw has nothing: a turned tile is no stream of the file.
func (p *turned) raw(_ context.Context, col, row int, _ []byte) ([]byte, error) {
	_, err := p.layout().bounds(col, row)
	return nil, err
}

// gather reads a rectangle of a plane into dst.
func gather(ctx context.Context, p plane, cache *tileCache, r image.Rectangle, dst *image.RGBA) error {
	reshape(dst, r)
	cells := p.layout().cover(r)
	for row := cells.Min.Y; row < cells.Max.Y; row++ {
		for col := cells.Min.X; col < cells.Max.X; col++ {
			tile, err := cache.read(ctx, p, col, row)
			if err != nil {
				return err
			}
			paste(dst, tile)
		}
	}
	return nil
}
