package tiler

import (
	"context"
	"errors"
	"image"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// shelf is an archive that remembers.
type shelf struct {
	order []pyramid.Tile
	data  map[string]string
}

func (s *shelf) Add(t pyramid.Tile, data []byte) error {
	if s.data == nil {
		s.data = map[string]string{}
	}
	s.order = append(s.order, t)
	s.data[t.String()] = string(data)
	return nil
}

// twoLevels is a slide that holds its level 8 of 9 too.
func twoLevels() *layered {
	return &layered{tile: 64, mpp: 1, levels: []layer{
		{size: pyramid.Size{W: 500, H: 410}, jpeg: true},
		{size: pyramid.Size{W: 250, H: 205}, shift: 1, jpeg: true},
	}}
}

// TestEarly: when Early is called the coarse levels and the descriptor are in the bucket and the finest is
// not; and an error of Early ends the cut.
func TestEarly(t *testing.T) {
	l := twoLevels()
	id, bucket := pyramid.NewSlideID(testSum), mem.New()
	called := 0
	cfg := Config{Slide: l, Bucket: bucket, ID: id, Bare: true, EarlyLevel: 6, Early: func(ctx context.Context, r *Result) error {
		called++
		p, err := OpenUnfinished(ctx, bucket, id)
		if err != nil {
			return err
		}
		if _, err := p.Tile(ctx, pyramid.Tile{Level: 6}); err != nil || p.DeepZoom() != r.Pyramid {
			t.Errorf("early: %v, %v", p.DeepZoom(), err)
		}
		if _, err := p.Tile(ctx, pyramid.Tile{Level: 9}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the finest level is there already: %v", err)
		}
		return nil
	}}
	if _, err := Cut(t.Context(), cfg); err != nil || called != 1 {
		t.Fatalf("called %d times, %v", called, err)
	}
	broken := errors.New("broken")
	cfg.Early = func(context.Context, *Result) error { return broken }
	if _, err := Cut(t.Context(), cfg); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestEarlyWouldReadTwice: where the coarse levels can only be made from the finest, every tile is read once and
// Early is not called.
func TestEarlyWouldReadTwice(t *testing.T) {
	f := newFake(500, 410, 64, noise)
	early := func(context.Context, *Result) error { return errors.New("called") }
	cut(t, Config{Slide: f, EarlyLevel: 6, Early: early})
	for at, n := range f.reads {
		if n != 1 {
			t.Errorf("native tile %v was decoded %d times", at, n)
		}
	}
	cut(t, Config{Slide: twoLevels(), EarlyLevel: 9, Early: early})
}

// TestUnscannedCountedOnce: where a tile is composed, leaves are read again, and their gaps are not new ones.
func TestUnscannedCountedOnce(t *testing.T) {
	l := twoLevels()
	l.levels[0].unscanned = map[image.Point]bool{{X: 1, Y: 1}: true, {X: 7, Y: 0}: true}
	l.levels[1].damaged = map[image.Point]bool{{}: true}
	plain, _ := cut(t, Config{Slide: l})
	if least := int64(64*64 + 52*64); plain.Unscanned < least || plain.Unscanned > least+5000 { // and holes in the noise at the edges
		t.Errorf("%d unscanned pixels, want little more than %d", plain.Unscanned, least)
	}
	early, _ := cut(t, Config{Slide: l, Early: func(context.Context, *Result) error { return nil }})
	if plain.Unscanned != early.Unscanned {
		t.Errorf("%d unscanned pixels in one pass, %d in two", plain.Unscanned, early.Unscanned)
	}
}

// TestEveryPassMakesTheSameTiles: whichever levels come first, in the bucket or in archives, with whatever damage,
// and whether anybody looks: the same bytes, the same picture to find tissue on, the same places without one.
func TestEveryPassMakesTheSameTiles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLayered(rt)
		cfg := Config{Slide: l, Tile: l.tile, Workers: rapid.IntRange(1, 3).Draw(rt, "workers"), EarlyLevel: rapid.IntRange(0, 9).Draw(rt, "early")}
		want, plain := cut(t, cfg)
		tiles := contents(t, plain)
		compare := func(what string, got any, want any) {
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Overview{}, focusMap{})); diff != "" {
				rt.Errorf("%s: %s", what, diff)
			}
		}
		var head, pack shelf
		for name, with := range map[string]Config{"early": cfg, "packed": cfg, "bare": cfg} {
			with.Bare = name == "bare"
			if name == "packed" {
				with.Head, with.Pack = &head, &pack
			}
			with.Early = func(_ context.Context, r *Result) error {
				if r.Overview != nil { // otherwise nobody looks for tissue
					compare(name+": unseen", r.Unseen, want.Unseen)
					compare(name+": overview", r.Overview, want.Overview)
				}
				return nil
			}
			got, bucket := cut(t, with)
			compare(name+": unscanned", got.Unscanned, want.Unscanned)
			compare(name+": unreadable", got.Unreadable, want.Unreadable)
			compare(name+": levels", got.Levels, want.Levels)
			all := contents(t, bucket)
			if with.Pack != nil {
				for _, t := range pack.order {
					all[store.Slide(pyramid.NewSlideID(testSum)).PyramidTile(t)] = pack.data[t.String()]
				}
			}
			compare(name, changed(tiles, all), map[string]string{})
		}
		compare("head", len(changed(pack.data, head.data)), 0)
	})
}

// changed are the objects of got that are others in want.
func changed(want, got map[string]string) map[string]string {
	got = maps.Clone(got)
	maps.DeleteFunc(got, func(key, data string) bool { return want[key] == data })
	return got
}

// TestPack: an archive gets every tile once, in one order for any number of workers, with the bytes that the
// bucket would get; with Early the coarse ones go to the head before.
func TestPack(t *testing.T) {
	l := twoLevels()
	_, want := cut(t, Config{Slide: l})
	var first []pyramid.Tile
	for _, workers := range []int{1, 3} {
		var pack, head shelf
		r, err := Cut(t.Context(), Config{Slide: l, Bucket: mem.New(), Workers: workers, Pack: &pack, Head: &head, Bare: true, EarlyLevel: 6,
			Early: func(context.Context, *Result) error {
				if len(head.order) == 0 || len(pack.order) != 0 {
					t.Errorf("early: %d tiles in the head, %d in the archive", len(head.order), len(pack.order))
				}
				return nil
			}})
		if err != nil || r.Tiles() != r.Pyramid.Tiles() || int64(len(pack.order)) != r.Tiles() {
			t.Fatalf("%d tiles of %d, %v", len(pack.order), r.Pyramid.Tiles(), err)
		}
		if first == nil {
			first = pack.order
		}
		if !slices.Equal(first, pack.order) {
			t.Errorf("%d workers: another order", workers)
		}
		keys := store.Slide(pyramid.NewSlideID(testSum))
		for _, tile := range pack.order {
			if string(object(t, want, keys.PyramidTile(tile))) != pack.data[tile.String()] {
				t.Errorf("tile %v differs", tile)
			}
		}
	}
}

// TestPackedNeighbours: in an archive the tiles of a square of one level lie side by side, also where the square is cut at an
// edge: 16 of the finest level of every three, 4 of the one above it, and 16 of the level that is read most, whichever it is. The
// order is a function of the slide alone.
func TestPackedNeighbours(t *testing.T) {
	top := 11 // of 1344 pixels
	for mpp, sides := range map[float64]map[int]int{
		0:    {top: 4, top - 1: 2, top - 2: 1, top - 3: 4, top - 4: 2}, // not known
		1:    {top: 4, top - 1: 2, top - 2: 1, top - 3: 4, top - 4: 2},
		0.5:  {top: 4, top - 1: 4, top - 2: 2, top - 3: 1, top - 4: 4},
		0.25: {top: 4, top - 1: 2, top - 2: 4, top - 3: 2},
		0.13: {top: 4, top - 1: 2, top - 3: 4, top - 4: 2},
		0.07: {top: 4, top - 1: 2, top - 4: 4, top - 5: 2},
	} {
		slide := newFake(64*21, 64*10, 64, smooth)
		slide.mpp = mpp
		var first []pyramid.Tile
		for workers, early := range map[int]int{1: 0, 3: top - 1} {
			var pack shelf
			r, err := Cut(t.Context(), Config{Slide: slide, Bucket: mem.New(), Workers: workers, Pack: &pack, Bare: true, EarlyLevel: early})
			if err != nil || r.Pyramid.Max() != top || int64(len(pack.order)) != r.Pyramid.Tiles() {
				t.Fatalf("top %d, %d tiles of %d, %v", r.Pyramid.Max(), len(pack.order), r.Pyramid.Tiles(), err)
			}
			for level, side := range sides {
				if square, ok := torn(pack.order, level, side); ok {
					t.Errorf("%g µm: square %v of level %d lies in pieces", mpp, square, level)
				}
			}
			if first == nil {
				first = pack.order
			}
			if !slices.Equal(first, pack.order) {
				t.Errorf("%g µm, %d workers, early level %d: another order", mpp, workers, early)
			}
		}
	}
}

// torn gives a square of tiles of a level that do not lie side by side, if there is one.
func torn(order []pyramid.Tile, level, side int) (square image.Point, ok bool) {
	first, last, count := map[image.Point]int{}, map[image.Point]int{}, map[image.Point]int{}
	for i, tile := range order {
		if tile.Level != level {
			continue
		}
		square := image.Pt(tile.Col/side, tile.Row/side)
		if count[square] == 0 {
			first[square] = i
		}
		last[square] = i
		count[square]++
	}
	for square, n := range count {
		if last[square]-first[square] != n-1 {
			return square, true
		}
	}
	return square, len(count) == 0
}
