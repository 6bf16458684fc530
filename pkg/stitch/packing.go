package stitch

import (
	"context"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/store"
)

// Archive takes the tiles of one pyramid, one after the other. It shows nothing before Commit; Abort leaves
// nothing behind, and does nothing after Commit.
type Archive interface {
	Add(t pyramid.Tile, data []byte) error
	Commit() error
	Abort() error
}

// Pack begins the archive of a run's pyramid under key; descriptor is its Deep Zoom manifest.
type Pack func(ctx context.Context, key string, descriptor []byte) (Archive, error)

// packing puts the tiles of both pyramids into their archives in one order (piece by piece, and in a piece level by
// level, the finest first), however many workers make them: equal runs give equal archives.
//
// # Memory
//
// The encoded tiles of the pieces (quadtree.InOrder) that are made ahead, two for each worker, and of the one that
// is being packed: 2 × workers + 1 pieces of 21 tiles. Both tiles of a place are a few kB in most places, and 330 kB
// at most, where the pixels are noise: 7 MB a piece. Blank tiles are shared.
type packing struct {
	probability, overlay Archive

	pieces int // level of the pieces' roots
	held   quadtree.Held[encoded]
}

// encoded is a place's tile in each pyramid.
type encoded struct {
	tile                 pyramid.Tile
	probability, overlay []byte
}

// newPacking begins both archives, or none.
func newPacking(ctx context.Context, open Pack, keys store.RunKeys, d pyramid.DeepZoom) (p *packing, err error) {
	p = &packing{pieces: quadtree.Pieces{}.Level(d)}
	if p.probability, err = open(ctx, keys.ProbabilityArchive(), descriptor(d)); err != nil {
		return nil, fmt.Errorf("begin the archive of the probability: %w", err)
	}
	if p.overlay, err = open(ctx, keys.OverlayArchive(), descriptor(d)); err != nil {
		return nil, errors.Join(fmt.Errorf("begin the archive of the overlay: %w", err), p.probability.Abort())
	}
	return p, nil
}

// take packs a tile, or holds it until its piece is done. The tiles above the pieces come from the goroutine
// that calls flush, each in its turn.
func (p *packing) take(e encoded) error {
	if e.tile.Level < p.pieces {
		return p.add(e)
	}
	up := e.tile.Level - p.pieces
	root := pyramid.Tile{Level: p.pieces, Col: e.tile.Col >> up, Row: e.tile.Row >> up}
	p.held.Hold(root, e.tile, e)
	return nil
}

// flush packs the tiles of a piece that is done.
func (p *packing) flush(_ context.Context, root pyramid.Tile) error { return p.held.Flush(root, p.add) }

func (p *packing) add(e encoded) error {
	if err := p.probability.Add(e.tile, e.probability); err != nil {
		return fmt.Errorf("pack the probability: %w", err)
	}
	if err := p.overlay.Add(e.tile, e.overlay); err != nil {
		return fmt.Errorf("pack the overlay: %w", err)
	}
	return nil
}

// commit puts both archives into the store. If the second fails, the first stays: whoever stitches the run again
// makes the same.
func (p *packing) commit() error {
	if err := p.probability.Commit(); err != nil {
		return fmt.Errorf("put the archive of the probability: %w", err)
	}
	if err := p.overlay.Commit(); err != nil {
		return fmt.Errorf("put the archive of the overlay: %w", err)
	}
	return nil
}

// abort gives up what is not committed.
func (p *packing) abort() error { return errors.Join(p.probability.Abort(), p.overlay.Abort()) }
