package intake

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func desk(t *testing.T) (*Reception, *jobsmem.Queue) {
	t.Helper()
	q := jobsmem.New(jobsmem.Config{})
	return &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: q}, Model: model(), Parameters: segment.Parameters{MPP: 1, Threshold: 0.3},
		Turns: &Turns{open: map[string]int{}},
	}, q
}

// refuse hands in a damaged file and returns its line of the list.
func refuse(t *testing.T, r *Reception) (path string, line Line) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "DOE^JANE.png")
	if err := os.WriteFile(path, []byte("\x89PNG\r\n\x1a\n and no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := r.Take(t.Context(), Request{Path: path, Accession: "S26-1", Priority: jobs.Stat})
	if err != nil || taken.State != Failed {
		t.Fatalf("taken as %+v, %v", taken, err)
	}
	return path, onList(t, r, 1)
}

// onList is the first of n refused slides.
func onList(t *testing.T, r *Reception, n int) Line {
	t.Helper()
	list, err := r.Desk.Ledger().Refusals(t.Context(), time.Time{})
	if err != nil || len(list) != n {
		t.Fatalf("%d slides are on the list, %v; want %d", len(list), err, n)
	}
	if n == 0 {
		return Line{}
	}
	return list[0]
}

// A refused file that was replaced by a sound one is ordered as it was wanted first, and is off the list.
func TestRetryTakesTheBetterCopy(t *testing.T) {
	r, q := desk(t)
	path, line := refuse(t, r)
	if line.Again == nil || line.Again.Source != path || line.File != "DOE^JANE.png" {
		t.Fatalf("the record is %+v", line.Entry)
	}
	if taken, err := r.Retry(t.Context(), line); err != nil || taken.State != Failed {
		t.Fatalf("as damaged as before, and taken as %+v, %v", taken, err)
	}
	line = onList(t, r, 1)
	sound, err := os.ReadFile(picture(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Parameters = segment.Parameters{} // another command's
	taken, err := r.Retry(t.Context(), line)
	if err != nil || taken.State != Waiting {
		t.Fatalf("taken as %+v, %v", taken, err)
	}
	onList(t, r, 0)
	d, err := q.Take(t.Context(), jobs.Tile)
	if err != nil || d.Job().Priority != jobs.Stat || !bytes.Contains(d.Job().Parameters, []byte(`"threshold":0.3`)) {
		t.Errorf("job %+v, %v", d, err)
	}
	e, err := r.Desk.Ledger().Entry(t.Context(), taken.Slide)
	if err != nil || e.Accession != "S26-1" || e.Again != nil {
		t.Errorf("the order is %+v, %v", e, err)
	}
	if e, err = r.Desk.Ledger().Entry(t.Context(), line.Slide); err != nil || e.Again != nil {
		t.Errorf("where it lay is known for ever: %+v, %v", e, err)
	}
}

// What cannot be tried again says what to do instead; what is gone stays on the list.
func TestRetryThatCannotBe(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	old := line
	old.Again = nil
	if _, err := r.Retry(t.Context(), old); err == nil || !strings.Contains(err.Error(), "slidemill submit") {
		t.Errorf("no path: %v", err)
	}
	other := line
	other.Model = "cd"
	if _, err := r.Retry(t.Context(), other); err == nil || !strings.Contains(err.Error(), "--model") {
		t.Errorf("another model: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	taken, err := r.Retry(t.Context(), line)
	if err != nil || taken.State != Failed || !strings.Contains(taken.Reason, "not there any more") || strings.Contains(taken.Reason, "DOE") {
		t.Errorf("gone, and taken as %+v, %v", taken, err)
	}
	onList(t, r, 1)
}

// Given up is given up, until somebody hands the file in anew; where it lay stands in no key.
func TestGiveUp(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	if err := r.Moved(t.Context(), line.Slide, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if line = onList(t, r, 1); line.Again.Source != path+".moved" {
		t.Errorf("it lies at %s", line.Again.Source)
	}
	for object, err := range r.Desk.Bucket.List(t.Context(), store.Orders()) {
		if err != nil || strings.Contains(object.Key, "DOE") {
			t.Errorf("key %s, %v", object.Key, err)
		}
	}
	if err := r.Desk.Ledger().GiveUp(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 0)
	if end, err := r.Desk.Ledger().End(t.Context(), line.Slide); err != nil || end.State != Failed || end.Reason == "" {
		t.Errorf("its end is %+v, %v", end, err)
	}
	if _, err := r.Take(t.Context(), Request{Path: path}); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 1)
}
