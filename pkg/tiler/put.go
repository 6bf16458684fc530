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
	switch {
	case w.archive == nil:
		w.send(p)
	case p.tile.Level < w.pieces: // the joiner makes these, each in its turn
		return w.pack(p)
	default:
		w.hold(p)
	}
	return nil
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

// hold keeps a tile until its piece is done.
func (w *walk) hold(p packed) {
	up := p.tile.Level - w.pieces
	root := pyramid.Tile{Level: w.pieces, Col: p.tile.Col >> up, Row: p.tile.Row >> up}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[root] = append(w.held[root], p)
}

// flush packs the tiles of a piece that is done.
func (w *walk) flush(_ context.Context, root pyramid.Tile) error {
	w.mu.Lock()
	tiles := w.held[root]
	delete(w.held, root)
	w.mu.Unlock()
	for _, p := range tiles {
		if err := w.pack(p); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) pack(p packed) error {
	if err := w.archive.Add(p.tile, p.buf.data); err != nil {
		return fmt.Errorf("pack tile %v: %w", p.tile, err)
	}
	w.stored(p.buf)
	return nil
}
