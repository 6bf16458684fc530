package stitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// overlays builds the probability pyramid and the overlay in one pass over the regions. Every tile is
// written, the empty ones too: a viewer on static storage must not see errors for glass.
//
// # Memory
//
// The walk's budget of quadtree (two planes of 64 kB per tile: 128 kB × (8 × levels × workers + 256),
// 50 MB for the largest slides, and less where tiles are packed), the cache of regions, and per worker the
// encoder's buffers; what packing states.
type overlays struct {
	regions  *regions
	tissue   *segment.TissueMap
	deepZoom pyramid.DeepZoom
	palette  *palette
	cache    *cache
	pool     *rasterPool
	png      *pngEncoder
	blanks   sync.Map // encoded empty tiles by size: a handful
	colours  sync.Pool
	overview *overview
	packing  *packing // nil puts every tile by itself

	probability, overlay tally
	done                 atomic.Int64
	progress             func(done int64)
}

func newOverlays(r *regions, tissue *segment.TissueMap, progress func(done int64)) *overlays {
	d := pyramid.DeepZoom{Size: r.plan.Frame.Size, Tile: overlayTile}
	o := &overlays{
		regions: r, tissue: tissue, deepZoom: d,
		palette: newPalette(cutOf(r.plan.Parameters.Threshold)),
		cache:   newCache(r, cacheBytes), pool: newRasterPool(), png: newPNGEncoder(),
		overview: newOverview(d), progress: progress,
	}
	o.colours.New = func() any { return new([]uint8) }
	return o
}

// build writes all tiles of both pyramids.
func (o *overlays) build(ctx context.Context) error {
	ops := quadtree.Ops[*raster]{
		Leaf:    o.leaf,
		Shrink:  o.shrink,
		Emit:    o.emit,
		Free:    o.pool.free,
		Workers: o.regions.workers,
	}
	if o.packing == nil {
		return quadtree.Build(ctx, o.deepZoom, ops)
	}
	return quadtree.InOrder(ctx, o.deepZoom, ops, quadtree.Pieces{Done: o.packing.flush})
}

// pack writes all tiles of each pyramid into an archive. On an error nothing of it is left.
func (o *overlays) pack(ctx context.Context, open Pack) (err error) {
	if o.packing, err = newPacking(ctx, open, o.regions.keys, o.deepZoom); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.packing.abort()) }()
	if err := o.build(ctx); err != nil {
		return err
	}
	return o.packing.commit()
}

func (o *overlays) leaf(ctx context.Context, t pyramid.Tile) (*raster, error) {
	bounds := o.deepZoom.Grid(t.Level).Bounds(t.Col, t.Row)
	r := o.pool.make(pyramid.Size{W: bounds.Dx(), H: bounds.Dy()})
	grid := o.regions.plan.Grid()
	cells := grid.Cover(bounds)
	for row := cells.Min.Y; row < cells.Max.Y; row++ {
		for col := cells.Min.X; col < cells.Max.X; col++ {
			at := pyramid.Region{Col: col, Row: row}
			if !o.regions.planned[at] {
				continue
			}
			err := o.cache.look(ctx, at, func(m *segment.RegionMap) { r.draw(bounds, m, grid.Bounds(col, row)) })
			if err != nil {
				o.pool.free(r)
				return nil, err
			}
		}
	}
	o.hatch(r, bounds)
	if r.blank() {
		o.pool.free(r)
		return nil, nil
	}
	return r, nil
}

// hatch marks every cell of the tissue map that was not analysed with the reason, tissue outside the plan
// included, and those that look like nothing in training.
func (o *overlays) hatch(r *raster, bounds image.Rectangle) {
	const n = segment.TissueCell
	for y := bounds.Min.Y / n * n; y < bounds.Max.Y; y += n {
		for x := bounds.Min.X / n * n; x < bounds.Max.X; x += n {
			cell := image.Rect(x, y, x+n, y+n)
			switch class := o.tissue.At(x, y); class {
			case segment.Glass:
			case segment.Tissue:
				if uncovered(o.regions.plan, o.regions.planned, cell) > 0 {
					r.hatch(bounds, cell, because(class))
				}
				if o.regions.unlike != nil && o.regions.unlike.at(x, y) {
					r.hatch(bounds, cell, doubt)
				}
			default:
				r.hatch(bounds, cell, because(class))
			}
		}
	}
}

func (o *overlays) shrink(_ pyramid.Tile, size pyramid.Size, child [2][2]*raster) (*raster, error) {
	var parent *raster
	for x := range 2 {
		for y := range 2 {
			if child[x][y] == nil {
				continue
			}
			if parent == nil {
				parent = o.pool.make(size)
			}
			parent.shrink(child[x][y], x*overlayTile/2, y*overlayTile/2)
		}
	}
	return parent, nil
}

func (o *overlays) emit(ctx context.Context, t pyramid.Tile, r *raster) error {
	bounds := o.deepZoom.Grid(t.Level).Bounds(t.Col, t.Row)
	o.overview.take(t.Level, bounds, r)
	probability, overlay, err := o.encode(bounds, r)
	if err != nil {
		return fmt.Errorf("encode tile %v: %w", t, err)
	}
	if err := o.store(ctx, encoded{t, probability, overlay}); err != nil {
		return err
	}
	o.progress(o.done.Add(1))
	return nil
}

// store counts a place's tiles and puts or packs them; what is promised of them is the same either way.
func (o *overlays) store(ctx context.Context, e encoded) error {
	keys := o.regions.keys
	probability, overlay := keys.ProbabilityTile(e.tile), keys.OverlayTile(e.tile)
	o.probability.add(o.name(probability), e.probability)
	o.overlay.add(o.name(overlay), e.overlay)
	if o.packing != nil {
		return o.packing.take(e)
	}
	if err := o.put(ctx, probability, e.probability); err != nil {
		return err
	}
	return o.put(ctx, overlay, e.overlay)
}

func (o *overlays) put(ctx context.Context, key string, data []byte) error {
	if err := o.regions.bucket.Put(ctx, key, bytes.NewReader(data), int64(len(data))); err != nil {
		return fmt.Errorf("put %s: %w", o.name(key), err)
	}
	return nil
}

// name is a key below the run.
func (o *overlays) name(key string) string { return key[len(o.regions.keys.Prefix()):] }

func (o *overlays) encode(bounds image.Rectangle, r *raster) (probability, overlay []byte, err error) {
	size := pyramid.Size{W: bounds.Dx(), H: bounds.Dy()}
	if r == nil {
		return o.blank(size)
	}
	if probability, err = o.tile(size, pngGrey, r.probability); err != nil {
		return nil, nil, err
	}
	buf := o.colours.Get().(*[]uint8)
	defer o.colours.Put(buf)
	*buf = r.colour(o.palette, bounds.Min, *buf)
	overlay, err = o.tile(size, pngRGBA, *buf)
	return probability, overlay, err
}

// tile encodes pixels; where there is nothing in them, it is the empty tile.
func (o *overlays) tile(size pyramid.Size, colour byte, pixels []uint8) ([]byte, error) {
	if !blank(pixels) {
		return o.png.encode(size, colour, pixels)
	}
	probability, overlay, err := o.blank(size)
	if colour == pngGrey {
		return probability, err
	}
	return overlay, err
}

// blank gives the encoded empty tiles of a size, made once.
func (o *overlays) blank(size pyramid.Size) (probability, overlay []byte, err error) {
	type pair struct{ probability, overlay []byte }
	if p, ok := o.blanks.Load(size); ok {
		return p.(pair).probability, p.(pair).overlay, nil
	}
	empty := make([]uint8, 4*size.W*size.H)
	var p pair
	if p.probability, err = o.png.encode(size, pngGrey, empty[:size.W*size.H]); err != nil {
		return nil, nil, err
	}
	if p.overlay, err = o.png.encode(size, pngRGBA, empty); err != nil {
		return nil, nil, err
	}
	o.blanks.Store(size, p)
	return p.probability, p.overlay, nil
}

// descriptor is the Deep Zoom manifest of PNG tiles without overlap.
func descriptor(d pyramid.DeepZoom) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="png" Overlap="0" TileSize="%d"><Size Width="%d" Height="%d"/></Image>
`, d.Tile, d.Size.W, d.Size.H)
}

// descriptors puts both manifests.
func (o *overlays) descriptors(ctx context.Context, s *shelf, keys store.RunKeys) error {
	for _, key := range []string{keys.ProbabilityDZI(), keys.OverlayDZI()} {
		if err := s.put(ctx, key, descriptor(o.deepZoom)); err != nil {
			return err
		}
	}
	return nil
}
