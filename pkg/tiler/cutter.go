package tiler

import (
	"context"
	"crypto/sha256"
	"image"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// cutter is one cut at work. Its methods but run are called by several workers at once.
type cutter struct {
	cfg      Config
	keys     store.SlideKeys
	dz       pyramid.DeepZoom
	source   *source
	natives  *natives
	overview *Overview // nil if the cut is bare
	tiles    spares    // of whole tiles
	halves   spares    // of tiles at half size

	uploads *errgroup.Group // of the pass at work; owns every upload
	upload  context.Context // of uploads
	levels  []levelCount
	bytes   atomic.Int64
	// unscanned counts leaf pixels without a picture, in the one pass that makes leaves.
	unscanned atomic.Int64

	progress sync.Mutex // guards done and the calls of cfg.Progress
	done     int64

	overviewDone bool // an earlier pass has filled the overview

	thumbnail [sha256.Size]byte // the sum of its file, once that is stored
}

type levelCount struct{ copied, scaled, encoded atomic.Int64 }

// spares keeps pictures for use again. Unlike a sync.Pool it survives garbage collections: the walk needs
// as many again a moment later, and fresh memory costs more than filling it.
type spares chan *image.RGBA

// maxSpares is what a few workers put back between two pieces.
const maxSpares = 32

func (s spares) take() *image.RGBA {
	select {
	case img := <-s:
		return img
	default:
		return new(image.RGBA)
	}
}

// give takes a picture back; nil is none.
func (s spares) give(img *image.RGBA) {
	if img == nil {
		return
	}
	select {
	case s <- img:
	default:
	}
}

// run makes all levels in one pass, or first those that Config.Early waits for.
func (c *cutter) run(ctx context.Context) error {
	whole := pass{leaf: c.dz.Max(), finest: c.dz.Max(), archive: c.cfg.Pack}
	first := c.early()
	if leaf := c.natives.coarsest(first); c.cfg.Early != nil && leaf < c.dz.Max() {
		if err := c.ahead(ctx, pass{leaf: leaf, finest: first, archive: c.cfg.Head}); err != nil {
			return err
		}
		if c.cfg.Pack != nil {
			c.restart()
		} else {
			whole.coarsest = first + 1
		}
	}
	if err := c.pass(ctx, whole); err != nil {
		return err
	}
	if err := c.source.check(); err != nil {
		return err
	}
	return c.finish(ctx)
}

// ahead makes the levels that Config.Early waits for, and calls it.
func (c *cutter) ahead(ctx context.Context, p pass) error {
	if err := c.pass(ctx, p); err != nil {
		return err
	}
	if err := c.describe(ctx); err != nil {
		return err
	}
	r := c.result()
	return c.cfg.Early(ctx, &r)
}

// restart forgets what an early pass has counted: all its tiles come again.
func (c *cutter) restart() {
	for l := range c.levels {
		n := &c.levels[l]
		n.copied.Store(0)
		n.scaled.Store(0)
		n.encoded.Store(0)
	}
	c.bytes.Store(0)
	c.done, c.overviewDone = 0, true
}

// early is the finest level that must be there before Config.Early is called, or that would have to be.
func (c *cutter) early() int {
	level := min(max(c.cfg.EarlyLevel, 0), c.dz.Max())
	if c.overview != nil {
		level = max(level, c.overview.Level, c.overview.focus.level)
	}
	return level
}

// stored counts a tile and gives its buffer back.
func (c *cutter) stored(buf *buffer) {
	c.bytes.Add(int64(len(buf.data)))
	buf.free()
	c.step()
}

func (c *cutter) step() {
	c.progress.Lock()
	defer c.progress.Unlock()
	c.done++
	if c.cfg.Progress != nil {
		c.cfg.Progress(c.done, c.dz.Tiles())
	}
}

// describe stores the descriptor, which is what a reader needs besides the tiles.
func (c *cutter) describe(ctx context.Context) error {
	if c.cfg.Bucket == nil {
		return nil
	}
	return putBytes(ctx, c.cfg.Bucket, c.keys.PyramidDZI(), Descriptor(c.dz, "jpeg"))
}

// finish stores what is left once all tiles are there.
func (c *cutter) finish(ctx context.Context) error {
	if err := c.describe(ctx); err != nil {
		return err
	}
	if c.overview == nil {
		return nil
	}
	thumbnail, err := c.overview.thumbnail()
	if err != nil {
		return err
	}
	c.thumbnail = sha256.Sum256(thumbnail)
	return putBytes(ctx, c.cfg.Bucket, c.keys.Thumbnail(), thumbnail)
}

func (c *cutter) result() Result {
	r := Result{
		Pyramid: c.dz, Format: "jpeg", Quality: c.quality(), Bytes: c.bytes.Load(),
		Unscanned: c.unscanned.Load(), Unreadable: c.source.damaged(), Unseen: c.natives.unseen(c.early()), Overview: c.overview,
		Thumbnail: c.thumbnail,
	}
	for l := range c.levels {
		n := &c.levels[l]
		r.Levels = append(r.Levels, LevelCount{Level: l, Copied: n.copied.Load(), Scaled: n.scaled.Load(), Encoded: n.encoded.Load()})
	}
	return r
}
