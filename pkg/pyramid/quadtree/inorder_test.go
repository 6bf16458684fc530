package quadtree

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// inOrder builds with pixels that are the number of leaves below, and gives the tiles in the order in
// which a caller that holds back each piece until it is done would write them.
func inOrder(t *rapid.T, d pyramid.DeepZoom, workers int, cut Pieces) []pyramid.Tile {
	var mu sync.Mutex
	var written []pyramid.Tile
	var alive atomic.Int64
	held := map[pyramid.Tile][]pyramid.Tile{}
	split := cut.Level(d)
	cut.Done = func(_ context.Context, root pyramid.Tile) error {
		mu.Lock()
		defer mu.Unlock()
		written = append(written, held[root]...)
		delete(held, root)
		return nil
	}
	err := InOrder(context.Background(), d, Ops[int]{
		Leaf: func(context.Context, pyramid.Tile) (int, error) { alive.Add(1); return 1, nil },
		Shrink: func(_ pyramid.Tile, _ pyramid.Size, child [2][2]int) (int, error) {
			alive.Add(1)
			return child[0][0] + child[0][1] + child[1][0] + child[1][1], nil
		},
		Emit: func(_ context.Context, at pyramid.Tile, n int) error {
			mu.Lock()
			defer mu.Unlock()
			if at.Level == 0 && n != d.Grid(d.Max()).Cells() {
				t.Errorf("the root stands for %d leaves of %d", n, d.Grid(d.Max()).Cells())
			}
			if at.Level < split {
				written = append(written, at)
				return nil
			}
			up := at.Level - split
			root := pyramid.Tile{Level: split, Col: at.Col >> up, Row: at.Row >> up}
			held[root] = append(held[root], at)
			return nil
		},
		Free:    func(int) { alive.Add(-1) },
		Workers: workers,
	}, cut)
	if err != nil {
		t.Fatal(err)
	}
	if n := alive.Load(); n != 0 || len(held) != 0 {
		t.Errorf("%d tiles were never freed, %d pieces never done", n, len(held))
	}
	return written
}

// TestInOrder: every tile of the wanted levels comes once, in post-order, whatever the workers and pieces.
func TestInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeepZoom(t)
		top := rapid.IntRange(0, d.Max()).Draw(t, "top")
		var want []pyramid.Tile
		postOrder(d, pyramid.Tile{}, d.Max(), func(at pyramid.Tile) bool {
			if at.Level >= top {
				want = append(want, at)
			}
			return true
		})
		for _, workers := range []int{1, 3} {
			cut := Pieces{Top: top, Depth: rapid.IntRange(0, 3).Draw(t, "depth")}
			if diff := cmp.Diff(want, inOrder(t, d, workers, cut)); diff != "" {
				t.Fatalf("%d workers, %+v: %s", workers, cut, diff)
			}
		}
	})
}

// TestInOrderMemory: however large the image, no more tiles are alive than the pieces ahead hold.
func TestInOrderMemory(t *testing.T) {
	var peaks []int64
	for _, side := range []int{300, 2400} {
		d := pyramid.DeepZoom{Size: pyramid.Size{W: side, H: side}, Tile: 4}
		var alive, most atomic.Int64
		grab := func() (int, error) {
			if n := alive.Add(1); n > most.Load() {
				most.Store(n)
			}
			return 0, nil
		}
		err := InOrder(t.Context(), d, Ops[int]{
			Leaf:    func(context.Context, pyramid.Tile) (int, error) { return grab() },
			Shrink:  func(pyramid.Tile, pyramid.Size, [2][2]int) (int, error) { return grab() },
			Emit:    func(context.Context, pyramid.Tile, int) error { return nil },
			Free:    func(int) { alive.Add(-1) },
			Workers: 2,
		}, Pieces{})
		if err != nil {
			t.Fatal(err)
		}
		peaks = append(peaks, most.Load())
	}
	const workers, path = 2, 4 * 13
	if limit := int64(workers*(aheadPerWorker+2) + (workers+1)*path); slices.Max(peaks) > limit {
		t.Errorf("tiles alive at most %v, want at most %d", peaks, limit)
	}
}

func TestInOrderStopsAtTheFirstError(t *testing.T) {
	d := pyramid.DeepZoom{Size: pyramid.Size{W: 500, H: 500}, Tile: 4}
	broken := errors.New("broken")
	for _, at := range []string{"leaf", "emit", "done"} {
		fail := func(stage string, tile pyramid.Tile) error {
			if stage == at && tile.Col == 7 && tile.Row == 9 {
				return broken
			}
			return nil
		}
		err := InOrder(t.Context(), d, Ops[int]{
			Leaf:    func(_ context.Context, tile pyramid.Tile) (int, error) { return 0, fail("leaf", tile) },
			Shrink:  func(pyramid.Tile, pyramid.Size, [2][2]int) (int, error) { return 0, nil },
			Emit:    func(_ context.Context, tile pyramid.Tile, _ int) error { return fail("emit", tile) },
			Workers: 3,
		}, Pieces{Done: func(_ context.Context, root pyramid.Tile) error { return fail("done", root) }})
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, cut := range []Pieces{{Top: -1}, {Top: 99}, {Depth: -1}} {
		if err := InOrder(t.Context(), d, Ops[int]{Workers: 1}, cut); err == nil {
			t.Errorf("%+v: no error", cut)
		}
	}
}
