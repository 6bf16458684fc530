package tiler

import (
	"context"
	"image"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
)

// pass is one walk over the slide: from which level, which levels it writes, and where to if not into the
// bucket.
type pass struct {
	leaf, coarsest, finest int
	archive                Archive
}

func (c *cutter) pass(ctx context.Context, p pass) error {
	c.uploads, c.upload = errgroup.WithContext(ctx)
	c.uploads.SetLimit(c.cfg.Uploads)
	d, pieces := pyramid.DeepZoom{Size: c.dz.LevelSize(p.leaf), Tile: c.dz.Tile}, quadtree.Pieces{Top: p.coarsest}
	w := &walk{cutter: c, pass: p, pieces: pieces.Level(d), bands: bandRoots(p.leaf, readLevel(c.cfg.Slide.Info().MPP, c.dz))}
	pieces.Done = w.flush
	built := quadtree.InOrder(c.upload, d, quadtree.Ops[*tile]{
		Leaf:    func(context.Context, pyramid.Tile) (*tile, error) { return new(tile), nil },
		Shrink:  w.shrink,
		Emit:    w.emit,
		Free:    w.free,
		Workers: c.cfg.Workers,
	}, pieces)
	// A failed upload cancels the walk, so its error is the cause and goes first.
	if err := c.uploads.Wait(); err != nil {
		return err
	}
	return built
}

// walk is a pass at work.
type walk struct {
	*cutter
	pass
	pieces int   // level of the pieces' roots
	bands  []int // level of the bands' roots, by level

	// Tiles for the archive until their turn comes: those of pieces in the making, and those of bands, in order.
	held, banded quadtree.Held[packed]
}

// packed is a compressed tile that waits for its turn.
type packed struct {
	tile pyramid.Tile
	buf  *buffer
}

// tile is a tile in the making. What is nil is not there or not there yet.
type tile struct {
	img  *image.RGBA // let go as soon as it is stored, unless the side is odd
	half *image.RGBA // for the tile above
}

// shrink makes a tile from the four below it, unless the slide has it.
func (w *walk) shrink(t pyramid.Tile, size pyramid.Size, child [2][2]*tile) (*tile, error) {
	p := new(tile)
	if w.natives.has(t) {
		return p, nil
	}
	p.img = w.tiles.take()
	reshape(p.img, size.Bounds())
	var whole, half [2][2]*image.RGBA
	for x := range 2 {
		for y := range 2 {
			if child[x][y] != nil {
				whole[x][y], half[x][y] = child[x][y].img, child[x][y].half
			}
		}
	}
	if w.dz.Tile%2 == 0 {
		whole = half
	}
	w.natives.join(p.img, whole)
	return p, nil
}

func (w *walk) free(p *tile) {
	w.tiles.give(p.img)
	w.halves.give(p.half)
}

// emit stores a tile and keeps of it what the tile above needs.
func (w *walk) emit(ctx context.Context, t pyramid.Tile, p *tile) error {
	made := t.Level < w.dz.Max() && !w.natives.has(t)
	own, err := w.render(ctx, t, p)
	if err != nil {
		return err
	}
	if w.watches(t.Level) {
		w.overview.add(t, p.img)
	}
	if t.Level <= w.finest {
		if err := w.store(t, own, p, made); err != nil {
			return err
		}
	} else if own != nil {
		own.free()
	}
	w.release(p)
	return nil
}

// release lets go of the whole tile where its half is enough for the tile above.
func (w *walk) release(p *tile) {
	if w.dz.Tile%2 == 0 {
		w.tiles.give(p.img)
		p.img = nil
	}
}

// watches reports whether the overview needs the pixels of a level.
func (c *cutter) watches(level int) bool {
	return c.overview != nil && !c.overviewDone && (level == c.overview.Level || level == c.overview.focus.level)
}

// wantsHalf reports whether the tile above is made from this one.
func (w *walk) wantsHalf(t pyramid.Tile) bool {
	return t.Level > w.coarsest && !w.natives.has(above(t, t.Level-1))
}

// render sees to it that the pixels that somebody needs are there, and gives the slide's own stream where
// that is to be stored. Each stream that is stored has been decoded once, if only to prove it.
func (w *walk) render(ctx context.Context, t pyramid.Tile, p *tile) (own *buffer, err error) {
	if w.natives.copies(t) {
		buf := streams.take()
		ok, err := w.natives.raw(ctx, t, buf)
		if ok && w.decode(t, buf.data, p) {
			return buf, nil
		}
		buf.free()
		if err != nil {
			return nil, err
		}
	}
	if p.img == nil {
		p.img = w.tiles.take()
		if err := w.pixels(ctx, t, p.img); err != nil {
			return nil, err
		}
	}
	if w.wantsHalf(t) {
		w.halve(p)
	}
	return nil, nil
}

// pixels fills dst with a tile. Leaves are walked by one pass only, so what was never scanned is counted here,
// and not where natives composes a tile from leaves.
func (w *walk) pixels(ctx context.Context, t pyramid.Tile, dst *image.RGBA) error {
	if t.Level != w.dz.Max() {
		return w.natives.pixels(ctx, t, dst)
	}
	n, err := w.source.read(ctx, t, dst)
	w.unscanned.Add(n)
	return err
}

// decode decodes a tile's own stream as far as its pixels are needed. It reports false for a stream that
// does not decode, at either size: both read the whole scan. A half is decoded as one wherever that can be done,
// also where the tile is decoded whole for the overview, so that the tile above does not depend on who watches.
func (w *walk) decode(t pyramid.Tile, raw []byte, p *tile) bool {
	half, whole := w.wantsHalf(t), w.watches(t.Level)
	if !half && !whole {
		return w.natives.sound(raw)
	}
	if half && w.dz.Tile%2 == 0 {
		if p.half = w.halves.take(); !w.natives.decodeHalf(raw, p.half) {
			w.halves.give(p.half)
			p.half = nil
		} else if !whole {
			return true
		}
	}
	if p.img = w.tiles.take(); !w.natives.decodeFull(raw, p.img) {
		w.free(p)
		*p = tile{}
		return false
	}
	if half && p.half == nil {
		w.halve(p)
	}
	return true
}

// halve makes the half of a tile that is there.
func (w *walk) halve(p *tile) {
	if w.dz.Tile%2 == 0 {
		p.half = w.halves.take()
		halve(p.half, p.img)
	}
}
