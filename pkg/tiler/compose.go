package tiler

// How a tile is made from the four below it, where the slide has none of its own.

import (
	"context"
	"image"
	"image/draw"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/shrink"
)

// compose makes a tile from the four below it, to the bit as the walk does: a tile is the same in a pass that
// begins at this level as in one that comes from below.
func (n *natives) compose(ctx context.Context, t pyramid.Tile, dst *image.RGBA) error {
	read := n.halved
	if n.dz.Tile%2 != 0 {
		read = n.whole
	}
	var child [2][2]*image.RGBA
	below := n.dz.Grid(t.Level + 1)
	for x := range 2 {
		for y := range 2 {
			c := pyramid.Tile{Level: t.Level + 1, Col: 2*t.Col + x, Row: 2*t.Row + y}
			if !below.Contains(c.Col, c.Row) {
				continue
			}
			child[x][y] = new(image.RGBA)
			if err := read(ctx, c, child[x][y]); err != nil {
				return err
			}
		}
	}
	reshape(dst, image.Rectangle{Max: n.dz.Grid(t.Level).Bounds(t.Col, t.Row).Size()})
	n.join(dst, child)
	return nil
}

// join makes a tile's pixels from those of the four below it: their halves, or all of them where the side is odd.
func (n *natives) join(dst *image.RGBA, child [2][2]*image.RGBA) {
	if n.dz.Tile%2 == 0 {
		paste(dst, child, n.dz.Tile)
	} else {
		shrink.RGBA(dst, child, n.dz.Tile)
	}
}

// whole fills dst with a tile, from its own stream where that would be stored.
func (n *natives) whole(ctx context.Context, t pyramid.Tile, dst *image.RGBA) error {
	if ok, err := n.own(ctx, t, dst, n.decodeFull); ok || err != nil {
		return err
	}
	return n.pixels(ctx, t, dst)
}

// halved fills dst with a tile of an even side at half its size, from its own stream where that would be stored.
func (n *natives) halved(ctx context.Context, t pyramid.Tile, dst *image.RGBA) error {
	if ok, err := n.own(ctx, t, dst, n.decodeHalf); ok || err != nil {
		return err
	}
	full := new(image.RGBA)
	if err := n.whole(ctx, t, full); err != nil {
		return err
	}
	halve(dst, full)
	return nil
}

// own decodes into dst the stream that would be stored for a tile; false where there is none, or none that decodes.
func (n *natives) own(ctx context.Context, t pyramid.Tile, dst *image.RGBA, decode func(raw []byte, dst *image.RGBA) bool) (bool, error) {
	if !n.copies(t) {
		return false, nil
	}
	buf := streams.take()
	defer buf.free()
	ok, err := n.raw(ctx, t, buf)
	return ok && decode(buf.data, dst), err
}

// halve fills dst with a tile of an even side at half its size: the exact mean.
func halve(dst, tile *image.RGBA) {
	size := tile.Rect.Size()
	reshape(dst, image.Rect(0, 0, (size.X+1)/2, (size.Y+1)/2))
	shrink.RGBA(dst, [2][2]*image.RGBA{{tile, nil}, {nil, nil}}, 2)
}

// paste lays halves of tiles of the given side together.
func paste(dst *image.RGBA, half [2][2]*image.RGBA, tile int) {
	for x := range 2 {
		for y := range 2 {
			if src := half[x][y]; src != nil {
				at := image.Pt(x*tile/2, y*tile/2)
				draw.Draw(dst, image.Rectangle{at, at.Add(src.Rect.Size())}, src, src.Rect.Min, draw.Src)
			}
		}
	}
}
