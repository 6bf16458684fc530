package tiler

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"runtime"

	"github.com/slidemill/slidemill/pkg/pyramid"
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

// Config says what to cut and where to. Slide and Bucket are required (a bare cut into an archive needs no
// bucket), and ID where the bucket holds many slides.
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
	// Bare leaves out what only a diagnosis needs: overview, focus and thumbnail. Result.Overview is nil.
	Bare bool
	// Early, if set, is called once the levels up to EarlyLevel (and those on which tissue and focus are
	// judged) are in the bucket with the descriptor, while the finer ones are yet to be cut. What its result
	// counts is not all yet; Unseen is. An error ends the cut. It is never called where the slide holds no level
	// between EarlyLevel and the finest: making those levels first would read the whole slide twice.
	Early      func(ctx context.Context, r *Result) error
	EarlyLevel int
	// Pack, if set, takes all tiles instead of the bucket, never concurrently and in one order (see bandRoots),
	// however many workers there are. What Early waits for goes into Head then, in an order of its own: Pack
	// shows nothing before it is whole, and gets all tiles again.
	Pack, Head Archive
	// Progress is told about finished tiles, never concurrently and never out of order. It may be nil.
	Progress func(done, total int64)
}

// Archive takes tiles one after the other; data is the caller's again when Add returns.
type Archive interface {
	Add(t pyramid.Tile, data []byte) error
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
	// Unseen are the parts of them that the levels up to EarlyLevel (and those on which tissue and focus are
	// judged) lack too, as no tile of the slide's own above them shows the place.
	Unseen    []image.Rectangle
	Overview  *Overview
	Thumbnail [sha256.Size]byte // the SHA-256 of its file; zero before that is stored
}

// LevelCount says how the tiles of a level came about.
type LevelCount struct {
	Level   int   `json:"level"`
	Copied  int64 `json:"copied"`  // the slide's own JPEG stream
	Scaled  int64 `json:"scaled"`  // made from the next finer level, and compressed
	Encoded int64 `json:"encoded"` // the slide's own pixels, compressed anew
}

// Tiles is the number of tiles written.
func (r *Result) Tiles() (n int64) {
	for _, l := range r.Levels {
		n += l.Copied + l.Scaled + l.Encoded
	}
	return n
}

// Cut writes the whole pyramid: tiles, descriptor and thumbnail. The bytes are a function of slide,
// tile size and quality alone, so that cutting again after a crash overwrites equals with equals. The
// manifest is left to the caller, who writes it last.
//
// Levels that the slide holds on the same grid are copied, JPEG stream by JPEG stream, each proved to decode;
// the tiles at their edges, and the levels between them, are made from the next finer level, which is
// decoded at half size where that can be done (codec.DecodeHalf), and halved by exact means otherwise. Neither
// Early nor Bare changes a byte.
//
// # Memory
//
// Tiles live in a walk of small pieces (quadtree.InOrder): a few dozen halves of tiles, 58 kB each at the
// usual 240 pixels, and for each worker one whole tile; then Uploads compressed tiles, or, where they are
// packed, those of the pieces at work and at most 20 for every band of levels; an overview of at
// most maxOverview pixels, one focus value per 64 kpixel at 1 µm, and, where grids differ, regridCache bytes
// of native tiles. Nothing else grows with the slide.
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

// Validate refuses numbers with which nothing can be cut, before a slide is opened.
func (cfg Config) Validate() error {
	switch {
	case cfg.Tile != 0 && (cfg.Tile < 2 || cfg.Tile > 4096):
		return fmt.Errorf("tile size %d: want 2 to 4096", cfg.Tile)
	case cfg.Quality < 0 || cfg.Quality > 100:
		return fmt.Errorf("quality %d: want 1 to 100", cfg.Quality)
	}
	return nil
}

// Layout is the pyramid that a cut will make.
func Layout(cfg Config) (pyramid.DeepZoom, error) {
	info := cfg.Slide.Info()
	if len(info.Levels) == 0 || info.Size().Empty() {
		return pyramid.DeepZoom{}, errors.New("the slide has no pixels")
	}
	if cfg.Tile == 0 {
		cfg.Tile = nativeTile(info.Levels[0].TileSize)
	}
	if err := cfg.Validate(); err != nil {
		return pyramid.DeepZoom{}, err
	}
	return pyramid.DeepZoom{Size: info.Size(), Tile: cfg.Tile}, nil
}

func newCutter(cfg Config) (*cutter, error) {
	dz, err := Layout(cfg)
	if err != nil {
		return nil, err
	}
	info := cfg.Slide.Info()
	cfg.Tile = dz.Tile
	cfg.Workers = orDefault(cfg.Workers, runtime.GOMAXPROCS(0))
	cfg.Uploads = orDefault(cfg.Uploads, defaultUploads)
	c := &cutter{
		cfg: cfg, keys: store.Slide(cfg.ID), dz: dz,
		source: newSource(cfg, info),
		tiles:  make(spares, maxSpares),
		halves: make(spares, maxSpares),
		levels: make([]levelCount, dz.Max()+1),
	}
	c.natives = newNatives(cfg, dz, c.source)
	if !cfg.Bare {
		c.overview = newOverview(dz, info.MPP)
	}
	return c, nil
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
