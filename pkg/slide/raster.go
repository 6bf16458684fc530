package slide

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
)

// rasterSlide is a plain image, decoded once and shown as one level of tiles. Its scale is the
// operator's: what PNG and JPEG headers say about it is about printing.
//
// # Memory
//
// Four bytes per pixel, at most maxRaster pixels (256 MiB), and while decoding as much again.
type rasterSlide struct {
	source
	info Info
	grid pyramid.Grid
	pix  *image.RGBA
}

var _ Slide = (*rasterSlide)(nil)

const (
	maxRaster      = 1 << 26
	maxRasterBytes = 512 << 20
	rasterTile     = 256
)

func openPNG(c *candidate) (Slide, error) {
	cfg, err := png.DecodeConfig(io.NewSectionReader(c, 0, c.size))
	if err != nil {
		return nil, pngError(err)
	}
	if err := checkRaster("png", cfg.Width, cfg.Height); err != nil {
		return nil, err
	}
	im, err := png.Decode(io.NewSectionReader(c, 0, c.size))
	if err != nil {
		return nil, pngError(err)
	}
	return newRaster(c, "png", onWhite(im))
}

// pngError says whose fault it is.
func pngError(err error) error {
	var unsupported png.UnsupportedError
	var format png.FormatError
	switch {
	case errors.As(err, &unsupported):
		return &UnsupportedError{Format: "png", Feature: string(unsupported)}
	case errors.As(err, &format):
		return &FormatError{Format: "png", Problem: string(format) + ": it may be cut short"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &FormatError{Format: "png", Problem: "the file is cut short"}
	}
	return &FormatError{Format: "png", Problem: err.Error()}
}

func openJPEG(c *candidate) (Slide, error) {
	if c.size > maxRasterBytes {
		return nil, &UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf("an image file of %d bytes", c.size)}
	}
	data := make([]byte, c.size)
	if _, err := io.ReadFull(io.NewSectionReader(c, 0, c.size), data); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	size, err := codec.JPEGSize(data)
	if err != nil {
		return nil, err
	}
	if err := checkRaster("jpeg", size.X, size.Y); err != nil {
		return nil, err
	}
	im := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
	if err := c.options.jpegDecoder()(im, data, maxRaster); err != nil {
		return nil, err
	}
	return newRaster(c, "jpeg", im)
}

// checkRaster refuses an image that would not fit, before it is decoded.
func checkRaster(format string, w, h int) error {
	if w < 1 || h < 1 || int64(w)*int64(h) > maxRaster {
		return &UnsupportedError{Format: format, Feature: fmt.Sprintf(
			"an image of %d by %d pixels, more than %d; save it as tiled TIFF first (vips tiffsave --tile)", w, h, maxRaster)}
	}
	return nil
}

// onWhite converts an image to opaque RGBA, on the white of empty glass; a pixel with no alpha at all
// stays transparent and counts as not scanned.
func onWhite(im image.Image) *image.RGBA {
	b := im.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), im, b.Min, draw.Src)
	for p := out.Pix; len(p) > 0; p = p[4:] {
		if a := p[3]; a != 0 && a != 255 {
			p[0], p[1], p[2], p[3] = p[0]+255-a, p[1]+255-a, p[2]+255-a, 255
		}
	}
	return out
}

func newRaster(c *candidate, vendor string, im *image.RGBA) (Slide, error) {
	size := pyramid.Size{W: im.Rect.Dx(), H: im.Rect.Dy()}
	info := Info{Vendor: vendor, Associated: []string{}, Levels: []Level{{
		Size: size, TileSize: pyramid.Size{W: rasterTile, H: rasterTile}, Downsample: 1, Codec: vendor,
	}}}
	if c.options.MPP != 0 {
		info.MPP = operatorScale(c.options.MPP)
	}
	return &rasterSlide{source: c.source, info: info, grid: pyramid.Grid{Size: size, Tile: rasterTile}, pix: im}, nil
}

func (s *rasterSlide) Info() Info { return s.info.clone() }

func (s *rasterSlide) ReadTile(ctx context.Context, level, col, row int, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if level != 0 || !s.grid.Contains(col, row) {
		return &TileError{level, col, row, fmt.Errorf("the image has one level of %d by %d tiles", s.grid.Cols(), s.grid.Rows())}
	}
	r := s.grid.Bounds(col, row)
	if n := 4 * r.Dx() * r.Dy(); cap(dst.Pix) < n {
		dst.Pix = make([]byte, n)
	} else {
		dst.Pix = dst.Pix[:n]
	}
	dst.Rect, dst.Stride = r, 4*r.Dx()
	paste(dst, s.pix)
	return nil
}

func (s *rasterSlide) Associated(_ context.Context, name string) (image.Image, error) {
	return nil, fmt.Errorf("associated image %q: %w", name, ErrNoAssociated)
}
