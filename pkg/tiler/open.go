package tiler

import (
	"context"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/store"
)

// DefaultCache is the memory of a Pyramid for decoded tiles: the tiles under a canvas of 1280 model
// pixels at the worst ratio (33 MB), three times over, so that neighbouring regions share halos.
const DefaultCache = 96 << 20

// Pyramid reads a pyramid from the store. It is safe for concurrent use; everybody who works on a
// slide should share one, and with it the cache.
//
// # Memory
//
// Decoded tiles up to the cache's budget, and what the running calls hold: a row of tiles for each
// Canvas.
type Pyramid struct {
	manifest slide.Manifest
	bucket   store.Bucket
	keys     store.SlideKeys
	cache    *cache[pyramid.Tile, *image.RGBA]
}

// Open reads the manifest of a slide. A slide without one is store.ErrNotFound: it was never cut, or
// the cut has not finished.
func Open(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) (*Pyramid, error) {
	keys := store.Slide(id)
	data, err := store.ReadAll(ctx, bucket, keys.Manifest(), slide.MaxManifest)
	if err != nil {
		return nil, fmt.Errorf("open pyramid %v: %w", id, err)
	}
	m, err := slide.DecodeManifest(data)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open pyramid %v: %w", id, err)
	case m.ID != id:
		return nil, fmt.Errorf("open pyramid %v: its manifest is that of %v", id, m.ID)
	case m.Format != "jpeg":
		return nil, fmt.Errorf("open pyramid %v: tiles are %q, this program reads jpeg", id, m.Format)
	}
	return &Pyramid{manifest: m, bucket: bucket, keys: keys, cache: newCache[pyramid.Tile](DefaultCache, imageBytes)}, nil
}

// Manifest is the slide's manifest.
func (p *Pyramid) Manifest() slide.Manifest { return p.manifest }

// DeepZoom is the level structure.
func (p *Pyramid) DeepZoom() pyramid.DeepZoom { return p.manifest.Pyramid }

// Tile returns a decoded tile, whose bounds are its rectangle in pixels of its level. It is shared:
// callers must not change it. A tile that is missing or damaged is an error that names it, never an
// empty picture.
func (p *Pyramid) Tile(ctx context.Context, t pyramid.Tile) (*image.RGBA, error) {
	d := p.DeepZoom()
	if t.Level < 0 || t.Level > d.Max() || !d.Grid(t.Level).Contains(t.Col, t.Row) {
		return nil, fmt.Errorf("slide %v tile %v: not on the pyramid", p.manifest.ID, t)
	}
	return p.cache.get(ctx, t, func(ctx context.Context) (*image.RGBA, error) {
		img, err := p.load(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("slide %v tile %v: %w", p.manifest.ID, t, err)
		}
		return img, nil
	})
}

// maxTileBytes bounds a compressed tile: what its pixels take uncompressed, and a header.
func maxTileBytes(r image.Rectangle) int64 { return 4*int64(r.Dx())*int64(r.Dy()) + 64<<10 }

func (p *Pyramid) load(ctx context.Context, t pyramid.Tile) (*image.RGBA, error) {
	r := p.DeepZoom().Grid(t.Level).Bounds(t.Col, t.Row)
	data, err := store.ReadAll(ctx, p.bucket, p.keys.PyramidTile(t), maxTileBytes(r))
	if err != nil {
		return nil, err
	}
	return decodeTile(data, r)
}

// decodeTile decodes with the slide's own decoder: a damaged scan is an error, not invented pixels, and
// the pixels are the same on every machine.
func decodeTile(data []byte, r image.Rectangle) (*image.RGBA, error) {
	size, err := codec.JPEGSize(data)
	if err != nil {
		return nil, err
	}
	if size != r.Size() {
		return nil, fmt.Errorf("is %dx%d pixels, want %dx%d", size.X, size.Y, r.Dx(), r.Dy())
	}
	out := image.NewRGBA(r)
	return out, codec.DecodeJPEG(out, data, r.Dx()*r.Dy())
}
