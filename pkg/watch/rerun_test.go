package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// finish puts the manifests of a slide and its run into the store, as tiler and stitcher do last.
func (s *scanner) finish(t *testing.T, file string) intake.Entry {
	t.Helper()
	e, err := s.Judge.Entry(t.Context(), s.slides[file].Slide)
	if err != nil {
		t.Fatal(err)
	}
	keys := store.Slide(e.Slide)
	for _, key := range []string{keys.Manifest(), keys.Run(e.Run).Manifest()} {
		if err := s.Judge.Bucket.Put(t.Context(), key, strings.NewReader("{}"), 2); err != nil {
			t.Fatal(err)
		}
	}
	s.look(t)
	if got := s.slides[file].State; got != "done" {
		t.Fatalf("it is %s", got)
	}
	return e
}

// doneAt has finished a.png, which the worklist gave a scale of 1 µm.
func doneAt(t *testing.T) (s *scanner, first pyramid.RunID) {
	t.Helper()
	s = newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,,1\n")
	s.look(t)
	first = s.finish(t, "a.png").Run
	s.told = nil
	return s, first
}

// A slide whose scale the worklist corrects is ordered anew with it, once, and that is said; its case and priority of that
// line count, too.
func TestCorrectedScale(t *testing.T) {
	for name, restarts := range map[string]bool{"meanwhile": false, "while away": true} {
		t.Run(name, func(t *testing.T) {
			s, first := doneAt(t)
			s.worklist(t, "a.png,A2,stat,0.9\n")
			old := time.Now().Add(-time.Hour) // it was prepared elsewhere and copied with its time
			if err := os.Chtimes(filepath.Join(s.Dir, "list.csv"), old, old); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if restarts {
					s.restart(t)
				}
				s.look(t)
				s.jobs(t, 2)
				e, err := s.Judge.Entry(t.Context(), s.Slides()[0].Slide)
				if err != nil || e.Run == first || e.ListedMPP != 0.9 || e.Accession != "A2" || e.Priority != "stat" {
					t.Fatalf("record %+v, %v", e, err)
				}
			}
			if note := s.note(); strings.Count(note, "a scale of 0.9 µm now, and it was ordered with 1: it is ordered anew") != 1 {
				t.Errorf("told %q", note)
			}
			if got := s.Slides()[0]; got.State != intake.Waiting || s.Open() != 1 {
				t.Errorf("%+v, want it to wait", got)
			}
			if second := s.finish(t, "a.png"); second.Run == first {
				t.Error("it has the old run")
			}
			s.restart(t)
			s.look(t)
			s.jobs(t, 2)
		})
	}
}

// Whoever watches until all is done does not end before a corrected scale is heeded.
func TestCorrectedScaleIsAwaited(t *testing.T) {
	s, _ := doneAt(t)
	s.worklist(t, "a.png,A1,,0.9\n")
	if open, err := s.Look(t.Context()); open+s.Open() == 0 || err != nil {
		t.Errorf("nothing is open, %v", err)
	}
	if open, err := s.Look(t.Context()); open != 0 || s.Open() != 1 || err != nil {
		t.Errorf("%d files and %d slides are open, %v", open, s.Open(), err)
	}
}

// An order that waits, or came to nothing, has the wrong scale as well; one that a person cancelled stays so.
func TestCorrectedScaleOfOthers(t *testing.T) {
	for state, want := range map[string]string{"": intake.Waiting, intake.Failed: intake.Waiting, intake.Cancelled: intake.Cancelled} {
		s := newScanner(t)
		s.picture(t, "a.png", 1)
		s.worklist(t, "a.png,A1,,1\n")
		s.look(t)
		id := s.Slides()[0].Slide
		before, err := s.Judge.Entry(t.Context(), id)
		if err == nil && state != "" {
			err = s.Judge.Close(t.Context(), id, intake.End{State: state, Reason: "x", At: time.Now()})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.worklist(t, "a.png,A1,,0.9\n")
		s.look(t)
		s.stands(t, id, want)
		now, err := s.Judge.Entry(t.Context(), id)
		if err != nil || (now.Run == before.Run) != (want == intake.Cancelled) {
			t.Errorf("%q: %+v, %v", state, now, err)
		}
		if note := s.note(); want == intake.Cancelled && !strings.Contains(note, "order it again with `slidemill submit --mpp 0.9`") {
			t.Errorf("%q: told %q", state, note)
		}
	}
}

// What a person ordered at another scale stays while the worklist says what it said; that scale is no correction of it.
func TestOrderByHandKeepsItsScale(t *testing.T) {
	s, _ := doneAt(t)
	byHand := *s.Reception
	byHand.Once, byHand.Parameters.MPP = false, 0.8
	if taken, err := byHand.Take(t.Context(), intake.Request{Path: s.path("a.png")}); err != nil || taken.State != intake.Waiting {
		t.Fatalf("%+v, %v", taken, err)
	}
	s.worklist(t, "a.png,A1,,1\nb.png,A2,,1\n")
	s.restart(t)
	s.look(t)
	s.jobs(t, 2)
	s.worklist(t, "a.png,A1,,0.8\n")
	s.look(t)
	s.jobs(t, 2)
	if note := strings.TrimSpace(s.note()); note != "" {
		t.Errorf("told %q", note)
	}
}

// Where the file is away it is said what to do, whether it left before the watch began or since; when it comes back it is
// ordered anew.
func TestCorrectedScaleOfAbsent(t *testing.T) {
	for name, restarts := range map[string]bool{"meanwhile": false, "while away": true} {
		t.Run(name, func(t *testing.T) {
			s, first := doneAt(t)
			archive := filepath.Join(t.TempDir(), "a.png")
			if err := os.Rename(s.path("a.png"), archive); err != nil {
				t.Fatal(err)
			}
			s.worklist(t, "a.png,A1,,0.9\n")
			if restarts {
				s.restart(t)
			}
			s.look(t)
			if note := s.note(); strings.Count(note, "slidemill submit --mpp 0.9") != 1 {
				t.Errorf("told %q", note)
			}
			s.jobs(t, 1)
			if err := os.Rename(archive, s.path("a.png")); err != nil {
				t.Fatal(err)
			}
			s.look(t)
			s.jobs(t, 2)
			if got := s.Slides(); len(got) != 1 || got[0].State != intake.Waiting || s.finish(t, "a.png").Run == first {
				t.Errorf("%+v, want it to be ordered anew", got)
			}
		})
	}
}

// A corrected scale that no model takes leaves what there is, and is said.
func TestCorrectedScaleThatDoesNotFit(t *testing.T) {
	s, first := doneAt(t)
	s.worklist(t, "a.png,A1,,50\n")
	s.look(t)
	s.jobs(t, 1)
	if note := s.note(); !strings.Contains(note, "cannot be analysed at the 50 µm") {
		t.Errorf("told %q", note)
	}
	if e, err := s.Judge.Entry(t.Context(), s.Slides()[0].Slide); err != nil || e.Run != first || s.Slides()[0].State != "done" {
		t.Errorf("%+v, %v", e, err)
	}
}
