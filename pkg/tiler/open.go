package tiler

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
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

// OpenUnfinished reads a pyramid that may still be in the making, once its descriptor is in the store: the
// levels up to Config.EarlyLevel are there then (Config.Early). Of an unfinished pyramid the manifest holds
// only the slide's id, the level structure and the tiles' format. store.ErrNotFound: there is not even that.
func OpenUnfinished(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) (*Pyramid, error) {
	p, err := Open(ctx, bucket, id)
	if !errors.Is(err, store.ErrNotFound) {
		return p, err
	}
	keys := store.Slide(id)
	data, err := store.ReadAll(ctx, bucket, keys.PyramidDZI(), maxDescriptor)
	if err != nil {
		return nil, fmt.Errorf("open pyramid %v: %w", id, err)
	}
	d, err := parseDescriptor(data)
	if err != nil {
		return nil, fmt.Errorf("open pyramid %v: %w", id, err)
	}
	m := slide.Manifest{ID: id, Pyramid: d, Format: "jpeg"}
	return &Pyramid{manifest: m, bucket: bucket, keys: keys, cache: newCache[pyramid.Tile](DefaultCache, imageBytes)}, nil
}

// maxDescriptor is far above what Descriptor writes.
const maxDescriptor = 4096

// parseDescriptor reads what Descriptor writes, and nothing else.
func parseDescriptor(data []byte) (pyramid.DeepZoom, error) {
	var x struct {
		TileSize int `xml:"TileSize,attr"`
		Size     struct {
			Width  int `xml:"Width,attr"`
			Height int `xml:"Height,attr"`
		}
	}
	if err := xml.Unmarshal(data, &x); err != nil {
		return pyramid.DeepZoom{}, fmt.Errorf("descriptor: %w", err)
	}
	d := pyramid.DeepZoom{Size: pyramid.Size{W: x.Size.Width, H: x.Size.Height}, Tile: x.TileSize}
	if d.Size.Empty() || d.Tile < 1 || !bytes.Equal(Descriptor(d, "jpeg"), data) {
		return d, errors.New("descriptor: not one that this program writes")
	}
	return d, nil
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
	decode := codec.DecodeJPEG
	if turbo, err := codec.FindTurbo(); err == nil {
		decode = turbo.Decode
	}
	out := image.NewRGBA(r)
	return out, decode(out, data, r.Dx()*r.Dy())
}
