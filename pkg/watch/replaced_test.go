package watch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// damaged puts half a slide into the folder, looks until it has failed, and says by which id.
func (s *scanner) damaged(t *testing.T, names ...string) pyramid.SlideID {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte("half a slide"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.look(t)
	s.look(t)
	one := s.slides[names[0]]
	if one == nil || one.State != intake.Failed {
		t.Fatalf("half a slide is %+v", one)
	}
	return one.Slide
}

// What a damaged file came to is replaced when a good one of its name is ordered while nobody watches; the dead list has it
// no more, and its reason stays.
func TestReplacedWhileAway(t *testing.T) {
	for _, quarantine := range []string{"", t.TempDir()} {
		s := newScanner(t)
		s.Reception.Parameters.MPP = 1
		s.Quarantine = quarantine
		half := s.damaged(t, "a.tif")
		s.picture(t, "a.tif", 9)
		s.restart(t)
		s.look(t)
		s.stands(t, half, intake.Replaced)
		if end, err := s.Judge.End(t.Context(), half); err != nil || !strings.Contains(end.Reason, "it had failed: ") {
			t.Errorf("%+v, %v", end, err)
		}
		if refusals, err := s.Judge.Refusals(t.Context(), time.Time{}); err != nil || len(refusals) > 0 {
			t.Errorf("on the dead list %+v, %v", refusals, err)
		}
	}
}

// A good file in the place of a damaged one has its case, and is told with it, though no worklist says it any more.
func TestReplacedKeepsTheCase(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	s.worklist(t, "a.tif,A1\n")
	s.damaged(t, "a.tif")
	if err := os.Remove(filepath.Join(s.Dir, "list.csv")); err != nil {
		t.Fatal(err)
	}
	s.picture(t, "a.tif", 9)
	s.look(t)
	got := s.Slides()[0]
	e, err := s.Judge.Entry(t.Context(), got.Slide)
	if err != nil || got.State != intake.Waiting || got.Accession != "A1" || e.Accession != "A1" {
		t.Errorf("told as %+v, kept as %+v, %v", got, e, err)
	}
}

// What another folder's file of the same name came to is nobody's here.
func TestReplacedElsewhere(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	half := s.damaged(t, "a.tif")
	s.Dir = t.TempDir()
	s.picture(t, "a.tif", 9)
	s.restart(t)
	s.look(t)
	if got := s.Slides(); len(got) != 1 || got[0].State != intake.Waiting {
		t.Errorf("slides %+v", got)
	}
	s.stands(t, half, intake.Failed)
}

// Of two damaged files with the same bytes the one that was not replaced failed still, until it is.
func TestReplacedOneOfTwo(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	half := s.damaged(t, "a.tif", "b.tif")
	s.picture(t, "a.tif", 8)
	s.look(t)
	s.stands(t, half, intake.Failed)
	if e, err := s.Judge.Entry(t.Context(), half); err != nil || e.File != "b.tif" || len(e.Names) > 0 || e.Again != nil {
		t.Errorf("record %+v, %v", e, err)
	}
	if got := s.Slides(); len(got) != 2 || got[1].Doubled != "" || got[1].State != intake.Failed {
		t.Errorf("slides %+v", got)
	}
	s.picture(t, "b.tif", 9)
	s.look(t)
	s.stands(t, half, intake.Replaced)
}

// A slide whose job died is replaced, too, job and all; and one that is put back is tried again.
func TestReplacedOrder(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	s.picture(t, "a.tif", 1)
	s.look(t)
	d, err := s.queue.Take(t.Context(), jobs.Tile)
	if err != nil {
		t.Fatal(err)
	}
	dead := jobs.Dead{Job: d.Job(), Reason: "a tile is damaged", At: time.Now()}
	if err := errors.Join(s.queue.Bury(t.Context(), dead), d.Term(t.Context(), dead.Reason)); err != nil {
		t.Fatal(err)
	}
	s.look(t)
	bad := s.Slides()[0]
	if bad.State != intake.Failed {
		t.Fatalf("%+v, want it failed", bad)
	}
	s.picture(t, "a.tif", 222)
	s.restart(t)
	s.look(t)
	s.stands(t, bad.Slide, intake.Replaced)
	if dead, err := s.queue.Dead(t.Context()); err != nil || len(dead) > 0 {
		t.Errorf("dead %+v, %v", dead, err)
	}
	s.jobs(t, 1)
	s.picture(t, "b.tif", 1)
	s.look(t)
	s.stands(t, bad.Slide, intake.Waiting)
	s.jobs(t, 2)
}
