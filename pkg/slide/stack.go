package slide

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// stack is a slide of planes, one per level. Formats differ in how they choose the planes and in what
// they say about them; reading is the same.
//
// # Memory
//
// What the planes keep, such as a TIFF's directories (see tiff.Parse). Pixels pass through.
type stack struct {
	io.Closer
	bytes      *witness
	info       Info
	levels     []plane
	associated map[string]plane
}

var (
	_ Slide    = (*stack)(nil)
	_ RawTiler = (*stack)(nil)
)

// maxAssociated is the largest label, macro or thumbnail in pixels, 64 MiB decoded.
const maxAssociated = 16 << 20

// newStack makes a slide of planes that a format has chosen, the finest first. The operator's scale
// wins over the file's.
func newStack(c *candidate, info Info, levels []plane, associated map[string]plane) (Slide, error) {
	if len(levels) < 1 || len(levels) > maxLevels {
		return nil, &UnsupportedError{Format: info.Vendor, Feature: fmt.Sprintf("%d levels", len(levels))}
	}
	profile := c.profile()
	info.ICC = len(profile) > 0
	info.Colour, levels = manage(profile, levels)
	full := levels[0].layout().size
	for i, p := range levels {
		l := p.layout()
		if !plausible(l.size) || !plausible(l.tile) {
			return nil, &UnsupportedError{Format: info.Vendor, Feature: fmt.Sprintf("level %d of %s pixels in tiles of %s", i, l.size, l.tile)}
		}
		info.Levels = append(info.Levels, Level{
			Size: l.size, TileSize: l.tile, Codec: l.codec, Downsample: max(1, downsample(full, l.size)),
		})
	}
	info.Associated = []string{}
	for name := range associated {
		info.Associated = append(info.Associated, name)
	}
	slices.Sort(info.Associated)
	if c.options.MPP != 0 {
		info.MPP = operatorScale(c.options.MPP)
	}
	return &stack{Closer: c.Closer, bytes: c.witness, info: info, levels: levels, associated: associated}, nil
}

// downsample is the mean of the ratios of both sides, as OpenSlide has it. It is for display and
// scale; it addresses no pixel.
func downsample(full, reduced pyramid.Size) float64 {
	return (float64(full.W)/float64(reduced.W) + float64(full.H)/float64(reduced.H)) / 2
}

func (s *stack) Info() Info { return s.info.clone() }

func (s *stack) ReadTile(ctx context.Context, level, col, row int, dst *image.RGBA) error {
	p, err := s.level(ctx, level)
	if err == nil {
		err = p.read(ctx, col, row, dst)
	}
	return s.outcome(level, col, row, err)
}

func (s *stack) RawTile(ctx context.Context, level, col, row int, room []byte) (jpeg []byte, ok bool, err error) {
	p, err := s.level(ctx, level)
	if err == nil {
		jpeg, err = p.raw(ctx, col, row, room)
	}
	err = s.outcome(level, col, row, err)
	return jpeg, jpeg != nil && err == nil, err
}

func (s *stack) level(ctx context.Context, level int) (plane, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if level < 0 || level >= len(s.levels) {
		return nil, fmt.Errorf("the slide has %d levels", len(s.levels))
	}
	return s.levels[level], nil
}

// outcome names the tile in an error. A cancelled context is nobody's fault and stays bare, as the storage's errors do.
func (s *stack) outcome(level, col, row int, err error) error {
	if failure := s.bytes.failure(); failure != nil {
		return failure
	}
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &TileError{Level: level, Col: col, Row: row, Err: err}
}

// ErrNoAssociated marks a label, macro or thumbnail that the slide does not have.
var ErrNoAssociated = errors.New("the slide has no such image")

func (s *stack) Associated(ctx context.Context, name string) (image.Image, error) {
	p, ok := s.associated[name]
	if !ok {
		return nil, fmt.Errorf("associated image %q: %w", name, ErrNoAssociated)
	}
	l := p.layout()
	whole := image.NewRGBA(l.size.Bounds())
	var tile image.RGBA
	for row := range pyramid.CeilDiv(l.size.H, l.tile.H) {
		for col := range pyramid.CeilDiv(l.size.W, l.tile.W) {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("associated image %q: %w", name, err)
			}
			err := p.read(ctx, col, row, &tile)
			if failure := s.bytes.failure(); failure != nil {
				err = failure
			}
			if err != nil {
				return nil, fmt.Errorf("associated image %q: %w", name, err)
			}
			paste(whole, &tile)
		}
	}
	return whole, nil
}
