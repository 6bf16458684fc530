package intake

import (
	"errors"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// stranded is an order of the slide at path that failed in a queue that is gone.
func stranded(t *testing.T, r *Reception, path string, cause error) *Order {
	t.Helper()
	o, err := Prepare(t.Context(), path, PrepareConfig{Model: r.Model, Parameters: r.Parameters})
	if err != nil {
		t.Fatal(err)
	}
	o.Accession, o.Priority = "S26-1", jobs.Urgent
	other, _ := desk(t)
	gone := Desk{Bucket: r.Desk.Bucket, Queue: other.Desk.Queue}
	if err := gone.Submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := gone.Strand(t.Context(), o, cause); err != nil {
		t.Fatal(err)
	}
	return o
}

// What failed where its queue is gone is on the list, with the stage and without the path, and is ordered as it was.
func TestStrandedIsOrderedAgain(t *testing.T) {
	r, q := desk(t)
	path := picture(t)
	o := stranded(t, r, path, &Failure{Reason: "It is damaged: " + path, Stage: jobs.Segment})
	line := onList(t, r, 1)
	if line.Run != o.Run || line.End.Stage != jobs.Segment || line.End.Reason != "It is damaged: its file." || line.Again.Source != path {
		t.Fatalf("the line is %+v, ended %+v", line.Entry, line.End)
	}
	if slide := wantRetried(t, r, q, line, jobs.Urgent); slide != o.Slide {
		t.Errorf("slide %v was ordered, want %v", slide, o.Slide)
	}
}

// A stranded order whose failure is the store's, not a job's, is on the list too, and can be given up.
func TestStrandedIsGivenUp(t *testing.T) {
	r, _ := desk(t)
	o := stranded(t, r, picture(t), errors.New("the store is full"))
	line := onList(t, r, 1)
	if line.End.Stage != "" || !strings.Contains(line.End.Reason, "the store is full") {
		t.Errorf("ended %+v", line.End)
	}
	if err := r.Desk.Ledger().GiveUp(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 0)
	if e, err := r.Desk.Ledger().Entry(t.Context(), o.Slide); err != nil || e.Again != nil || e.Run != o.Run {
		t.Errorf("given up, and the record is %+v, %v", e, err)
	}
}

// putResult makes an order look done.
func putResult(t *testing.T, r *Reception, o *Order) {
	t.Helper()
	key := store.Slide(o.Slide).Run(o.Run).Manifest()
	if err := r.Desk.Bucket.Put(t.Context(), key, strings.NewReader("{}"), 2); err != nil {
		t.Fatal(err)
	}
}

// What failed here and was finished by another process on the same store is done: it is on no list, and whoever read the
// list before that and tries it again finds the result.
func TestStrandedAndFinishedElsewhere(t *testing.T) {
	r, q := desk(t)
	o := stranded(t, r, picture(t), errors.New("the store is full"))
	line := onList(t, r, 1)
	putResult(t, r, o)
	onList(t, r, 0)
	taken, err := r.Retry(t.Context(), line)
	if err != nil || taken.State != stitch.Done {
		t.Fatalf("taken as %+v, %v", taken, err)
	}
	l := r.Desk.Ledger()
	e, err := l.Entry(t.Context(), o.Slide)
	end, endErr := l.End(t.Context(), o.Slide)
	if err != nil || endErr != nil || end != nil || e.Again != nil || e.Run != o.Run || e.Accession != "S26-1" {
		t.Errorf("the record is %+v, %v; its end %+v, %v", e, err, end, endErr)
	}
	depths, err := q.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range depths {
		if d.Waiting+d.InHand > 0 {
			t.Errorf("ordered again: %+v", d)
		}
	}
}

// Who has its result has not failed, whatever went wrong behind that.
func TestNothingIsStrandedThatIsDone(t *testing.T) {
	r, _ := desk(t)
	o, err := Prepare(t.Context(), picture(t), PrepareConfig{Model: r.Model, Parameters: r.Parameters})
	if err != nil {
		t.Fatal(err)
	}
	putResult(t, r, o)
	if err := r.Desk.Strand(t.Context(), o, errors.New("stdout is closed")); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 0)
}

// A slide that has its result and was refused since is off the list once its result is asked for again.
func TestFoundIsNotRefused(t *testing.T) {
	r, _ := desk(t)
	path := picture(t)
	o, err := Prepare(t.Context(), path, PrepareConfig{Model: r.Model, Parameters: r.Parameters})
	if err != nil {
		t.Fatal(err)
	}
	putResult(t, r, o)
	if taken, err := r.Refuse(t.Context(), Request{Path: path}, &Refusal{errors.New("the scale is wrong")}); err != nil || taken.Slide != o.Slide || taken.State != Refused {
		t.Fatalf("taken as %+v, %v", taken, err)
	}
	onList(t, r, 1)
	if err := r.Desk.Found(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 0)
	if e, err := r.Desk.Ledger().Entry(t.Context(), o.Slide); err != nil || e.Run != o.Run {
		t.Errorf("the record is %+v, %v", e, err)
	}
}

// A result that is found is no new order: case, urgency and time are those of the order that failed or was refused.
func TestFoundIsTheOldOrder(t *testing.T) {
	for name, end := range map[string]func(*Reception, *Order) error{
		"failed": func(*Reception, *Order) error { return nil },
		"refused": func(r *Reception, o *Order) error {
			_, err := r.Refuse(t.Context(), Request{Path: o.Source}, &Refusal{errors.New("the scale is unknown")})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := desk(t)
			o := stranded(t, r, picture(t), errors.New("the store is full"))
			if err := end(r, o); err != nil {
				t.Fatal(err)
			}
			old := onList(t, r, 1)
			putResult(t, r, o)
			again := *o // as `run` makes it
			again.Accession, again.Priority = "", ""
			if err := r.Desk.Found(t.Context(), &again); err != nil {
				t.Fatal(err)
			}
			onList(t, r, 0)
			e, err := r.Desk.Ledger().Entry(t.Context(), o.Slide)
			if err != nil || e.Run != o.Run || e.Again != nil || e.Accession != "S26-1" || e.Priority != jobs.Urgent || !e.At.Equal(old.At) {
				t.Errorf("the record is %+v, %v", e, err)
			}
		})
	}
}

// An order that failed stays on the list where the result of another, with other parameters, is asked for.
func TestFoundLeavesAnotherOrder(t *testing.T) {
	r, _ := desk(t)
	path := picture(t)
	failed := stranded(t, r, path, errors.New("the store is full"))
	done, err := Prepare(t.Context(), path, PrepareConfig{Model: r.Model, Parameters: segment.Parameters{MPP: 1, Threshold: 0.6}})
	if err != nil || done.Run == failed.Run {
		t.Fatalf("run %v, %v", done.Run, err)
	}
	putResult(t, r, done)
	if err := r.Desk.Found(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	if line := onList(t, r, 1); line.Run != failed.Run || line.Again == nil {
		t.Errorf("the line is %+v", line.Entry)
	}
}
