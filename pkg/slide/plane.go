package slide

import (
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// plane is the raster of one level, in tiles from the left upper corner on. It is safe for concurrent
// use.
type plane interface {
	layout() layout
	// read decodes a tile into dst, whose bounds become the tile's, clipped to the plane. Pixels that
	// were never scanned are transparent. A tile outside the plane is an error.
	read(ctx context.Context, col, row int, dst *image.RGBA) error
	// raw is the tile's JPEG stream, made standalone, or nil where there is none of just its pixels. It may
	// lie in the memory of room.
	raw(ctx context.Context, col, row int, room []byte) ([]byte, error)
}

// layout is how a plane lies.
type layout struct {
	size, tile pyramid.Size
	codec      string
}

// bounds is the rectangle of a tile, clipped; an error if the tile is not on the plane.
func (l layout) bounds(col, row int) (image.Rectangle, error) {
	if cols, rows := pyramid.CeilDiv(l.size.W, l.tile.W), pyramid.CeilDiv(l.size.H, l.tile.H); col < 0 || row < 0 || col >= cols || row >= rows {
		return image.Rectangle{}, fmt.Errorf("tile %d_%d lies outside %d by %d", col, row, cols, rows)
	}
	r := image.Rect(0, 0, l.tile.W, l.tile.H).Add(image.Pt(col*l.tile.W, row*l.tile.H))
	return r.Intersect(l.size.Bounds()), nil
}

// cover is the range of tiles that touch a rectangle within the plane.
func (l layout) cover(r image.Rectangle) image.Rectangle {
	r = r.Intersect(l.size.Bounds())
	if r.Empty() {
		return image.Rectangle{}
	}
	return image.Rect(r.Min.X/l.tile.W, r.Min.Y/l.tile.H, pyramid.CeilDiv(r.Max.X, l.tile.W), pyramid.CeilDiv(r.Max.Y, l.tile.H))
}

// sortPlanes puts the finest level first. The order of equals stays.
func sortPlanes(levels []plane) {
	slices.SortStableFunc(levels, func(a, b plane) int { return b.layout().size.W - a.layout().size.W })
}

// tiffPlane is one directory of a TIFF.
type tiffPlane struct{ *tiff.Image }

func (p tiffPlane) layout() layout { return layout{p.Size, p.Tile, p.Codec()} }

func (p tiffPlane) read(_ context.Context, col, row int, dst *image.RGBA) error {
	return p.ReadTile(col, row, dst)
}

func (p tiffPlane) raw(_ context.Context, col, row int, room []byte) ([]byte, error) {
	return p.RawTile(col, row, room)
}

// newTIFFStack makes a slide of directories, the finest first, turned as their orientation says and with
// their colour profile.
func newTIFFStack(c *candidate, info Info, levels []*tiff.Image, associated map[string]plane) (Slide, error) {
	var planes []plane
	for i, im := range levels {
		if err := im.CheckExtent(); err != nil {
			return nil, fmt.Errorf("level %d: %w", i, err)
		}
		planes = append(planes, upright(tiffPlane{im}, im.Orientation))
	}
	if o := levels[0].Orientation; o != 1 {
		info.Orientation = o
		if o >= 5 && o <= 8 && info.MPP.Source == pyramid.FromFile {
			info.MPP.X, info.MPP.Y = info.MPP.Y, info.MPP.X
		}
	}
	return newStack(c, info, planes, associated)
}

// readAssociated reads the layout of an associated image. One that is too large or that this program
// cannot decode is left out: no diagnosis depends on it.
func readAssociated(f *tiff.File, d *tiff.Directory) (plane, bool) {
	im, err := f.Image(d)
	if err != nil || im.Size.Pixels() > maxAssociated || im.CheckExtent() != nil {
		return nil, false
	}
	return upright(tiffPlane{im}, im.Orientation), true
}

// reshape gives dst the bounds r, keeping its memory if that is enough, all transparent.
func reshape(dst *image.RGBA, r image.Rectangle) {
	if n := 4 * r.Dx() * r.Dy(); cap(dst.Pix) < n {
		dst.Pix = make([]byte, n)
	} else {
		dst.Pix = dst.Pix[:n]
		clear(dst.Pix)
	}
	dst.Rect, dst.Stride = r, 4*r.Dx()
}

// cropped shows the left upper part of a plane: scanners pad their smaller levels to whole tiles.
type cropped struct {
	plane
	size pyramid.Size // not larger than the plane
}

func (p cropped) layout() layout {
	l := p.plane.layout()
	l.size = p.size
	return l
}

func (p cropped) read(ctx context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	if err := p.plane.read(ctx, col, row, dst); err != nil || dst.Rect == r {
		return err
	}
	n := 4 * r.Dx()
	for y := range r.Dy() {
		copy(dst.Pix[y*n:][:n], dst.Pix[y*dst.Stride:][:n])
	}
	dst.Pix, dst.Rect, dst.Stride = dst.Pix[:n*r.Dy()], r, n
	return nil
}

func (p cropped) raw(ctx context.Context, col, row int, room []byte) ([]byte, error) {
	if _, err := p.layout().bounds(col, row); err != nil {
		return nil, err
	}
	return p.plane.raw(ctx, col, row, room)
}

// paste copies a tile to its place.
func paste(dst, tile *image.RGBA) {
	r := tile.Bounds().Intersect(dst.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(dst.Pix[dst.PixOffset(r.Min.X, y):][:4*r.Dx()], tile.Pix[tile.PixOffset(r.Min.X, y):])
	}
}
