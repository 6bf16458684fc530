package stitch

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/segment"
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
	overview *overview
	packing  *packing // nil puts every tile by itself

	paintings sync.Pool // of *painting

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
	o.paintings.New = func() any { return new(painting) }
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
