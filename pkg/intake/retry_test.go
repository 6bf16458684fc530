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
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// repeating is a queue that publishes a job once more when it is told to.
type repeating struct {
	jobs.Queue
	jobs.Withdrawer
}

// deadJob is a desk with a job on its dead list.
func deadJob(t *testing.T) (*Desk, *refusing, jobs.Dead) {
	t.Helper()
	inner := jobsmem.New(jobsmem.Config{})
	q := &refusing{inner, false}
	d := &Desk{Bucket: mem.New(), Queue: repeating{q, inner}}
	dead := jobs.Dead{Job: jobs.NewTile(pyramid.SlideID{1}, "/scans/a.svs", nil), Reason: "the drive is away", At: time.Now().UTC()}
	if err := q.Publish(t.Context(), dead.Job); err != nil { // lately, as the queue remembers
		t.Fatal(err)
	}
	delivery, err := q.Take(t.Context(), jobs.Tile)
	if err == nil {
		err = errors.Join(q.Bury(t.Context(), dead), delivery.Term(t.Context(), dead.Reason))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ledger().Close(t.Context(), dead.Job.Slide, End{State: Failed, Reason: "given up", At: dead.At, GivenUp: true}); err != nil {
		t.Fatal(err)
	}
	return d, q, dead
}

// A job that the queue does not take stays on the dead list and its order ended; later it is tried again.
func TestRetryWhileTheQueueIsAway(t *testing.T) {
	d, q, dead := deadJob(t)
	q.away = true
	if err := d.Retry(t.Context(), dead); err == nil {
		t.Error("no error")
	}
	once := Desk{Bucket: d.Bucket, Queue: q}
	if err := once.Retry(t.Context(), dead); err == nil || !strings.Contains(err.Error(), "slidemill submit") {
		t.Errorf("a queue that takes no job twice: %v", err)
	}
	if list, err := q.Dead(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("dead are %v, %v", list, err)
	}
	if end, err := d.Ledger().End(t.Context(), dead.Job.Slide); err != nil || end == nil || !end.GivenUp {
		t.Errorf("its end is %+v, %v", end, err)
	}
	q.away = false
	if err := d.Retry(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	list, err := q.Dead(t.Context())
	end, endErr := d.Ledger().End(t.Context(), dead.Job.Slide)
	if err != nil || endErr != nil || len(list) != 0 || end != nil {
		t.Errorf("tried again, but dead are %v, %v, its end %v, %v", list, err, end, endErr)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got, err := q.Take(ctx, jobs.Tile); err != nil || got.Job().ID != dead.Job.ID {
		t.Errorf("took %v, %v", got, err)
	}
}

// TestTriedAgainInHand: between the death of a job and its end it is in the hand of the worker that gave it up. Whoever
// wants it tried again by then, by name or by a new order, gets it.
func TestTriedAgainInHand(t *testing.T) {
	for name, again := range map[string]func(*testing.T, *Desk, jobs.Dead) error{
		"retry": func(t *testing.T, d *Desk, dead jobs.Dead) error { return d.Retry(t.Context(), dead) },
		"submit": func(t *testing.T, d *Desk, dead jobs.Dead) error {
			o := &Order{Slide: dead.Job.Slide, Source: dead.Job.Source}
			return errors.Join(d.forget(t.Context(), o, nil), d.Queue.Publish(t.Context(), dead.Job))
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := jobsmem.New(jobsmem.Config{})
			d := &Desk{Bucket: mem.New(), Queue: q}
			dead := jobs.Dead{Job: jobs.NewTile(pyramid.SlideID{1}, "/scans/a.svs", nil), Reason: "the drive is away", At: time.Now().UTC()}
			if err := q.Publish(t.Context(), dead.Job); err != nil {
				t.Fatal(err)
			}
			delivery, err := q.Take(t.Context(), jobs.Tile)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(q.Bury(t.Context(), dead), again(t, d, dead), delivery.Term(t.Context(), dead.Reason)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if got, err := q.Take(ctx, jobs.Tile); err != nil || got.Job().ID != dead.Job.ID {
				t.Errorf("took %v, %v", got, err)
			}
		})
	}
}

// hasty is a queue with a worker behind it that fails at once.
type hasty struct{ jobs.Queue }

func (q hasty) Publish(ctx context.Context, job jobs.Job) error {
	return q.Bury(ctx, jobs.Dead{Job: job, Reason: "away still", At: time.Now().Add(time.Second)})
}

// A job that fails again before its old death is off the list is on the list.
func TestRetryThatFailsAtOnce(t *testing.T) {
	d, q, dead := deadJob(t)
	d.Queue = repeating{hasty{q}, d.Queue.(jobs.Withdrawer)}
	if err := d.Retry(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	if list, err := q.Dead(t.Context()); err != nil || len(list) != 1 || list[0].Reason != "away still" {
		t.Errorf("dead are %v, %v", list, err)
	}
}

// hurried corrects the priority of a slide, as a worklist does.
func hurried(t *testing.T, r *Reception, id pyramid.SlideID) {
	t.Helper()
	said, err := r.Amend(t.Context(), id, Request{Priority: jobs.Urgent, Asked: time.Now()})
	if err != nil || len(said) != 1 || !strings.Contains(said[0], "its priority is urgent now") {
		t.Errorf("said %q, %v", said, err)
	}
}

// A priority that is corrected while a slide's job is dead is that of the job when it is tried again.
func TestRetryAtCorrectedPriority(t *testing.T) {
	r, q := desk(t)
	taken, err := r.Take(t.Context(), Request{Path: picture(t)})
	if err != nil {
		t.Fatal(err)
	}
	dead := jobs.Dead{Job: takeTile(t, q), Reason: "the drive is away", At: time.Now()}
	if err := q.Bury(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	hurried(t, r, taken.Slide)
	if err := r.Desk.Retry(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	if got := waitingAt(t, q); got[jobs.Urgent] != 1 {
		t.Errorf("%v wait", got)
	}
}

// So it is of what was refused; and as trying it again says nothing of its case, what a worklist says in between is a
// correction still.
func TestRetryOfRefusedAtCorrectedPriority(t *testing.T) {
	r, q := desk(t)
	path, line := refuse(t, r)
	hurried(t, r, line.Slide)
	putSound(t, path)
	line = onList(t, r, 1)
	again, err := r.Retry(t.Context(), line)
	if err != nil {
		t.Fatal(err)
	}
	if got := waitingAt(t, q); got[jobs.Urgent] != 1 {
		t.Errorf("%v wait", got)
	}
	e, err := r.Desk.Ledger().Entry(t.Context(), again.Slide)
	if err != nil || !e.Said().Equal(line.Said()) || !e.Said().Before(e.At) {
		t.Errorf("%+v, %v, want it said at %v", e, err, line.Said())
	}
}
