package quadtree

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Pieces says how InOrder cuts an image into subtrees. The zero value works.
type Pieces struct {
	// Top is the coarsest level that is made; there, tiles have no parents. 0 makes all levels.
	Top int
	// Depth is the number of levels below a piece's root; 0 takes 2. Deeper pieces make fewer hand-overs and
	// hold more.
	Depth int
	// Done is told, in order and never concurrently, that a piece is made: root and all below it have been
	// emitted. Tiles above the pieces are emitted by the same goroutine, each once all below it are
	// done, so that a caller that holds back each piece's tiles until then writes all tiles in post-order
	// (children before parents, by column first), however many workers there are. It may be nil.
	Done func(ctx context.Context, root pyramid.Tile) error
}

// Level is the level of the pieces' roots in an image.
func (c Pieces) Level(d pyramid.DeepZoom) int {
	depth := c.Depth
	if depth == 0 {
		depth = defaultDepth
	}
	return max(c.Top, d.Max()-depth)
}

// defaultDepth gives pieces of 21 tiles: a twentieth of the tiles is left to the one goroutine that joins.
const defaultDepth = 2

// InOrder is Build without a walk of the whole image: small pieces are made by ops.Workers lanes, a few
// pieces ahead of one goroutine that takes them in order and makes the levels above them.
//
// # Memory
//
// The pieces ahead (aheadPerWorker for each lane), a lane's path through its piece (four tiles per level)
// and the joiner's path to the top. It does not depend on the size of the image.
func InOrder[P any](ctx context.Context, d pyramid.DeepZoom, ops Ops[P], cut Pieces) error {
	if d.Size.Empty() || d.Tile < 1 || ops.Workers < 1 {
		return errors.New("quadtree: empty image, tile side or no workers")
	}
	if cut.Top < 0 || cut.Top > d.Max() || cut.Depth < 0 {
		return fmt.Errorf("quadtree: top %d, depth %d of an image of %d levels", cut.Top, cut.Depth, d.Max()+1)
	}
	j := &joiner[P]{
		builder: builder[P]{d: d, ops: ops}, cut: cut, split: cut.Level(d),
		ahead: make(chan *piece[P], aheadPerWorker*ops.Workers),
		work:  make(chan *piece[P]),
	}
	return j.run(ctx)
}

// aheadPerWorker keeps lanes busy when one piece takes longer than the next.
const aheadPerWorker = 2

// piece is a subtree on its way from a lane to the joiner.
type piece[P any] struct {
	root pyramid.Tile
	made chan P // holds the root's pixels once
}

type joiner[P any] struct {
	builder[P]
	cut   Pieces
	split int            // level of the pieces' roots
	ahead chan *piece[P] // in order, for the joiner
	work  chan *piece[P] // the same pieces, for the lanes
}

func (j *joiner[P]) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return j.plan(ctx) })
	for range j.ops.Workers {
		group.Go(func() error { return j.lane(ctx) })
	}
	group.Go(func() error { return j.join(ctx) })
	return group.Wait()
}

// plan lists the pieces in order, only as far ahead as the joiner allows.
func (j *joiner[P]) plan(ctx context.Context) error {
	defer close(j.work)
	for root := range j.roots(j.split) {
		p := &piece[P]{root: root, made: make(chan P, 1)}
		for _, queue := range []chan *piece[P]{j.ahead, j.work} {
			select {
			case queue <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// roots yields the tiles of a level in the order of a depth-first walk.
func (j *joiner[P]) roots(level int) func(yield func(pyramid.Tile) bool) {
	return func(yield func(pyramid.Tile) bool) {
		postOrder(j.d, pyramid.Tile{}, level, func(t pyramid.Tile) bool {
			return t.Level != level || yield(t)
		})
	}
}

func (j *joiner[P]) lane(ctx context.Context) error {
	for p := range j.work {
		made, err := j.walk(ctx, p.root, -1, nil)
		if err != nil {
			return err
		}
		p.made <- made
	}
	return ctx.Err()
}

// join makes the tiles above the pieces, waiting for each piece in its turn.
func (j *joiner[P]) join(ctx context.Context) error {
	for top := range j.roots(j.cut.Top) {
		made, err := j.walk(ctx, top, j.split, j.next)
		if err != nil {
			return err
		}
		j.free(made)
	}
	return nil
}

// next is the next piece's root, which is t.
func (j *joiner[P]) next(ctx context.Context, t pyramid.Tile) (made P, err error) {
	var p *piece[P]
	select {
	case p = <-j.ahead:
	case <-ctx.Done():
		return made, ctx.Err()
	}
	select {
	case made = <-p.made:
	case <-ctx.Done():
		return made, ctx.Err()
	}
	if p.root != t {
		panic(fmt.Sprintf("quadtree: piece %v where %v belongs", p.root, t))
	}
	if j.cut.Done != nil {
		err = j.cut.Done(ctx, t)
	}
	return made, err
}
