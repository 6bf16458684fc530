package stitch

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// breaking is a bucket whose regions cannot be read, or whose objects of one kind cannot be put, after a while.
type breaking struct {
	store.Bucket
	gets  atomic.Int64 // of regions, left
	kind  store.Kind   // that is not put whole
	bytes int64        // that a put of it takes
}

var errBroken = errors.New("out of order")

func (b *breaking) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if ref, err := store.Parse(key); err == nil && ref.Kind == store.Region && b.gets.Add(-1) < 0 {
		return nil, errBroken
	}
	return b.Bucket.Get(ctx, key, off, n)
}

func (b *breaking) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if ref, err := store.Parse(key); err == nil && ref.Kind == b.kind {
		if _, err := io.CopyN(io.Discard, r, b.bytes); err != nil {
			return err
		}
		return errBroken
	}
	return b.Bucket.Put(ctx, key, r, size)
}

// TestPackingBreaksOff: whatever goes wrong while the archives are on their way, none of the broken one is left,
// and no run.json.
func TestPackingBreaksOff(t *testing.T) {
	w := blobs(broad, 62)
	p := w.plan(t, 256)
	keys := store.Slide(p.Slide).Run(p.Run)
	regions := int64(len(p.Regions))
	for name, broken := range map[string]*breaking{
		"a region is lost midway": {kind: store.Mask + "x"},
		"the first archive":       {kind: store.ProbabilityArchive, bytes: 10_000},
		"the second archive":      {kind: store.OverlayArchive, bytes: 10_000},
		"at once":                 {kind: store.OverlayArchive},
	} {
		inner := mem.New()
		w.put(t, inner, p)
		broken.Bucket = inner
		if broken.gets.Store(1 << 40); broken.kind == store.Mask+"x" {
			broken.gets.Store(2*regions + regions/2) // proved, joined, half drawn
		}
		c := w.config(t, broken, p, 2)
		c.Pack, c.keep = archives(broken), 1 // the regions are read for each step
		if _, err := Run(t.Context(), c); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
		for _, key := range []string{keys.ProbabilityArchive(), keys.OverlayArchive(), keys.Manifest()} {
			if _, err := inner.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %s is there: %v", name, key, err)
			}
		}
	}
}

// TestPackingCannotBegin: where the second archive cannot be begun, the first is given up.
func TestPackingCannotBegin(t *testing.T) {
	w := blobs(tiny, 63)
	b, p := b0(t, w)
	c, begun := w.config(t, b, p, 1), 0
	c.Pack = func(ctx context.Context, key string, descriptor []byte) (Archive, error) {
		if begun++; begun == 2 {
			return nil, errBroken
		}
		return archives(b)(ctx, key, descriptor)
	}
	if _, err := Run(t.Context(), c); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	for name := range objects(t, b, p) {
		if name != "mask.tiff" { // made by the step before
			t.Errorf("%s is left", name)
		}
	}
}
