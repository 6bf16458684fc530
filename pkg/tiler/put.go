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
	root := w.hold(p)
	if p.tile == root && root.Level < w.pieces { // the joiner made it: all below it is there
		return w.flush(w.upload, root)
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

// bandLevels is how many levels of an archive lie together: those of a piece, and above the pieces as many.
const bandLevels = 3

// band is the tile above all that a tile is packed with: 16 of one level, 4 of the next and itself.
func (w *walk) band(t pyramid.Tile) pyramid.Tile {
	level := w.pieces
	for level > t.Level {
		level -= bandLevels
	}
	up := t.Level - max(level, 0)
	return pyramid.Tile{Level: t.Level - up, Col: t.Col >> up, Row: t.Row >> up}
}

// hold keeps a tile until all that it is packed with is there, and gives the tile above them.
func (w *walk) hold(p packed) (root pyramid.Tile) {
	root = w.band(p.tile)
	w.held.Hold(root, p.tile, p)
	return root
}

// flush packs what is held below a tile. Neighbours of a level lie side by side then, and who reads one level, such as
// the segmenter, gets them with one request.
func (w *walk) flush(_ context.Context, root pyramid.Tile) error { return w.held.Flush(root, w.pack) }

func (w *walk) pack(p packed) error {
	if err := w.archive.Add(p.tile, p.buf.data); err != nil {
		return fmt.Errorf("pack tile %v: %w", p.tile, err)
	}
	w.stored(p.buf)
	return nil
}
