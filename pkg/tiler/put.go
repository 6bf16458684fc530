package tiler

import (
	"context"
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// How finished tiles leave a walk: into the bucket in the background, or into an archive, each in its turn.

// store stores a tile: the slide's own stream, or else the pixels compressed.
func (w *walk) store(t pyramid.Tile, own *buffer, p *tile, made bool) error {
	if own != nil {
		w.levels[t.Level].copied.Add(1)
		return w.put(packed{t, own})
	}
	buf := worst.take()
	if err := buf.encode(p.img, w.quality()); err != nil {
		return fmt.Errorf("encode tile %v: %w", t, err)
	}
	if made {
		w.levels[t.Level].scaled.Add(1)
	} else {
		w.levels[t.Level].encoded.Add(1)
	}
	return w.put(packed{t, buf})
}

func (c *cutter) quality() int { return orDefault(c.cfg.Quality, DefaultQuality) }

// put stores a tile, or sees to it that it is stored, and gives its buffer back afterwards.
func (w *walk) put(p packed) error {
	p.buf = p.buf.snug()
	if w.archive == nil {
		w.send(p)
		return nil
	}
	return w.hold(p)
}

// send stores a tile in the background.
func (w *walk) send(p packed) {
	w.uploads.Go(func() error {
		if err := putBytes(w.upload, w.cfg.Bucket, w.keys.PyramidTile(p.tile), p.buf.data); err != nil {
			return fmt.Errorf("put tile %v: %w", p.tile, err)
		}
		w.stored(p.buf)
		return nil
	})
}

// hold keeps a tile until its turn comes: that of its piece, in which several workers may be at work, and then that of all
// that it is packed with. What the joiner made comes in order: all below it is there.
func (w *walk) hold(p packed) error {
	if p.tile.Level >= w.pieces {
		w.held.Hold(above(p.tile, w.pieces), p.tile, p)
		return nil
	}
	return w.gather(p)
}

// flush packs the tiles of a piece that is done, or keeps them for those of other pieces.
func (w *walk) flush(_ context.Context, piece pyramid.Tile) error {
	return w.held.Flush(piece, w.gather)
}

// gather packs a tile with its band, whose root comes last. A piece comes in the order of one.
func (w *walk) gather(p packed) error {
	if w.bands[p.tile.Level] >= w.pieces {
		return w.pack(p)
	}
	root := above(p.tile, w.bands[p.tile.Level])
	w.banded.Hold(root, p.tile, p)
	if p.tile != root {
		return nil
	}
	return w.banded.Flush(root, w.pack)
}

func (w *walk) pack(p packed) error {
	if err := w.archive.Add(p.tile, p.buf.data); err != nil {
		return fmt.Errorf("pack tile %v: %w", p.tile, err)
	}
	w.stored(p.buf)
	return nil
}
