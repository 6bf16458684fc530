package tiler

import (
	"context"
	"fmt"
	"image"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/pyramid/shrink"
	"github.com/slidemill/slidemill/pkg/store"
)

// cutter is one cut at work. Its methods but run are called by several workers at once.
type cutter struct {
	cfg      Config
	keys     store.SlideKeys
	dz       pyramid.DeepZoom
	source   *source
	overview *Overview
	tiles    spares

	uploads *errgroup.Group // set by run; owns every upload
	upload  context.Context // of uploads; set by run
	levels  []levelCount
	bytes   atomic.Int64

	progress sync.Mutex // guards done and the calls of cfg.Progress
	done     int64
}

type levelCount struct{ copied, encoded atomic.Int64 }

// spares keeps tiles for use again. Unlike a sync.Pool it survives garbage collections: the walk needs
// as many again a moment later, and fresh memory costs more than filling it.
type spares chan *tile

// maxSpares is what a few workers put back between two subtrees: 16 MB of the usual tiles.
const maxSpares = 64

func (s spares) take() *tile {
	select {
	case t := <-s:
		return t
	default:
		return new(tile)
	}
}

func (s spares) give(t *tile) {
	select {
	case s <- t:
	default:
	}
}

// tile is a tile in the making.
type tile struct {
	img image.RGBA
	raw []byte // the slide's own stream, to be stored as it is; nil to encode img
}

func (c *cutter) run(ctx context.Context) error {
	c.uploads, c.upload = errgroup.WithContext(ctx)
	c.uploads.SetLimit(c.cfg.Uploads)
	built := quadtree.Build(c.upload, c.dz, quadtree.Ops[*tile]{
		Leaf:    c.leaf,
		Shrink:  c.shrink,
		Emit:    c.emit,
		Free:    c.free,
		Workers: c.cfg.Workers,
	})
	// A failed upload cancels the walk, so its error is the cause and goes first.
	if err := c.uploads.Wait(); err != nil {
		return err
	}
	if built != nil {
		return built
	}
	if err := c.source.check(); err != nil {
		return err
	}
	return c.finish(ctx)
}

func (c *cutter) leaf(ctx context.Context, t pyramid.Tile) (*tile, error) {
	p := c.tiles.take()
	opaque, err := c.source.read(ctx, t, &p.img)
	if err != nil {
		return nil, err
	}
	p.raw = nil
	if opaque && c.cfg.Quality == 0 {
		p.raw, err = c.source.raw(ctx, t)
	}
	return p, err
}

func (c *cutter) shrink(_ pyramid.Tile, size pyramid.Size, child [2][2]*tile) (*tile, error) {
	p := c.tiles.take()
	p.raw = nil
	reshape(&p.img, size.Bounds())
	var quads [2][2]*image.RGBA
	for x := range 2 {
		for y := range 2 {
			if child[x][y] != nil {
				quads[x][y] = &child[x][y].img
			}
		}
	}
	shrink.RGBA(&p.img, quads, c.dz.Tile)
	return p, nil
}

func (c *cutter) free(p *tile) { c.tiles.give(p) }

func (c *cutter) emit(_ context.Context, t pyramid.Tile, p *tile) error {
	c.overview.add(t, &p.img)
	if p.raw != nil {
		raw := p.raw
		p.raw = nil
		c.levels[t.Level].copied.Add(1)
		c.put(t, raw, nil)
		return nil
	}
	buf := buffers.Get().(*buffer)
	if err := buf.encode(&p.img, c.quality()); err != nil {
		return fmt.Errorf("encode tile %v: %w", t, err)
	}
	c.levels[t.Level].encoded.Add(1)
	c.put(t, buf.Bytes(), buf)
	return nil
}

func (c *cutter) quality() int { return orDefault(c.cfg.Quality, DefaultQuality) }

// put stores a tile in the background and gives buf back afterwards.
func (c *cutter) put(t pyramid.Tile, data []byte, buf *buffer) {
	c.uploads.Go(func() error {
		if err := putBytes(c.upload, c.cfg.Bucket, c.keys.PyramidTile(t), data); err != nil {
			return fmt.Errorf("put tile %v: %w", t, err)
		}
		c.bytes.Add(int64(len(data)))
		if buf != nil {
			buffers.Put(buf)
		}
		c.step()
		return nil
	})
}

func (c *cutter) step() {
	c.progress.Lock()
	defer c.progress.Unlock()
	c.done++
	if c.cfg.Progress != nil {
		c.cfg.Progress(c.done, c.dz.Tiles())
	}
}

// finish stores what is left once all tiles are there.
func (c *cutter) finish(ctx context.Context) error {
	if err := putBytes(ctx, c.cfg.Bucket, c.keys.PyramidDZI(), Descriptor(c.dz, "jpeg")); err != nil {
		return err
	}
	thumbnail, err := c.overview.thumbnail()
	if err != nil {
		return err
	}
	return putBytes(ctx, c.cfg.Bucket, c.keys.Thumbnail(), thumbnail)
}

func (c *cutter) result() Result {
	r := Result{
		Pyramid: c.dz, Format: "jpeg", Quality: c.quality(), Bytes: c.bytes.Load(),
		Unscanned: c.source.unscanned.Load(), Unreadable: c.source.damaged(), Overview: c.overview,
	}
	for l := range c.levels {
		n := LevelCount{Level: l, Copied: c.levels[l].copied.Load(), Encoded: c.levels[l].encoded.Load()}
		r.Levels = append(r.Levels, n)
	}
	return r
}
