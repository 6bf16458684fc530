package workers_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/workers"
)

// TestFillOutrunsItsStitcher: a lost region is computed again before the stitcher that missed it has ended its job. The run
// is stitched all the same, also when that happens twice.
func TestFillOutrunsItsStitcher(t *testing.T) {
	l := newLine(t, memstore.New(), segment.Parameters{MPP: 1, Region: 128, Threshold: 0.4})
	plan := l.plan()
	worker := &workers.Segment{Bucket: l.bucket, Queue: l.queue, Events: l.queue, Model: l.model, Engines: engines(t, l.model)}
	work := func() {
		t.Helper()
		for l.waiting(jobs.Segment) > 0 {
			d, err := l.queue.Take(t.Context(), jobs.Segment)
			if err == nil {
				err = worker.Do(t.Context(), d.Job())
			}
			if err == nil {
				err = d.Ack(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	work()
	for range 2 {
		if err := l.bucket.Delete(t.Context(), l.keys().Region(plan.Regions[0])); err != nil {
			t.Fatal(err)
		}
		d, err := l.queue.Take(t.Context(), jobs.Stitch)
		if err != nil {
			t.Fatal(err)
		}
		s := &workers.Stitch{Bucket: l.bucket, Queue: l.queue, Events: l.queue, Workers: 1}
		if err := s.Do(t.Context(), d.Job()); err != nil {
			t.Fatal(err)
		}
		if n := l.waiting(jobs.Segment); n != 1 {
			t.Fatalf("%d batches are computed again, want the one with the lost region", n)
		}
		work()
		if err := d.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := l.waiting(jobs.Stitch); n != 1 {
			t.Fatalf("%d stitch jobs wait, want 1", n)
		}
	}
	if r, err := l.stitch(); err != nil || r == nil {
		t.Fatalf("%v, %v", r, err)
	}
}

// TestBatchOfAnOlderPlan: a job of a plan that had more batches, before the tiler's job came again to a newer program, is no
// failure: its regions are in others.
func TestBatchOfAnOlderPlan(t *testing.T) {
	l := newLine(t, memstore.New(), segment.Parameters{MPP: 1, Region: 128, Threshold: 0.4})
	if err := l.attempt(l.bucket, l.plan().Batches(), 1); err != nil {
		t.Error(err)
	}
}

// TestPlanOfANewerProgram: a worker that does not know the plan's version leaves the job to one that does, and says what helps.
func TestPlanOfANewerProgram(t *testing.T) {
	l := newLine(t, memstore.New(), segment.Parameters{MPP: 1, Region: 128, Threshold: 0.4})
	plan := l.plan()
	plan.Version = 99
	data, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.bucket.Put(t.Context(), l.keys().Plan(), bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	err = l.attempt(l.bucket, 0, 1)
	var permanent *workers.Permanent
	if !errors.Is(err, segment.ErrNewer) || errors.As(err, &permanent) || !strings.Contains(err.Error(), "start this worker with") {
		t.Errorf("%v: want %v, for another worker to try", err, segment.ErrNewer)
	}
}
