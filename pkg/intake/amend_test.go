package intake

import (
	"context"
	"errors"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/segment"
)

func takeTile(t *testing.T, q *jobsmem.Queue) jobs.Job {
	t.Helper()
	d, err := q.Take(t.Context(), jobs.Tile)
	if err == nil {
		err = d.Ack(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.Job()
}

// Making one order urgent takes no job of another run of the slide with it, and the slides of a case that is
// made urgent queue up behind each other as if they had been ordered so.
func TestAmendMovesOneOrder(t *testing.T) {
	r, q := desk(t)
	first := picture(t)
	taken, err := r.Take(t.Context(), Request{Path: first, Accession: "S26-1"})
	if err != nil {
		t.Fatal(err)
	}
	again := *r
	again.Parameters = segment.Parameters{MPP: 1, Threshold: 0.4}
	if _, err := again.Take(t.Context(), Request{Path: first, Accession: "S26-1"}); err != nil {
		t.Fatal(err)
	}
	for turn := range 2 { // at the second look the worklist says something else
		priority := []jobs.Priority{jobs.Urgent, jobs.Stat}[turn]
		said, err := again.Amend(t.Context(), taken.Slide, Request{Path: first, Accession: "S26-1", Priority: priority})
		if err != nil || len(said) != 1 {
			t.Fatalf("%v, %v", said, err)
		}
	}
	moved, other := takeTile(t, q), takeTile(t, q)
	if moved.Priority != jobs.Stat || other.Priority.Known() != jobs.Routine || moved.Slide != other.Slide {
		t.Errorf("jobs %+v and %+v", moved, other)
	}
	for want := 1; want < 4; want++ {
		if got := r.Turns.Moved("S26-1", jobs.Stat); got != want {
			t.Errorf("the next slide of the case has turn %d, want %d", got, want)
		}
	}
	if got := r.Turns.Moved("S26-2", jobs.Stat); got != 0 {
		t.Errorf("the first slide of another case has turn %d", got)
	}
	r.Turns.Left("S26-1")
	r.Turns.Left("S26-1")
	if got := r.Turns.Moved("S26-1", jobs.Stat); got != 0 {
		t.Errorf("after the case has ended the first has turn %d", got)
	}
}

// interrupted is a queue whose user is interrupted while a job is withdrawn, which may have happened or not.
type interrupted struct {
	*jobsmem.Queue
	interrupt func()
}

func (q interrupted) Withdraw(ctx context.Context, id string) (bool, error) {
	_, err := q.Queue.Withdraw(ctx, id)
	q.interrupt()
	return false, errors.Join(err, ctx.Err())
}

// Whoever interrupts a correction leaves no order without a job.
func TestInterruptedAmendLosesNoJob(t *testing.T) {
	r, q := desk(t)
	path := picture(t)
	taken, err := r.Take(t.Context(), Request{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.Desk.Queue = interrupted{q, cancel}
	if _, err := r.Amend(ctx, taken.Slide, Request{Path: path, Priority: jobs.Stat}); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	depths, err := q.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[jobs.Priority]int64{}
	for _, d := range depths {
		waiting[d.Priority] += d.Waiting
	}
	if waiting[jobs.Stat] != 1 || waiting[jobs.Routine] != 0 {
		t.Errorf("waiting are %v", waiting)
	}
}
