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

// killedMover is a queue whose user is killed at a step of a move: neither that nor anything after it is done.
type killedMover struct {
	*jobsmem.Queue
	left int // steps that are done
}

func (q *killedMover) step() error {
	if q.left--; q.left < 0 {
		return errors.New("killed")
	}
	return nil
}

func (q *killedMover) Again(ctx context.Context, id string) error {
	if err := q.step(); err != nil {
		return err
	}
	return q.Queue.Again(ctx, id)
}

func (q *killedMover) Publish(ctx context.Context, job jobs.Job) error {
	if err := q.step(); err != nil {
		return err
	}
	return q.Queue.Publish(ctx, job)
}

func (q *killedMover) Withdraw(ctx context.Context, id string, keep ...jobs.Lane) (bool, error) {
	if err := q.step(); err != nil {
		return false, err
	}
	return q.Queue.Withdraw(ctx, id, keep...)
}

func waitingAt(t *testing.T, q *jobsmem.Queue) map[jobs.Priority]int64 {
	t.Helper()
	depths, err := q.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[jobs.Priority]int64{}
	for _, d := range depths {
		waiting[d.Priority] += d.Waiting
	}
	return waiting
}

// Whoever is killed while he corrects an order leaves it with a job, at whatever step; made again, the correction leaves
// it with one at the new priority.
func TestKilledAmendLosesNoJob(t *testing.T) {
	for step := range 3 {
		r, q := desk(t)
		path := picture(t)
		taken, err := r.Take(t.Context(), Request{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		wish := Request{Path: path, Priority: jobs.Stat}
		r.Desk.Queue = &killedMover{q, step}
		if _, err := r.Amend(t.Context(), taken.Slide, wish); err == nil {
			t.Errorf("step %d: it was not killed", step)
		}
		if got := waitingAt(t, q); got[jobs.Stat]+got[jobs.Routine] == 0 {
			t.Errorf("killed before step %d it left no job", step)
		}
		r.Desk.Queue = q
		if _, err := r.Amend(t.Context(), taken.Slide, wish); err != nil {
			t.Fatal(err)
		}
		if got := waitingAt(t, q); got[jobs.Stat] != 1 || got[jobs.Routine] != 0 {
			t.Errorf("after step %d and once more, %v wait", step, got)
		}
	}
}
