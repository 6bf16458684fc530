package tiler

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestEarly: when Early is called the coarse levels and the descriptor are in the bucket and the finest is
// not; afterwards the bucket holds what a cut without it writes; and an error of Early ends the cut.
func TestEarly(t *testing.T) {
	f := newFake(500, 410, 64, noise)
	_, want := cut(t, Config{Slide: f})
	id, bucket := pyramid.NewSlideID(testSum), mem.New()
	called := 0
	cfg := Config{Slide: f, Bucket: bucket, ID: id, EarlyLevel: 6, Early: func(ctx context.Context, r *Result) error {
		called++
		p, err := OpenUnfinished(ctx, bucket, id)
		if err != nil {
			return err
		}
		if _, err := p.Tile(ctx, pyramid.Tile{Level: 6}); err != nil || p.DeepZoom() != r.Pyramid || r.Overview == nil {
			t.Errorf("early: %v, %v", p.DeepZoom(), err)
		}
		if _, err := p.Tile(ctx, pyramid.Tile{Level: 9}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the finest level is there already: %v", err)
		}
		return nil
	}}
	r, err := Cut(t.Context(), cfg)
	if err != nil || called != 1 {
		t.Fatalf("called %d times, %v", called, err)
	}
	putManifest(t, bucket, f.Info(), r)
	if diff := cmp.Diff(contents(t, want), contents(t, bucket)); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("broken")
	cfg.Early = func(context.Context, *Result) error { return broken }
	if _, err := Cut(t.Context(), cfg); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestPack: an archive gets every tile once, in one order for any number of workers, with the bytes that the
// bucket would get; with Early the coarse ones go to the head before.
func TestPack(t *testing.T) {
	f := newFake(500, 410, 64, noise)
	_, want := cut(t, Config{Slide: f})
	var first []pyramid.Tile
	for _, workers := range []int{1, 3} {
		var pack, head shelf
		r, err := Cut(t.Context(), Config{Slide: f, Bucket: mem.New(), Workers: workers, Pack: &pack, Head: &head, EarlyLevel: 6,
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
