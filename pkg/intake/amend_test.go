package intake

import (
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
