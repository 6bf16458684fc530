package synth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/pyramid/shrink"
)

// Config says what to draw. Path and Size are required.
type Config struct {
	Path string // of the slide, a .tiff; the mask goes beside it, see MaskPath
	Size pyramid.Size
	Seed uint64
	// MPP is the scale in microns per pixel; 0 means 0.5, a usual scan at 20×.
	MPP float64
	// Tissue is the share of the slide that tissue covers, up to maxTissue; 0 leaves it to the seed,
	// which means about a third.
	Tissue float64
	// Workers is the number of tiles drawn at once; 0 takes one per processor.
	Workers int
	// Progress is told about finished tiles, never concurrently. It may be nil.
	Progress func(done, total int64)
}

const (
	defaultMPP = 0.5
	tileSide   = 256
	minSide    = 64      // below it, there is no room for the inscription
	maxSide    = 1 << 20 // 52 cm of glass at 0.5 µm
	maxTissue  = 0.6     // above it, pieces would be cut off where the next one's part begins
)

// Validate reports a configuration that makes no sense.
func (c Config) Validate() error {
	mpp := c.mpp()
	switch {
	case c.Path == "":
		return errors.New("no path to write to")
	case c.Size.W < minSide || c.Size.H < minSide || c.Size.W > maxSide || c.Size.H > maxSide:
		return fmt.Errorf("size %v: want %d to %d pixels on each side", c.Size, minSide, maxSide)
	case !(c.Tissue >= 0 && c.Tissue <= maxTissue): // not a number is none
		return fmt.Errorf("tissue on %g of the slide: want a share up to %g", c.Tissue, maxTissue)
	}
	return pyramid.MPP{X: mpp, Y: mpp}.Validate()
}

func (c Config) mpp() float64 {
	if c.MPP == 0 {
		return defaultMPP
	}
	return c.MPP
}

// MaskPath is where the true mask of the slide at path is written: name.mask.tiff for name.tiff.
func MaskPath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".mask.tiff"
}

// Write draws the slide as a tiled pyramidal BigTIFF of JPEG tiles, and its true mask as one of 8-bit
// deflated tiles: 255 in malignant glands, lumens included, 0 elsewhere. Both files appear whole or
// not at all. Equal seeds, sizes and scales give equal bytes, whatever the number of workers.
//
// # Memory
//
// The walk's tiles (see quadtree; 330 kB each with the mask), 20 MB of patterns, and at most maxAhead
// bytes of compressed tiles that wait for their turn. Nothing grows with the slide but the TIFF
// writers' 24 bytes per tile.
func Write(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("synth: %w", err)
	}
	if cfg.Workers < 1 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if err := write(ctx, cfg); err != nil {
		return fmt.Errorf("synth %s: %w", cfg.Path, err)
	}
	return nil
}

func write(ctx context.Context, cfg Config) (err error) {
	slide, err := createFile(cfg.Path)
	if err != nil {
		return err
	}
	defer slide.discard()
	mask, err := createFile(MaskPath(cfg.Path))
	if err != nil {
		return err
	}
	defer mask.discard()
	p, err := newPress(cfg, slide, mask)
	if err != nil {
		return err
	}
	if err := p.run(ctx, cfg); err != nil {
		return err
	}
	return errors.Join(mask.commit(), slide.commit())
}

// pair is a tile of the slide and of its mask.
type pair struct {
	img   image.RGBA
	mask  []uint8 // row-major as img
	empty bool    // the mask is all zero
}

func (p *pair) reshape(r image.Rectangle) {
	n := r.Dx() * r.Dy()
	if cap(p.mask) < n {
		p.mask, p.img.Pix = make([]uint8, n), make([]uint8, 4*n)
	}
	p.mask, p.img.Pix, p.img.Stride, p.img.Rect = p.mask[:n], p.img.Pix[:4*n], 4*r.Dx(), r
}

// run draws every tile and hands it to the press.
func (p *press) run(ctx context.Context, cfg Config) error {
	defer p.stop()
	draw := newRenderer(cfg)
	pairs := sync.Pool{New: func() any { return new(pair) }}
	sheets := sync.Pool{New: func() any { return new(sheet) }}
	err := quadtree.Build(ctx, p.dz, quadtree.Ops[*pair]{
		Leaf: func(_ context.Context, t pyramid.Tile) (*pair, error) {
			out, s := pairs.Get().(*pair), sheets.Get().(*sheet)
			defer sheets.Put(s)
			out.reshape(p.dz.Grid(t.Level).Bounds(t.Col, t.Row))
			draw.draw(out.img.Rect, s)
			draw.paint(s, &out.img)
			copy(out.mask, s.cancer)
			out.empty = s.blank
			return out, nil
		},
		Shrink: func(_ pyramid.Tile, size pyramid.Size, child [2][2]*pair) (*pair, error) {
			out := pairs.Get().(*pair)
			out.reshape(size.Bounds())
			out.shrink(child)
			return out, nil
		},
		Emit:    p.emit,
		Free:    func(used *pair) { pairs.Put(used) },
		Workers: cfg.Workers,
	})
	if err != nil {
		return err
	}
	return p.close()
}

func (p *pair) shrink(child [2][2]*pair) {
	var images [2][2]*image.RGBA
	p.empty = true
	for x := range 2 {
		for y := range 2 {
			if c := child[x][y]; c != nil {
				images[x][y] = &c.img
				p.empty = p.empty && c.empty
				p.halveMask(x*tileSide/2, y*tileSide/2, c)
			}
		}
	}
	shrink.RGBA(&p.img, images, tileSide)
}

// halveMask keeps a pixel of the mask where at least two of the four below are on.
func (p *pair) halveMask(x0, y0 int, c *pair) {
	w, h := c.img.Rect.Dx(), c.img.Rect.Dy()
	for y := range (h + 1) / 2 {
		above, below := c.mask[2*y*w:][:w], c.mask[min(2*y+1, h-1)*w:][:w]
		out := p.mask[(y0+y)*p.img.Rect.Dx()+x0:]
		for x := range (w + 1) / 2 {
			right := min(2*x+1, w-1)
			n := above[2*x]&1 + above[right]&1 + below[2*x]&1 + below[right]&1
			out[x] = -(n>>1&1 | n>>2) // 255 if n is 2 to 4
		}
	}
}

// file is written under a temporary name and appears when it is whole.
type file struct {
	*os.File
	path string
}

func createFile(path string) (*file, error) {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".synth-"+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666) // less the umask
	if err != nil {
		return nil, err
	}
	return &file{f, path}, nil
}

func (f *file) commit() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), f.path)
}

// discard removes the file unless it was committed.
func (f *file) discard() {
	f.Close()
	os.Remove(f.Name())
}
