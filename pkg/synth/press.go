package synth

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"iter"
	"sync"

	"github.com/gen2brain/jpegn"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// quality of the slide's JPEG tiles, and its description. The description is the slide's second face.
const (
	quality     = 82
	description = "synthetic H&E-like slide drawn by Slidemill; not tissue, not a person's; seed %d"
	maskText    = "true mask of a synthetic slide drawn by Slidemill: 255 is carcinoma; seed %d"
)

// maxAhead bounds the compressed tiles that wait for an earlier one.
const maxAhead = 24 << 20

// press compresses tiles and writes them to both files in the order of quadtree.Order, whoever makes
// them, so that equal slides are equal files. It is safe for concurrent use.
type press struct {
	dz       pyramid.DeepZoom
	first    int // the coarsest level that is written: all of it is one tile
	slide    *tiff.Writer
	mask     *tiff.Writer
	blank    []byte // a compressed mask tile of zeros
	progress func(done, total int64)

	mu    sync.Mutex
	turn  *sync.Cond
	next  func() (pyramid.Tile, bool)
	stop  func()
	due   pyramid.Tile // the tile to be written next
	held  map[pyramid.Tile]printed
	ahead int // bytes in held
	done  int64
	err   error
}

// printed is a compressed tile; both are nil on levels that are not written.
type printed struct{ slide, mask []byte }

func (p printed) size() int { return len(p.slide) + len(p.mask) }

func newPress(cfg Config, slide, mask io.WriteSeeker) (*press, error) {
	p := &press{
		dz:       pyramid.DeepZoom{Size: cfg.Size, Tile: tileSide},
		progress: cfg.Progress,
		held:     make(map[pyramid.Tile]printed),
	}
	p.turn = sync.NewCond(&p.mu)
	for p.first = p.dz.Max(); p.first > 0 && p.dz.Grid(p.first).Cells() > 1; p.first-- {
	}
	var err error
	if p.blank, err = tiff.DeflateTile(nil, make([]byte, tileSide*tileSide)); err != nil {
		return nil, err
	}
	mpp := pyramid.MPP{X: cfg.mpp(), Y: cfg.mpp(), Source: pyramid.FromFile}
	p.slide, err = p.newWriter(slide, tiff.Config{MPP: mpp, Description: fmt.Sprintf(description, cfg.Seed), Software: "slidemill"},
		tiff.LevelConfig{Samples: 3, Photometric: tiff.YCbCr, Compression: tiff.JPEG, Subsampling: [2]int{2, 2}})
	if err != nil {
		return nil, err
	}
	p.mask, err = p.newWriter(mask, tiff.Config{MPP: mpp, Description: fmt.Sprintf(maskText, cfg.Seed), Software: "slidemill"},
		tiff.LevelConfig{Samples: 1, Photometric: tiff.BlackIsZero, Compression: tiff.Deflate})
	if err != nil {
		return nil, err
	}
	p.next, p.stop = iter.Pull(quadtree.Order(p.dz))
	p.due, _ = p.next()
	return p, nil
}

// newWriter starts a file with all levels, finest first.
func (p *press) newWriter(dst io.WriteSeeker, cfg tiff.Config, level tiff.LevelConfig) (*tiff.Writer, error) {
	w, err := tiff.NewWriter(dst, cfg)
	if err != nil {
		return nil, err
	}
	for l := p.dz.Max(); l >= p.first; l-- {
		level.Size, level.Tile = p.dz.LevelSize(l), tileSide
		if _, err := w.AddLevel(level); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// emit compresses a tile and writes it when its turn comes.
func (p *press) emit(ctx context.Context, t pyramid.Tile, tile *pair) error {
	var out printed
	if t.Level >= p.first {
		var err error
		if out, err = p.print(tile); err != nil {
			return fmt.Errorf("tile %v: %w", t, err)
		}
	}
	return p.enqueue(ctx, t, out)
}

func (p *press) print(tile *pair) (out printed, err error) {
	whole := tile.padded()
	var buf bytes.Buffer
	flat := image.RGBA{Pix: whole.img.Pix, Stride: whole.img.Stride, Rect: image.Rect(0, 0, tileSide, tileSide)}
	if err := jpegn.Encode(&buf, &flat, &jpegn.EncodeOptions{Quality: quality, Subsampling: jpegn.Subsample420}); err != nil {
		return out, err
	}
	out = printed{buf.Bytes(), p.blank}
	if !tile.empty {
		out.mask, err = tiff.DeflateTile(nil, whole.mask)
	}
	return out, err
}

// padded is the tile in full size, as TIFF wants tiles at the edge: the last pixels repeat.
func (p *pair) padded() *pair {
	w, h := p.img.Rect.Dx(), p.img.Rect.Dy()
	if w == tileSide && h == tileSide {
		return p
	}
	out := new(pair)
	out.reshape(image.Rect(0, 0, tileSide, tileSide))
	for y := range tileSide {
		for x := range tileSide {
			from := min(y, h-1)*w + min(x, w-1)
			out.mask[y*tileSide+x] = p.mask[from]
			copy(out.img.Pix[4*(y*tileSide+x):][:4], p.img.Pix[4*from:])
		}
	}
	return out
}

// enqueue writes a tile if it is due, and keeps it otherwise. If too much is kept it waits, unless
// the tile is due itself: the earliest subtree is always being walked, so that somebody is due.
func (p *press) enqueue(ctx context.Context, t pyramid.Tile, out printed) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead > maxAhead {
		p.wait(ctx, t)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.held[t] = out
	p.ahead += out.size()
	p.drain()
	return p.err
}

// wait returns when there is room for the tile, or no use in waiting.
func (p *press) wait(ctx context.Context, t pyramid.Tile) {
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.turn.Broadcast()
	})()
	for p.ahead > maxAhead && t != p.due && p.err == nil && ctx.Err() == nil {
		p.turn.Wait()
	}
}

// drain writes what is due.
func (p *press) drain() {
	for p.err == nil {
		out, ok := p.held[p.due]
		if !ok {
			return
		}
		delete(p.held, p.due)
		p.ahead -= out.size()
		if p.err = p.store(p.due, out); p.err != nil {
			p.turn.Broadcast()
			return
		}
		p.due, _ = p.next()
		p.done++
		if p.progress != nil {
			p.progress(p.done, p.dz.Tiles())
		}
		p.turn.Broadcast()
	}
}

func (p *press) store(t pyramid.Tile, out printed) error {
	if out.slide == nil {
		return nil
	}
	level := p.dz.Max() - t.Level
	if err := p.slide.WriteTile(level, t.Col, t.Row, out.slide); err != nil {
		return err
	}
	return p.mask.WriteTile(level, t.Col, t.Row, out.mask)
}

// close completes both files.
func (p *press) close() error {
	if err := p.slide.Close(); err != nil {
		return err
	}
	return p.mask.Close()
}
