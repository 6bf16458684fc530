package workers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/workers"
)

// deadly takes its worker down when a certain region is to be stored: the goroutine ends on the spot, and
// nothing after it is done, as in a killed process.
type deadly struct {
	store.Bucket
	key    string
	deaths *int
}

func (b deadly) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if key == b.key {
		*b.deaths++
		runtime.Goexit()
	}
	return b.Bucket.Put(ctx, key, r, size)
}

// line is a production line whose workers a test drives by hand.
type line struct {
	t      *testing.T
	model  *segment.Model
	queue  *mem.Queue
	bucket store.Bucket
	order  *intake.Order
}

// newLine orders the tiny slide and has it cut.
func newLine(t *testing.T, bucket store.Bucket, p segment.Parameters) *line {
	t.Helper()
	return newLineOf(t, bucket, tinySlide(t), p)
}

// newLineOf orders any slide.
func newLineOf(t *testing.T, bucket store.Bucket, slide string, p segment.Parameters) *line {
	t.Helper()
	l := &line{t: t, model: tinyModel(t), queue: mem.New(mem.Config{}), bucket: bucket}
	var err error
	if l.order, err = intake.Prepare(t.Context(), slide, intake.PrepareConfig{Model: l.model, Parameters: p}); err != nil {
		t.Fatal(err)
	}
	job, err := l.order.Job()
	if err != nil {
		t.Fatal(err)
	}
	tile := &workers.Tile{Bucket: bucket, Queue: l.queue, Events: l.queue, Model: l.model, Workers: 1}
	if err := tile.Do(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *line) keys() store.RunKeys { return store.Slide(l.order.Slide).Run(l.order.Run) }

func (l *line) plan() *segment.Plan {
	l.t.Helper()
	data, err := store.ReadAll(l.t.Context(), l.bucket, l.keys().Plan(), 1<<20)
	if err != nil {
		l.t.Fatal(err)
	}
	plan, err := segment.DecodePlan(data)
	if err != nil {
		l.t.Fatal(err)
	}
	return plan
}

// attempt lets a new worker do a delivery of a batch. A worker that is lost returns errLost.
func (l *line) attempt(bucket store.Bucket, batch, attempt int) error {
	s := &workers.Segment{Bucket: bucket, Queue: l.queue, Events: l.queue, Model: l.model, Engines: engines(l.t, l.model)}
	done := make(chan error, 1)
	go func() {
		err := errLost
		defer func() { done <- err }()
		err = s.Attempt(l.t.Context(), jobs.NewSegment(l.order.Slide, l.order.Run, batch), attempt)
	}()
	return <-done
}

var errLost = errors.New("the worker was lost")

// stitch joins the run, whose stitch job must have been queued.
func (l *line) stitch() (*stitch.Report, error) {
	l.t.Helper()
	d, err := l.queue.Take(l.t.Context(), jobs.Stitch)
	if err != nil {
		l.t.Fatal(err)
	}
	s := &workers.Stitch{Bucket: l.bucket, Queue: l.queue, Events: l.queue, Workers: 1}
	if err := s.Do(l.t.Context(), d.Job()); err != nil {
		return nil, err
	}
	if err := d.Ack(l.t.Context()); err != nil {
		return nil, err
	}
	return (&intake.Desk{Bucket: l.bucket, Queue: l.queue}).Report(l.t.Context(), l.order)
}

// TestDeadlyRegion: a region that takes three workers down is given up by name, and its neighbours are
// done. The slide fails, or ends without it where that is allowed.
func TestDeadlyRegion(t *testing.T) {
	for _, partial := range []bool{false, true} {
		t.Run(fmt.Sprint("partial ", partial), func(t *testing.T) {
			l := newLine(t, memstore.New(), segment.Parameters{MPP: 1, Region: 64, Threshold: 0.4, Partial: partial})
			plan := l.plan()
			poison := plan.Batch(0)[len(plan.Batch(0))/2]
			deaths := 0
			bucket := deadly{l.bucket, l.keys().Region(poison), &deaths}
			err := errLost
			attempt := 0
			for errors.Is(err, errLost) && attempt < 10 {
				attempt++
				err = l.attempt(bucket, 0, attempt)
			}
			if deaths != 3 || attempt != 4 {
				t.Errorf("%d workers lost in %d attempts, want 3 in 4", deaths, attempt)
			}
			name := fmt.Sprintf("region %d,%d", poison.Col, poison.Row)
			if !partial {
				var permanent *workers.Permanent
				if !errors.As(err, &permanent) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "3 workers") {
					t.Errorf("error %v, want a permanent one that names %s and 3 workers", err, name)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := 1; i < plan.Batches(); i++ {
				if err := l.attempt(bucket, i, 1); err != nil {
					t.Fatal(err)
				}
			}
			report, err := l.stitch()
			if err != nil {
				t.Fatal(err)
			}
			wantWithout(t, report, name)
			if _, err := stitch.Verify(t.Context(), l.bucket, l.order.Slide); err != nil {
				t.Errorf("verify: %v", err)
			}
		})
	}
}

// wantWithout checks that a report and its run say that exactly one region was not analysed.
func wantWithout(t *testing.T, r *stitch.Report, name string) {
	t.Helper()
	if r.Status != stitch.Done || r.NotAnalysed.UnplannedMM2 <= 0 || r.AnalysedMM2+r.NotAnalysed.UnplannedMM2 < r.TissueMM2*0.999 || r.AnalysedMM2 >= r.TissueMM2 {
		t.Errorf("status %s, areas %+v: want done, and a part of the tissue not analysed", r.Status, r.Areas)
	}
	said := false
	for _, c := range r.QC {
		if c.Check == "coverage" {
			said = c.Status == stitch.CheckFailed && strings.Contains(fmt.Sprint(c.Value), name)
		}
	}
	if !said {
		t.Errorf("checks %+v do not name %s", r.QC, name)
	}
}

// TestInnocentRegions: workers that are lost now over one region and now over another condemn none, and
// leave nothing in the book.
func TestInnocentRegions(t *testing.T) {
	l := newLine(t, memstore.New(), segment.Parameters{MPP: 1, Region: 64, Threshold: 0.4})
	deaths, attempt := 0, 0
	for _, r := range l.plan().Batch(0)[:2] {
		for range 2 {
			attempt++
			if err := l.attempt(deadly{l.bucket, l.keys().Region(r), &deaths}, 0, attempt); !errors.Is(err, errLost) {
				t.Fatalf("attempt %d: %v", attempt, err)
			}
		}
	}
	if err := l.attempt(l.bucket, 0, attempt+1); err != nil {
		t.Errorf("after %d lost workers: %v", deaths, err)
	}
	for o := range l.bucket.List(t.Context(), l.keys().Quarantines()) {
		t.Errorf("%s is left", o.Key)
	}
}

// TestUnreadableTile: a tile of the pyramid that cannot be decoded fails the slide with the region's name, or
// leaves its area out where that is allowed.
func TestUnreadableTile(t *testing.T) {
	for _, partial := range []bool{false, true} {
		t.Run(fmt.Sprint("partial ", partial), func(t *testing.T) {
			l := newLine(t, memstore.New(), segment.Parameters{MPP: 1, Region: 64, Threshold: 0.4, Partial: partial})
			damageTile(t, l)
			named, bad := "", 0
			for i := range l.plan().Batches() {
				err := l.attempt(l.bucket, i, 1)
				for attempt := 2; err != nil && attempt < 6; attempt++ {
					err = l.attempt(l.bucket, i, attempt)
					var permanent *workers.Permanent
					if errors.As(err, &permanent) {
						named, bad = err.Error(), bad+1
						break
					}
				}
			}
			if !partial {
				if bad == 0 || !strings.HasPrefix(named, "region ") || !strings.Contains(named, "tile") {
					t.Errorf("%d batches failed, reason %q", bad, named)
				}
				return
			}
			report, err := l.stitch()
			if err != nil || bad > 0 {
				t.Fatalf("%v, %d batches failed: %s", err, bad, named)
			}
			wantWithout(t, report, "region ")
		})
	}
}

// damageTile cuts one full-resolution tile in the middle of the tissue in half.
func damageTile(t *testing.T, l *line) {
	t.Helper()
	var largest store.Object
	for o, err := range l.bucket.List(t.Context(), store.Slide(l.order.Slide).Prefix()+string(store.PyramidTile)) {
		if err != nil {
			t.Fatal(err)
		}
		if ref, err := store.Parse(o.Key); err == nil && ref.Tile.Level == 9 && o.Size > largest.Size {
			largest = o
		}
	}
	data, err := store.ReadAll(t.Context(), l.bucket, largest.Key, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.bucket.Put(t.Context(), largest.Key, bytes.NewReader(data[:len(data)/2]), int64(len(data)/2)); err != nil {
		t.Fatal(err)
	}
}

// TestGlassIsNotRead: what a tile of nothing but glass holds, far from tissue, matters to nobody: not even that it
// cannot be decoded. The region is the bytes that it is with it.
func TestGlassIsNotRead(t *testing.T) {
	path := tinySlideOf(t, 900)
	var maps [2][]byte
	for i := range maps {
		l := newLineOf(t, memstore.New(), path, segment.Parameters{MPP: 1, Region: 1024, Threshold: 0.4})
		if i > 0 {
			far := store.Slide(l.order.Slide).PyramidTile(pyramid.Tile{Level: 10, Col: 3})
			if err := l.bucket.Put(t.Context(), far, strings.NewReader("no picture"), 10); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.attempt(l.bucket, 0, 1); err != nil {
			t.Fatal(err)
		}
		var err error
		if maps[i], err = store.ReadAll(t.Context(), l.bucket, l.keys().Region(pyramid.Region{}), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(maps[0], maps[1]) {
		t.Error("the region's map depends on a tile far from its tissue")
	}
}
