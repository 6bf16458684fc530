package workers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/workers"
)

// versions is a place whose object can be replaced. Each opening keeps to what lay there.
type versions struct {
	data    [2][]byte
	opened  int
	replace int // before which opening, from 0
}

// version is an open object.
type version struct {
	*bytes.Reader
	name string
}

func (v version) Close() error    { return nil }
func (v version) Version() string { return v.name }

func (v *versions) remote(context.Context, string) (slide.Source, error) {
	at := 0
	if v.opened >= v.replace {
		at = 1
	}
	v.opened++
	s := version{bytes.NewReader(v.data[at]), string(rune('a' + at))}
	return slide.Source{ReaderAt: s, Closer: s, Size: s.Size()}, nil
}

// TestReplacedElsewhere: a slide that is replaced between two openings, of intake or of the tile stage, is never cut
// under the other's name. Tried again, the job is refused with what to do.
func TestReplacedElsewhere(t *testing.T) {
	first, err := os.ReadFile(tinySlide(t))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(deepSlide(t))
	if err != nil {
		t.Fatal(err)
	}
	m := tinyModel(t)
	place := &versions{data: [2][]byte{first, other}, replace: 1}
	c := intake.PrepareConfig{Model: m, Parameters: deepParameters, Remote: place.remote}
	if _, err := intake.Prepare(t.Context(), "far://x", c); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("at intake: %v", err)
	}
	place.replace = 1 << 30
	o, err := intake.Prepare(t.Context(), "far://x", c)
	if err != nil {
		t.Fatal(err)
	}
	job, err := o.Job()
	if err != nil {
		t.Fatal(err)
	}
	place.opened, place.replace = 0, 2 // its size, its hash, the cut
	bucket, q := memstore.New(), mem.New(mem.Config{})
	tile := &workers.Tile{Bucket: bucket, Queue: q, Events: q, Model: m, Workers: 1, Remote: place.remote}
	err = tile.Do(t.Context(), job)
	var permanent *workers.Permanent
	if !errors.Is(err, store.ErrReplaced) || errors.As(err, &permanent) || len(objects(t, bucket)) > 0 {
		t.Errorf("replaced before it was cut: %v, %d objects", err, len(objects(t, bucket)))
	}
	err = tile.Do(t.Context(), job)
	if reason := intake.Reason(err); !errors.As(err, &permanent) || !strings.Contains(reason, "changed since it was ordered") || !strings.Contains(reason, "order it again") {
		t.Errorf("tried again: %s", reason)
	}
}

// meddling changes a slide's file when a tile is stored, once it may.
type meddling struct {
	store.Bucket
	may    func() bool
	meddle func()
	did    atomic.Bool
}

func (m *meddling) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if strings.Contains(key, "_files/") && m.may() && m.did.CompareAndSwap(false, true) {
		m.meddle()
	}
	return m.Bucket.Put(ctx, key, r, size)
}

// TestChangedWhileCut: of a file that is written to while it is cut no region is ordered from then on, and its pyramid
// never counts as whole. Tried again, its content decides: what was only touched is cut.
func TestChangedWhileCut(t *testing.T) {
	for name, early := range map[string]bool{"before regions are ordered": true, "after": false} {
		t.Run(name, func(t *testing.T) {
			path := deepSlide(t)
			b := &meddling{Bucket: memstore.New()}
			l := &line{t: t, model: tinyModel(t), queue: mem.New(mem.Config{}), bucket: b}
			job := l.take(path, deepParameters)
			b.may = func() bool { return early || l.waiting(jobs.Segment) > 0 }
			b.meddle = func() {
				later := time.Now().Add(time.Hour)
				if err := os.Chtimes(path, later, later); err != nil {
					t.Error(err)
				}
			}
			tile := &workers.Tile{Bucket: b, Queue: l.queue, Events: l.queue, Model: l.model, Workers: 1}
			err := tile.Do(t.Context(), job)
			if !b.did.Load() || !errors.Is(err, store.ErrReplaced) || early && l.waiting(jobs.Segment) > 0 {
				t.Errorf("error %v, %d batches", err, l.waiting(jobs.Segment))
			}
			if reason := intake.Reason(err); strings.Contains(reason, path) || !strings.Contains(reason, "replaced by another one, or changed") {
				t.Errorf("reason %q", reason)
			}
			manifest := store.Slide(job.Slide).Manifest()
			if _, err := b.Stat(t.Context(), manifest); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the pyramid counts as whole: %v", err)
			}
			if err := tile.Do(t.Context(), job); err != nil {
				t.Errorf("tried again: %v", err)
			}
			if _, err := b.Stat(t.Context(), manifest); err != nil {
				t.Error(err)
			}
		})
	}
}
