package intake

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// refusing is a queue that takes nothing until it is told to.
type refusing struct {
	jobs.Queue
	away bool
}

func (q *refusing) Publish(ctx context.Context, job jobs.Job) error {
	if q.away {
		return errors.New("the queue is away")
	}
	return q.Queue.Publish(ctx, job)
}

// An order that the queue did not take is not in the book: taken in again, it is enqueued.
func TestAwayQueueLosesNoOrder(t *testing.T) {
	q := &refusing{jobsmem.New(jobsmem.Config{}), true}
	r := &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: q}, Model: model(), Parameters: segment.Parameters{MPP: 1},
		Turns: &Turns{open: map[string]int{}}, Once: true,
	}
	request := Request{Path: picture(t), Accession: "A1"}
	if taken, err := r.Take(t.Context(), request); err == nil {
		t.Fatalf("no error, taken as %+v", taken)
	}
	q.away = false
	if taken, err := r.Take(t.Context(), request); err != nil || taken.Known || taken.State != Waiting {
		t.Fatalf("taken again as %+v, %v", taken, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := q.Take(ctx, jobs.Tile); err != nil {
		t.Fatalf("no job: %v", err)
	}
	if taken, err := r.Take(t.Context(), request); err != nil || !taken.Known {
		t.Errorf("ordered twice: %+v, %v", taken, err)
	}
}

// A reason names neither the file nor its folder.
func TestReasonIsPlain(t *testing.T) {
	path := "/scans/DOE^JANE/x.svs"
	for _, text := range []string{"open slide " + path + ": cut short", path + ": cut short", "open slide: stat " + path + ": cut short"} {
		if got := plain(errors.New(text), path); strings.Contains(got, "DOE") || !strings.HasSuffix(got, "cut short)") {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// A cancelled slide that is ordered again at once has its jobs again: the queue drops none as published lately,
// neither the one that was done nor one that a worker let go because of the cancellation.
func TestCancelledSlideIsOrderedAgain(t *testing.T) {
	q := &refusing{jobsmem.New(jobsmem.Config{}), false}
	inner := q.Queue.(*jobsmem.Queue)
	r := &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: q}, Model: model(), Parameters: segment.Parameters{MPP: 1},
		Turns: &Turns{open: map[string]int{}},
	}
	r.Desk.Queue = struct {
		*refusing
		jobs.Canceller
	}{q, inner}
	request := Request{Path: picture(t)}
	taken, err := r.Take(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	letGo := jobs.NewSegment(taken.Slide, pyramid.RunID{1}, 0)
	work := func(stage jobs.Stage) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		d, err := inner.Take(ctx, stage)
		if err == nil {
			err = d.Ack(ctx)
		}
		if err != nil {
			t.Fatalf("no %s job: %v", stage, err)
		}
	}
	work(jobs.Tile)
	if err := r.Desk.Ledger().Close(t.Context(), taken.Slide, End{State: Cancelled, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := inner.Cancel(t.Context(), taken.Slide); err != nil {
		t.Fatal(err)
	}
	if err := inner.Publish(t.Context(), letGo); err != nil {
		t.Fatal(err)
	}
	work(jobs.Segment)

	q.away = true
	if _, err := r.Take(t.Context(), request); err == nil {
		t.Error("taken by a queue that is away")
	}
	if end, err := r.Desk.Ledger().End(t.Context(), taken.Slide); err != nil || end == nil || end.State != Cancelled {
		t.Errorf("not taken, but its end is %v, %v", end, err)
	}
	q.away = false
	if again, err := r.Take(t.Context(), request); err != nil || again.Known || again.State != Waiting {
		t.Fatalf("taken again as %+v, %v", again, err)
	}
	work(jobs.Tile)
	if err := inner.Publish(t.Context(), letGo); err != nil {
		t.Fatal(err)
	}
	work(jobs.Segment)
}
