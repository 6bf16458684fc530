package slide

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// tiffSlide is a slide of the TIFF family. Formats differ in how they choose the images and in what
// the description says; reading is the same.
//
// # Memory
//
// The directories' fields (see tiff.Parse). Pixels pass through.
type tiffSlide struct {
	source
	info       Info
	levels     []*tiff.Image
	associated map[string]*tiff.Image
}

var (
	_ Slide    = (*tiffSlide)(nil)
	_ RawTiler = (*tiffSlide)(nil)
)

// maxAssociated is the largest label, macro or thumbnail in pixels, 64 MiB decoded.
const maxAssociated = 16 << 20

// newTIFFSlide makes a slide of images that a format has chosen, the finest first. The operator's
// scale wins over the file's.
func newTIFFSlide(c *candidate, info Info, levels []*tiff.Image, associated map[string]*tiff.Image) (*tiffSlide, error) {
	if len(levels) > maxLevels {
		return nil, &UnsupportedError{Format: info.Vendor, Feature: fmt.Sprintf("%d levels", len(levels))}
	}
	for i, im := range levels {
		if err := im.CheckExtent(); err != nil {
			return nil, fmt.Errorf("level %d: %w", i, err)
		}
		info.Levels = append(info.Levels, Level{
			Size: im.Size, TileSize: im.Tile, Codec: im.Codec(), Downsample: downsample(levels[0].Size, im.Size),
		})
	}
	info.Associated = []string{}
	for name := range associated {
		info.Associated = append(info.Associated, name)
	}
	slices.Sort(info.Associated)
	info.ICC = c.first.Has(tiff.TagICCProfile)
	if o := levels[0].Orientation; o != 1 {
		info.Orientation = o
	}
	if c.options.MPP != 0 {
		info.MPP = operatorScale(c.options.MPP)
	}
	return &tiffSlide{source: c.source, info: info, levels: levels, associated: associated}, nil
}

// downsample is the mean of the ratios of both sides, as OpenSlide has it. It is for display and
// scale; it addresses no pixel.
func downsample(full, reduced pyramid.Size) float64 {
	return (float64(full.W)/float64(reduced.W) + float64(full.H)/float64(reduced.H)) / 2
}

func (s *tiffSlide) Info() Info { return s.info.clone() }

func (s *tiffSlide) ReadTile(ctx context.Context, level, col, row int, dst *image.RGBA) error {
	im, err := s.level(ctx, level)
	if err == nil {
		err = im.ReadTile(col, row, dst)
	}
	return tileError(level, col, row, err)
}

func (s *tiffSlide) RawTile(ctx context.Context, level, col, row int) (jpeg []byte, ok bool, err error) {
	im, err := s.level(ctx, level)
	if err == nil {
		jpeg, err = im.RawTile(col, row)
	}
	return jpeg, jpeg != nil && err == nil, tileError(level, col, row, err)
}

func (s *tiffSlide) level(ctx context.Context, level int) (*tiff.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if level < 0 || level >= len(s.levels) {
		return nil, fmt.Errorf("the slide has %d levels", len(s.levels))
	}
	return s.levels[level], nil
}

// tileError names the tile in an error; a cancelled context is nobody's fault and stays bare.
func tileError(level, col, row int, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &TileError{Level: level, Col: col, Row: row, Err: err}
}

// ErrNoAssociated marks a label, macro or thumbnail that the slide does not have.
var ErrNoAssociated = errors.New("the slide has no such image")

func (s *tiffSlide) Associated(ctx context.Context, name string) (image.Image, error) {
	im, ok := s.associated[name]
	if !ok {
		return nil, fmt.Errorf("associated image %q: %w", name, ErrNoAssociated)
	}
	whole := image.NewRGBA(im.Size.Bounds())
	var tile image.RGBA
	for row := range im.Rows() {
		for col := range im.Cols() {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("associated image %q: %w", name, err)
			}
			if err := im.ReadTile(col, row, &tile); err != nil {
				return nil, fmt.Errorf("associated image %q: %w", name, err)
			}
			paste(whole, &tile)
		}
	}
	return whole, nil
}

// paste copies a tile to its place.
func paste(dst, tile *image.RGBA) {
	r := tile.Bounds().Intersect(dst.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(dst.Pix[dst.PixOffset(r.Min.X, y):][:4*r.Dx()], tile.Pix[tile.PixOffset(r.Min.X, y):])
	}
}

// readAssociated reads the layout of an associated image. One that is too large or that this program
// cannot decode is left out: no diagnosis depends on it.
func readAssociated(f *tiff.File, d *tiff.Directory) (*tiff.Image, bool) {
	im, err := f.Image(d)
	if err != nil || im.Size.Pixels() > maxAssociated || im.CheckExtent() != nil {
		return nil, false
	}
	return im, true
}
