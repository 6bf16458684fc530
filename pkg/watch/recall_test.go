package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// recalled starts anew on the folder and reports whether its only slide is known without being read.
func (s *scanner) recalled(t *testing.T) bool {
	t.Helper()
	w, err := New(t.Context(), s.Config)
	if err != nil {
		t.Fatal(err)
	}
	found, err := w.scan(t.Context())
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return w.recall(found[0])
}

// A DICOM slide of many instances is known again at the next start, as other slides are; one that was ordered
// before sizes were taken over all its files is read once more and no more.
func TestDICOMIsRecalled(t *testing.T) {
	s := newScanner(t)
	s.Dir = slidetest.DICOM{Size: pyramid.Size{W: 200, H: 130}, Tile: 64, Levels: 2}.Write(t)
	for range 2 {
		if _, err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if slides := s.Slides(); len(slides) != 1 || slides[0].State != intake.Waiting {
		t.Fatalf("slides %+v", slides)
	}
	if !s.recalled(t) {
		t.Error("it is read again at each start")
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(s.Dir, "level1.dcm"), later, later); err != nil {
		t.Fatal(err)
	}
	if s.recalled(t) {
		t.Fatal("a slide that changed is taken for the same without being read")
	}
	again, err := New(t.Context(), s.Config)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := again.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !s.recalled(t) {
		t.Error("it was read again, is the same, and is not known for it")
	}
}

// twoOrdered is a scanner of two slides, a.png and b.png, that are ordered.
func twoOrdered(t *testing.T) *scanner {
	t.Helper()
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.picture(t, "b.png", 2)
	s.worklist(t, "a.png,A1,,1\nb.png,A1,,1\n")
	s.look(t)
	return s
}

// A new start says of what had ended that it is no news, once; what ends later is news.
func TestEndedBefore(t *testing.T) {
	s := twoOrdered(t)
	end := func(file string) {
		t.Helper()
		id := s.slides[file].Slide
		if err := s.Judge.Ledger.Close(t.Context(), id, intake.End{State: intake.Failed, Reason: "x", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	end("a.png")
	s.look(t)
	var err error
	if s.Watcher, err = New(t.Context(), s.Config); err != nil {
		t.Fatal(err)
	}
	s.told = nil
	s.look(t)
	if len(s.told) != 1 || s.told[0].File != "a.png" || !s.told[0].Before || s.told[0].State != intake.Failed {
		t.Errorf("told at a new start: %+v", s.told)
	}
	s.told = nil
	end("b.png")
	s.look(t)
	if len(s.told) != 1 || s.told[0].File != "b.png" || s.told[0].Before {
		t.Errorf("told of what ended since: %+v", s.told)
	}
}

// What was told of a file is not told again at the next start, by whatever name of its slide the file is known: a copy, or
// a file that was renamed since its slide was ordered.
func TestToldOnce(t *testing.T) {
	s := twoOrdered(t)
	s.picture(t, "copy.png", 1)
	if err := os.Rename(s.path("b.png"), s.path("renamed.png")); err != nil {
		t.Fatal(err)
	}
	s.worklist(t, "a.png,A1,,1\nrenamed.png,A1,,1\ncopy.png,A1,,1\n")
	s.told = nil
	s.look(t)
	if len(s.told) != 2 || s.told[0].Doubled != "a.png" || s.told[1].Doubled != "b.png" {
		t.Fatalf("told of new names: %+v", s.told)
	}
	s.told = nil
	s.restart(t)
	s.look(t)
	if len(s.told) != 0 {
		t.Errorf("told while they are open: %+v", s.told)
	}
	s.finish(t, "renamed.png")
	s.finish(t, "a.png")
	if len(s.told) != 2 || s.told[0].File != "renamed.png" || s.told[0].Before || s.told[1].File != "a.png" || s.told[1].Before {
		t.Errorf("told when they ended: %+v", s.told)
	}
	s.told = nil
	s.restart(t)
	s.look(t)
	for _, one := range s.told {
		if !one.Before {
			t.Errorf("told as news: %+v", one)
		}
	}
	if len(s.told) != 3 {
		t.Errorf("told %+v", s.told)
	}
}

// A damaged file that was copied again as it was is told of once: its new time is written down.
func TestDamagedIsToldOnce(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.tif", 1) // of no scale
	s.look(t)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(s.path("a.tif"), later, later); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		s.told = nil
		s.restart(t)
		s.look(t)
		if len(s.told) != 1 || (s.told[0].Again != "") != want || s.told[0].Before == want {
			t.Errorf("told %+v, want it to be news: %v", s.told, want)
		}
	}
}
