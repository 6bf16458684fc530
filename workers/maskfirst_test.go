package workers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/pkg/synth"
	"github.com/slidemill/slidemill/workers"
)

// levelled is a slide that holds its coarser levels too, at 0.25 µm a pixel: the model's scale is two levels up.
func levelled(t *testing.T) (path string, finest int) {
	t.Helper()
	size := pyramid.Size{W: 2100, H: 1500}
	path = filepath.Join(t.TempDir(), "levelled.tiff")
	if err := synth.Write(t.Context(), synth.Config{Path: path, Size: size, Seed: 3, MPP: 0.25}); err != nil {
		t.Fatal(err)
	}
	return path, pyramid.DeepZoom{Size: size, Tile: 256}.Max()
}

// gate is a bucket that lets the slide's finest tiles in, and its archive's end, only when the first region has
// come.
type gate struct {
	store.Bucket
	finest int
	once   sync.Once
	region chan struct{}
}

func (g *gate) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	ref, err := store.Parse(key)
	switch {
	case err != nil:
	case ref.Kind == store.Region:
		g.once.Do(func() { close(g.region) })
	case ref.Kind == store.PyramidArchive:
		r = &heldEnd{r, func() error { return g.wait(ctx) }}
	case ref.Kind == store.PyramidTile && ref.Tile.Level == g.finest:
		if err := g.wait(ctx); err != nil {
			return err
		}
	}
	return g.Bucket.Put(ctx, key, r, size)
}

func (g *gate) wait(ctx context.Context) error {
	select {
	case <-g.region:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// heldEnd is a stream that ends only when wait returns.
type heldEnd struct {
	io.Reader
	wait func() error
}

func (h *heldEnd) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err == io.EOF {
		if waitErr := h.wait(); waitErr != nil {
			return n, waitErr
		}
	}
	return n, err
}

// TestMaskDoesNotWaitForThePyramid: regions are computed before the finest level is in the store, as tiles or in
// an archive, and the run ends in the bytes of one that waited.
func TestMaskDoesNotWaitForThePyramid(t *testing.T) {
	m := tinyModel(t)
	path, finest := levelled(t)
	p := segment.Parameters{Region: 128, Threshold: 0.3}
	waited := memstore.New()
	o, want, err := newSiteOf(t, m, waited, 2, func(w *workers.Tile) { w.PyramidFirst = true }).run(path, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range []bool{false, true} {
		inner := memstore.New()
		archives := szi.New(&gate{Bucket: inner, finest: finest, region: make(chan struct{})})
		archives.Pack = pack
		_, got, err := newSite(t, m, archives, 2).run(path, p)
		if err != nil {
			t.Fatalf("packed %v: %v", pack, err)
		}
		if got.SHA256 != want.SHA256 || *got.Areas != *want.Areas {
			t.Errorf("packed %v: sums %+v, want %+v", pack, got.SHA256, want.SHA256)
		}
		for key, data := range objects(t, waited) {
			ref, err := store.Parse(key)
			if err != nil || ref.Kind.Format() == "" && ref.Kind != store.Region { // tiles of all three pyramids
				continue
			}
			if _, err := inner.Stat(t.Context(), key); errors.Is(err, store.ErrNotFound) != (pack && ref.Kind != store.Region) {
				t.Fatalf("packed %v: %s by itself: %v", pack, key, err)
			}
			if have, err := store.ReadAll(t.Context(), archives, key, 1<<24); err != nil || !bytes.Equal(have, data) {
				t.Fatalf("packed %v: %s has other bytes: %v", pack, key, err)
			}
		}
		if _, err := inner.Stat(t.Context(), store.Slide(o.Slide).PyramidHead()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("packed %v: the archive of coarse levels is left: %v", pack, err)
		}
	}
}

// wreck is a bucket that takes none of the finest tiles, once every region is there.
type wreck struct {
	gate
	mu      sync.Mutex
	regions int
	all     chan struct{}
	want    int
}

func (w *wreck) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	ref, err := store.Parse(key)
	if err == nil && ref.Kind == store.PyramidTile && ref.Tile.Level == w.finest {
		select {
		case <-w.all:
			return &workers.Permanent{Err: errors.New("the finest level cannot be kept")}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	putErr := w.Bucket.Put(ctx, key, r, size)
	if err == nil && ref.Kind == store.Region {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.regions++; w.regions == w.want {
			close(w.all)
		}
	}
	return putErr
}

// TestNoMaskWithoutAPyramid: a tiler that fails after all regions are done fails the slide; nothing is stitched,
// and nobody waits for it.
func TestNoMaskWithoutAPyramid(t *testing.T) {
	m := tinyModel(t)
	path, finest := levelled(t)
	p := segment.Parameters{Region: 128, Threshold: 0.3}
	count := memstore.New()
	o, _, err := newSite(t, m, count, 2).run(path, p)
	if err != nil {
		t.Fatal(err)
	}
	regions := 0
	for _, err := range count.List(t.Context(), store.Slide(o.Slide).Run(o.Run).Regions()) {
		if err != nil {
			t.Fatal(err)
		}
		regions++
	}
	bucket := &wreck{gate: gate{Bucket: memstore.New(), finest: finest}, want: regions, all: make(chan struct{})}
	s := newSite(t, m, bucket, 2)
	if _, _, err := s.run(path, p); err == nil {
		t.Fatal("a slide without its finest level is done")
	}
	depths, err := s.queue.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range depths {
		if d.Stage == jobs.Stitch && d.Waiting+d.InHand > 0 {
			t.Errorf("a stitcher has work: %+v", d)
		}
	}
	if _, err := bucket.Stat(t.Context(), store.Slide(o.Slide).Run(o.Run).Manifest()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the run has a manifest: %v", err)
	}
}
