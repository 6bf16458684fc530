package intake

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
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
		if got := NamelessReason(errors.New(text), path); strings.Contains(got, "DOE") || !strings.HasSuffix(got, "cut short)") {
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

// Who could not wait for a slide waits still while it has no result: an order that does not say how urgent it is has the
// urgency of one that came to nothing, on its job too, and not that of one that is done.
func TestUrgencyOfAnOrderThatCameToNothing(t *testing.T) {
	bucket := mem.New()
	r := &Reception{
		Desk: &Desk{Bucket: bucket, Queue: jobsmem.New(jobsmem.Config{})}, Model: model(), Parameters: segment.Parameters{MPP: 1},
		Turns: &Turns{open: map[string]int{}},
	}
	request := Request{Path: picture(t), Priority: jobs.Urgent}
	first, err := r.Take(t.Context(), request)
	if err != nil || first.Priority != jobs.Urgent {
		t.Fatalf("%+v, %v", first, err)
	}
	l := r.Desk.Ledger()
	order, err := l.Entry(t.Context(), first.Slide)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context(), first.Slide, End{State: Failed, Reason: "taken back", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	request.Priority, r.Parameters.MPP = "", 1.1 // another job, that the queue has not seen
	again, err := r.Take(t.Context(), request)
	if err != nil || again.Known || again.Priority != jobs.Urgent {
		t.Fatalf("ordered again: %+v, %v", again, err)
	}
	urgent := 0
	for range 2 {
		d, err := r.Desk.Queue.Take(t.Context(), jobs.Tile)
		if err != nil {
			t.Fatal(err)
		}
		if d.Job().Priority == jobs.Urgent {
			urgent++
		}
	}
	if urgent != 2 {
		t.Errorf("%d of 2 jobs are urgent", urgent)
	}
	if order, err = l.Entry(t.Context(), first.Slide); err != nil || order.Priority != jobs.Urgent {
		t.Errorf("the record says %q, %v", order.Priority, err)
	}

	manifest := store.Slide(order.Slide).Run(order.Run).Manifest()
	if err := bucket.Put(t.Context(), manifest, strings.NewReader("{}"), 2); err != nil {
		t.Fatal(err)
	}
	r.Parameters.MPP = 1.2
	if later, err := r.Take(t.Context(), request); err != nil || later.Priority != jobs.Routine {
		t.Errorf("ordered after it was done: %+v, %v", later, err)
	}
}

// A wish that cannot be met, such as one without a scale, leaves the good order of the slide as it is, waiting or done; only
// who wished it is told.
func TestWrongWishUndoesNoOrder(t *testing.T) {
	r, _ := desk(t)
	path := picture(t)
	taken, err := r.Take(t.Context(), Request{Path: path, Accession: "S26-1", Priority: jobs.Stat})
	if err != nil {
		t.Fatal(err)
	}
	l := r.Desk.Ledger()
	order, err := l.Entry(t.Context(), taken.Slide)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{Waiting, stitch.Done} {
		if state == stitch.Done {
			putResult(t, r, &Order{Slide: taken.Slide, Run: taken.Run})
		}
		told, err := r.Refuse(t.Context(), Request{Path: path}, &Refusal{errors.New("the scale is unknown")})
		if err != nil || told.State != Refused || told.Slide != taken.Slide || told.Reason == "" {
			t.Errorf("%s: told %+v, %v", state, told, err)
		}
		now, err := l.Entry(t.Context(), taken.Slide)
		end, endErr := l.End(t.Context(), taken.Slide)
		if err != nil || endErr != nil || end != nil || !reflect.DeepEqual(now, order) {
			t.Errorf("%s: the order is %+v, %v; its end %+v, %v", state, now, err, end, endErr)
		}
	}
}

// Where the file's scale is overruled, the warning says by whom.
func TestWhoOverrulesTheScale(t *testing.T) {
	folder := slidetest.DICOM{Size: pyramid.Size{W: 200, H: 130}, Tile: 64, Levels: 2}.Write(t)
	for said, q := range map[string]Request{"--mpp": {}, "the worklist": {MPP: 2}} {
		r, _ := desk(t)
		r.Parameters.MPP = 1.9
		q.Path = folder
		taken, err := r.Take(t.Context(), q)
		if err != nil || !strings.HasSuffix(taken.Warning, ": "+said+" is believed") {
			t.Errorf("%s: %+v, %v", said, taken, err)
		}
	}
}
