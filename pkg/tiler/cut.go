package tiler

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/pyramid/shrink"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// Defaults of Config.
const (
	DefaultQuality = 85
	defaultTile    = 256
	defaultUploads = 16
	// maxUnreadable is the share of a slide that may be undecodable before it is refused: a single
	// damaged tile must not cost the night's result, a wreck must not look like a slide.
	maxUnreadable = 0.05
)

// Config says what to cut and where to. Slide, Bucket and ID are required.
type Config struct {
	Slide  slide.Slide
	Bucket store.Bucket
	ID     pyramid.SlideID
	// Tile is the side of the tiles; 0 takes the slide's own, so that the grids match and every
	// native tile is decoded once.
	Tile int
	// Quality 1 to 100 encodes every tile. 0 copies the slide's own JPEG tiles where the grid allows
	// it and encodes the others with DefaultQuality.
	Quality int
	// Workers is the number of subtrees cut at once; 0 takes one per processor.
	Workers int
	// Uploads is the number of tiles on their way to the bucket at once; 0 takes 16.
	Uploads int
	// Progress is told about finished tiles, never concurrently and never out of order. It may be nil.
	Progress func(done, total int64)
}

// Result is what a cut found out on its way.
type Result struct {
	Pyramid pyramid.DeepZoom
	Format  string // of the tiles: "jpeg"
	Quality int    // of the encoded tiles
	Levels  []LevelCount
	Bytes   int64 // of all tiles
	// Unscanned is the number of level-0 pixels without a picture: never scanned or not decodable.
	Unscanned int64
	// Unreadable are the level-0 rectangles of native tiles that could not be decoded, in row order.
	Unreadable []image.Rectangle
	Overview   *Overview
}

// LevelCount says how the tiles of a level came about.
type LevelCount struct {
	Level   int   `json:"level"`
	Copied  int64 `json:"copied"`  // the slide's own JPEG stream
	Encoded int64 `json:"encoded"` // compressed anew
}

// Tiles is the number of tiles written.
func (r *Result) Tiles() (n int64) {
	for _, l := range r.Levels {
		n += l.Copied + l.Encoded
	}
	return n
}

// Cut writes the whole pyramid: tiles, descriptor and thumbnail. The bytes are a function of slide,
// tile size and quality alone, so that cutting again after a crash overwrites equals with equals. The
// manifest is left to the caller, who writes it last.
//
// # Memory
//
// Tiles live in a depth-first walk: Workers × levels × 4 plus at most 256 waiting roots, 230 kB each
// at the usual 240 pixels; then Uploads compressed tiles, an overview of at most maxOverview pixels,
// one focus value per 64 kpixel at 1 µm, and, where grids differ, regridCache bytes of native tiles.
// Nothing else grows with the slide.
func Cut(ctx context.Context, cfg Config) (Result, error) {
	c, err := newCutter(cfg)
	if err != nil {
		return Result{}, fmt.Errorf("cut pyramid %v: %w", cfg.ID, err)
	}
	if err := c.run(ctx); err != nil {
		return Result{}, fmt.Errorf("cut pyramid %v: %w", cfg.ID, err)
	}
	return c.result(), nil
}

type cutter struct {
	cfg      Config
	keys     store.SlideKeys
	dz       pyramid.DeepZoom
	source   *source
	overview *Overview
	tiles    sync.Pool // of *tile

	uploads *errgroup.Group // set by run; owns every upload
	upload  context.Context // of uploads; set by run
	levels  []levelCount
	bytes   atomic.Int64

	progress sync.Mutex // guards done and the calls of cfg.Progress
	done     int64
}

type levelCount struct{ copied, encoded atomic.Int64 }

// tile is a tile in the making.
type tile struct {
	img image.RGBA
	raw []byte // the slide's own stream, to be stored as it is; nil to encode img
}

func newCutter(cfg Config) (*cutter, error) {
	info := cfg.Slide.Info()
	if len(info.Levels) == 0 || info.Size().Empty() {
		return nil, errors.New("the slide has no pixels")
	}
	if cfg.Quality < 0 || cfg.Quality > 100 {
		return nil, fmt.Errorf("quality %d: want 1 to 100", cfg.Quality)
	}
	if cfg.Tile == 0 {
		cfg.Tile = nativeTile(info.Levels[0].TileSize)
	}
	if cfg.Tile < 2 || cfg.Tile > 4096 {
		return nil, fmt.Errorf("tile size %d: want 2 to 4096", cfg.Tile)
	}
	cfg.Workers = orDefault(cfg.Workers, runtime.GOMAXPROCS(0))
	cfg.Uploads = orDefault(cfg.Uploads, defaultUploads)
	dz := pyramid.DeepZoom{Size: info.Size(), Tile: cfg.Tile}
	return &cutter{
		cfg: cfg, keys: store.Slide(cfg.ID), dz: dz,
		source:   newSource(cfg, info),
		overview: newOverview(dz, info.MPP),
		tiles:    sync.Pool{New: func() any { return new(tile) }},
		levels:   make([]levelCount, dz.Max()+1),
	}, nil
}

func orDefault(v, def int) int {
	if v > 0 {
		return v
	}
	return def
}

// nativeTile is the tile side that makes the pyramid's grid that of the slide. Strips, and tiles too
// small or too large for a browser, are cut anew.
func nativeTile(native pyramid.Size) int {
	if native.W == native.H && native.W >= 64 && native.W <= 1024 {
		return native.W
	}
	return defaultTile
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
	p := c.tiles.Get().(*tile)
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
	p := c.tiles.Get().(*tile)
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

func (c *cutter) free(p *tile) { c.tiles.Put(p) }

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
