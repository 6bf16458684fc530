package slide

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// maxWholeImage bounds what ReadImage holds in memory: 2^27 pixels take 512 MiB.
const maxWholeImage = 1 << 27

// ReadImage reads the finest level of a small slide or plain picture into memory. What was never
// scanned becomes white.
func ReadImage(ctx context.Context, path string) (_ *image.RGBA, err error) {
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	level := s.Info().Levels[0]
	if level.Size.Pixels() > maxWholeImage {
		return nil, fmt.Errorf("read image %s: %v is too large for one picture: use `slidemill run`", path, level.Size)
	}
	whole := image.NewRGBA(level.Size.Bounds())
	draw.Draw(whole, whole.Rect, image.White, image.Point{}, draw.Src)
	var tile image.RGBA
	for row := range pyramid.CeilDiv(level.Size.H, level.TileSize.H) {
		for col := range pyramid.CeilDiv(level.Size.W, level.TileSize.W) {
			if err := s.ReadTile(ctx, 0, col, row, &tile); err != nil {
				return nil, fmt.Errorf("read image %s: %w", path, err)
			}
			draw.Draw(whole, tile.Rect, &tile, tile.Rect.Min, draw.Over)
		}
	}
	return whole, nil
}
