package slide

import (
	"context"
	"image"
)

// Probe is what came of decoding a few tiles, to tell a file that only opens from one that can be read.
type Probe struct {
	Tried  int
	Failed []error // one for each tile that could not be read; *TileError where its content is at fault
}

// Try decodes the tiles in the corners and the middle of the finest level, one after the other. An error is
// that of ctx; what is wrong with the file is in the Probe. A file that passes may still hold a damaged tile.
func Try(ctx context.Context, s Slide) (p Probe, err error) {
	level := s.Info().Levels[0]
	right := (level.Size.W - 1) / level.TileSize.W
	bottom := (level.Size.H - 1) / level.TileSize.H
	tried := map[image.Point]bool{}
	dst := new(image.RGBA)
	for _, at := range []image.Point{{}, {X: right}, {Y: bottom}, {X: right, Y: bottom}, {X: right / 2, Y: bottom / 2}} {
		if tried[at] {
			continue
		}
		tried[at] = true
		err := s.ReadTile(ctx, 0, at.X, at.Y, dst)
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if err != nil {
			p.Failed = append(p.Failed, err)
		}
	}
	p.Tried = len(tried)
	return p, nil
}
