package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
)

// refusedForScale has refused the slide a.png of A1, whose scale nobody knows.
func refusedForScale(t *testing.T) *scanner {
	t.Helper()
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1\n")
	s.look(t)
	if got := s.Slides(); len(got) != 1 || got[0].State != intake.Refused {
		t.Fatalf("%+v, want it refused", got)
	}
	return s
}

// A slide that was refused for its scale is taken when the worklist brings one.
func TestScaleComesLater(t *testing.T) {
	s := refusedForScale(t)
	s.worklist(t, "a.png,A1,,1\n")
	s.look(t)
	if got := s.Slides(); got[0].State != intake.Waiting {
		t.Errorf("%+v, want it to wait", got)
	}
}

// A scale that came while nobody watched is heeded at the next start, whatever time the worklist bears; and once, at no
// later start again.
func TestScaleComesWhileAway(t *testing.T) {
	s := refusedForScale(t)
	s.worklist(t, "a.png,A1,,1\n")
	old := time.Now().Add(-time.Hour) // it was prepared elsewhere and copied with its time
	if err := os.Chtimes(filepath.Join(s.Dir, "list.csv"), old, old); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.restart(t)
		s.look(t)
		if got := s.Slides(); len(got) != 1 || got[0].State != intake.Waiting || got[0].Accession != "A1" {
			t.Errorf("%+v, want it to wait", got)
		}
		s.jobs(t, 1)
	}
	if len(s.told) != 2 || s.told[0].State != intake.Refused || s.told[1].State != intake.Waiting {
		t.Errorf("told %+v, want it refused and then taken once", s.told)
	}
}

// A refused slide that was ordered by hand, with a scale, is not ordered once more by the scale that the worklist gains.
func TestScaleComesAfterOrder(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1\n")
	s.look(t)
	byHand := *s.Reception
	byHand.Once = false
	if taken, err := byHand.Take(t.Context(), intake.Request{Path: s.path("a.png"), MPP: 1}); err != nil || taken.State != intake.Waiting {
		t.Fatalf("%+v, %v", taken, err)
	}
	s.worklist(t, "a.png,A1,,0.9\n")
	s.look(t)
	s.jobs(t, 1)
}

// Where refused files are put away, the scale says what else there is to do.
func TestScaleOfQuarantined(t *testing.T) {
	s := refusedAway(t, "a.png,A1\n")
	s.worklist(t, "a.png,A1,,1\n")
	s.look(t)
	if note := s.note(); !strings.Contains(note, "move its file back from quarantine") {
		t.Errorf("told %q", note)
	}
	if err := os.Rename(filepath.Join(s.Quarantine, "a.png"), s.path("a.png")); err != nil {
		t.Fatal(err)
	}
	s.look(t)
	if got := s.Slides(); len(got) != 1 || got[0].State != intake.Waiting {
		t.Errorf("%+v, want it to wait", got)
	}
}
