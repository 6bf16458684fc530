package quadtree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func drawDeepZoom(t *rapid.T) pyramid.DeepZoom {
	side := rapid.IntRange(1, 90)
	return pyramid.DeepZoom{
		Size: pyramid.Size{W: side.Draw(t, "w"), H: side.Draw(t, "h")},
		Tile: rapid.IntRange(1, 20).Draw(t, "tile"),
	}
}

// record builds with pixels that are the number of leaves below, and notes the order of tiles.
func record(t *rapid.T, d pyramid.DeepZoom, workers int) []pyramid.Tile {
	var mu sync.Mutex
	var emitted []pyramid.Tile
	var alive atomic.Int64
	err := Build(context.Background(), d, Ops[*int]{
		Leaf: func(context.Context, pyramid.Tile) (*int, error) {
			alive.Add(1)
			one := 1
			return &one, nil
		},
		Shrink: func(at pyramid.Tile, size pyramid.Size, child [2][2]*int) (*int, error) {
			if b := d.Grid(at.Level).Bounds(at.Col, at.Row); size != (pyramid.Size{W: b.Dx(), H: b.Dy()}) {
				t.Errorf("tile %v is to be %v", at, size)
			}
			alive.Add(1)
			sum := 0
			for x := range 2 {
				for y := range 2 {
					there := d.Grid(at.Level+1).Contains(2*at.Col+x, 2*at.Row+y)
					if there != (child[x][y] != nil) {
						t.Fatalf("tile %v child %d,%d", at, x, y)
					}
					if there {
						sum += *child[x][y]
					}
				}
			}
			return &sum, nil
		},
		Emit: func(_ context.Context, at pyramid.Tile, p *int) error {
			mu.Lock()
			defer mu.Unlock()
			emitted = append(emitted, at)
			if at.Level == 0 && *p != d.Grid(d.Max()).Cells() {
				t.Errorf("the root stands for %d leaves of %d", *p, d.Grid(d.Max()).Cells())
			}
			return nil
		},
		Free:    func(*int) { alive.Add(-1) },
		Workers: workers,
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := alive.Load(); n != 0 {
		t.Errorf("%d tiles were never freed", n)
	}
	return emitted
}

// TestBuild: every tile is made once, from its children, freed once, and in Order for one worker.
func TestBuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeepZoom(t)
		order := slices.Collect(Order(d))
		if diff := cmp.Diff(order, record(t, d, 1)); diff != "" {
			t.Fatal(diff)
		}
		if int64(len(order)) != d.Tiles() {
			t.Fatalf("%d tiles in order, the pyramid has %d", len(order), d.Tiles())
		}
		seen := make(map[pyramid.Tile]bool)
		for _, at := range record(t, d, 4) {
			if seen[at] {
				t.Fatalf("tile %v came twice", at)
			}
			seen[at] = true
		}
		if len(seen) != len(order) {
			t.Fatalf("%d tiles of %d", len(seen), len(order))
		}
	})
}

// TestOrderStops: a caller may leave the loop at any tile.
func TestOrderStops(t *testing.T) {
	d := pyramid.DeepZoom{Size: pyramid.Size{W: 100, H: 70}, Tile: 8}
	for want := range int(d.Tiles()) {
		n := 0
		for range Order(d) {
			if n++; n > want {
				break
			}
		}
		if n != want+1 {
			t.Fatalf("left after %d tiles, want %d", n, want+1)
		}
	}
}

// TestMemory: however large the image, the walk holds no more tiles than the budget says.
func TestMemory(t *testing.T) {
	for _, side := range []int{300, 1200} {
		d := pyramid.DeepZoom{Size: pyramid.Size{W: side, H: side}, Tile: 4}
		var alive, most atomic.Int64
		grab := func() int {
			if n := alive.Add(1); n > most.Load() {
				most.Store(n)
			}
			return 0
		}
		err := Build(t.Context(), d, Ops[int]{
			Leaf:    func(context.Context, pyramid.Tile) (int, error) { return grab(), nil },
			Shrink:  func(pyramid.Tile, pyramid.Size, [2][2]int) (int, error) { return grab(), nil },
			Emit:    func(context.Context, pyramid.Tile, int) error { return nil },
			Free:    func(int) { alive.Add(-1) },
			Workers: 2,
		})
		if budget := int64(2*4*(d.Max()+1) + maxSubtrees); err != nil || most.Load() > budget {
			t.Errorf("%d pixels a side: %d tiles at once, budget %d, %v", side, most.Load(), budget, err)
		}
	}
}

func TestBuildStopsAtTheFirstError(t *testing.T) {
	d := pyramid.DeepZoom{Size: pyramid.Size{W: 500, H: 500}, Tile: 4}
	broken := errors.New("broken")
	for _, at := range []string{"leaf", "shrink", "emit"} {
		fail := func(stage string, tile pyramid.Tile) error {
			if stage == at && (tile.Level < 3 || tile.Col == 7 && tile.Row == 9) {
				return fmt.Errorf("tile %v: %w", tile, broken)
			}
			return nil
		}
		err := Build(t.Context(), d, Ops[int]{
			Leaf:    func(_ context.Context, tile pyramid.Tile) (int, error) { return 0, fail("leaf", tile) },
			Shrink:  func(tile pyramid.Tile, _ pyramid.Size, _ [2][2]int) (int, error) { return 0, fail("shrink", tile) },
			Emit:    func(_ context.Context, tile pyramid.Tile, _ int) error { return fail("emit", tile) },
			Workers: 3,
		})
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", at, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Build(ctx, d, Ops[int]{Leaf: func(context.Context, pyramid.Tile) (int, error) { return 0, nil }, Workers: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, d := range map[string]pyramid.DeepZoom{"empty": {Tile: 4}, "no tile": {Size: pyramid.Size{W: 1, H: 1}}} {
		if err := Build(t.Context(), d, Ops[int]{Workers: 1}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
