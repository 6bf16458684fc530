// Package quadtree builds every level of a Deep Zoom image in one depth-first pass: four tiles are
// made, their parent is shrunk from them, and their pixels are let go.
//
// # Memory
//
// A walk of one subtree holds at most four tiles per level on its path, whatever the size of the
// image. The image is cut into at most maxSubtrees subtrees, so at most that many finished roots
// wait for their parents. Budget: (workers × levels × 4 + maxSubtrees) tiles.
package quadtree

import (
	"context"
	"errors"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// maxSubtrees bounds the finished subtrees that wait for their parents; it is also the grain of the
// parallel walk, so it must exceed the number of workers by enough to keep them all busy.
const maxSubtrees = 256

// Ops says how tiles of pixels P are made. All functions but Shrink may do I/O; all are called
// concurrently for different tiles.
type Ops[P any] struct {
	// Leaf makes a tile of the full-size level. Within a subtree the calls come in depth-first
	// order, so neighbours come close together.
	Leaf func(ctx context.Context, t pyramid.Tile) (P, error)
	// Shrink makes parent t, of the given size, from its children by column and row (child[x][y]);
	// a child beyond the edge is the zero P.
	Shrink func(t pyramid.Tile, size pyramid.Size, child [2][2]P) (P, error)
	// Emit takes each finished tile once, children before parents.
	Emit func(ctx context.Context, t pyramid.Tile, p P) error
	// Free takes the pixels back once nobody needs them. It may be nil.
	Free func(p P)
	// Workers is the number of subtrees walked at once; at least 1.
	Workers int
}

// Build makes every tile of d, each exactly once. The first error stops it.
func Build[P any](ctx context.Context, d pyramid.DeepZoom, ops Ops[P]) error {
	if d.Size.Empty() || d.Tile < 1 || ops.Workers < 1 {
		return errors.New("quadtree: empty image, tile side or no workers")
	}
	b := &builder[P]{d: d, ops: ops}
	split := b.splitLevel()
	roots, err := b.subtrees(ctx, split)
	if err != nil {
		return err
	}
	last, err := b.walk(ctx, pyramid.Tile{}, split, func(_ context.Context, t pyramid.Tile) (P, error) { return roots[t], nil })
	if err == nil {
		b.free(last)
	}
	return err
}

type builder[P any] struct {
	d   pyramid.DeepZoom
	ops Ops[P]
}

// splitLevel is the finest level of at most maxSubtrees tiles.
func (b *builder[P]) splitLevel() int {
	for l := b.d.Max(); l > 0; l-- {
		if b.d.Grid(l).Cells() <= maxSubtrees {
			return l
		}
	}
	return 0
}

// subtrees walks every subtree below the level and returns the roots' pixels.
func (b *builder[P]) subtrees(ctx context.Context, level int) (map[pyramid.Tile]P, error) {
	tiles := order(b.d, level)
	made := make([]P, len(tiles))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.ops.Workers)
	for i, t := range tiles {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			made[i], err = b.walk(ctx, t, -1, nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	roots := make(map[pyramid.Tile]P, len(tiles))
	for i, t := range tiles {
		roots[t] = made[i]
	}
	return roots, nil
}

// take gives a tile of the split level that somebody else has made.
type take[P any] func(ctx context.Context, t pyramid.Tile) (P, error)

// walk makes the tile and all below it. Tiles of the split level are taken from roots instead.
func (b *builder[P]) walk(ctx context.Context, t pyramid.Tile, split int, roots take[P]) (p P, err error) {
	if t.Level == split {
		return roots(ctx, t)
	}
	if err := ctx.Err(); err != nil {
		return p, err
	}
	if t.Level == b.d.Max() {
		p, err = b.ops.Leaf(ctx, t)
	} else {
		p, err = b.parent(ctx, t, split, roots)
	}
	if err != nil {
		return p, err
	}
	return p, b.ops.Emit(ctx, t, p)
}

func (b *builder[P]) parent(ctx context.Context, t pyramid.Tile, split int, roots take[P]) (p P, err error) {
	var child [2][2]P
	var have [2][2]bool
	below := b.d.Grid(t.Level + 1)
	for y := range 2 {
		for x := range 2 {
			c := pyramid.Tile{Level: t.Level + 1, Col: 2*t.Col + x, Row: 2*t.Row + y}
			if !below.Contains(c.Col, c.Row) {
				continue
			}
			if child[x][y], err = b.walk(ctx, c, split, roots); err != nil {
				return p, err
			}
			have[x][y] = true
		}
	}
	bounds := b.d.Grid(t.Level).Bounds(t.Col, t.Row)
	p, err = b.ops.Shrink(t, pyramid.Size{W: bounds.Dx(), H: bounds.Dy()}, child)
	for y := range 2 {
		for x := range 2 {
			if have[x][y] {
				b.free(child[x][y])
			}
		}
	}
	return p, err
}

func (b *builder[P]) free(p P) {
	if b.ops.Free != nil {
		b.ops.Free(p)
	}
}

// Order yields every tile of d in the order in which Build with a single worker emits it. Several
// workers keep it within each subtree and start the subtrees in this order, so a writer that wants
// equal files from unequal runs can put their tiles back in line and wait for the earliest only.
func Order(d pyramid.DeepZoom) iter.Seq[pyramid.Tile] {
	return func(yield func(pyramid.Tile) bool) {
		split := (&builder[struct{}]{d: d}).splitLevel()
		for _, root := range order(d, split) {
			if !postOrder(d, root, d.Max(), yield) {
				return
			}
		}
		if split > 0 {
			postOrder(d, pyramid.Tile{}, split-1, yield)
		}
	}
}

// postOrder yields what lies at or below t down to the level, children before parents.
func postOrder(d pyramid.DeepZoom, t pyramid.Tile, level int, yield func(pyramid.Tile) bool) bool {
	if !d.Grid(t.Level).Contains(t.Col, t.Row) {
		return true
	}
	if t.Level < level {
		for i := range 4 {
			if !postOrder(d, pyramid.Tile{Level: t.Level + 1, Col: 2*t.Col + i%2, Row: 2*t.Row + i/2}, level, yield) {
				return false
			}
		}
	}
	return yield(t)
}

// order lists the tiles of a level depth first, so that neighbours are walked close in time.
func order(d pyramid.DeepZoom, level int) []pyramid.Tile {
	var tiles []pyramid.Tile
	var visit func(t pyramid.Tile)
	visit = func(t pyramid.Tile) {
		if !d.Grid(t.Level).Contains(t.Col, t.Row) {
			return
		}
		if t.Level == level {
			tiles = append(tiles, t)
			return
		}
		for i := range 4 {
			visit(pyramid.Tile{Level: t.Level + 1, Col: 2*t.Col + i%2, Row: 2*t.Row + i/2})
		}
	}
	visit(pyramid.Tile{})
	return tiles
}
