package watch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
)

// comeBack moves a file from where it was put away back into the folder.
func (s *scanner) comeBack(t *testing.T, from, file string) {
	t.Helper()
	if err := os.Rename(from, s.path(file)); err != nil {
		t.Fatal(err)
	}
}

// isOf looks which case the record of a slide has.
func (s *scanner) isOf(t *testing.T, e intake.Entry, want string) intake.Entry {
	t.Helper()
	now, err := s.Judge.Entry(t.Context(), e.Slide)
	if err != nil || now.Accession != want {
		t.Errorf("record %+v, %v, want it of case %s", now, err, want)
	}
	return now
}

// byHand orders a slide from quarantine, as with submit, and finds out where it lies.
func (s *scanner) byHand(t *testing.T, file, accession string) (away string) {
	t.Helper()
	away = filepath.Join(s.Quarantine, file)
	desk := *s.Reception
	desk.Once, desk.Parameters.MPP = false, 1
	if taken, err := desk.Take(t.Context(), intake.Request{Path: away, Accession: accession}); err != nil || taken.State != intake.Waiting {
		t.Fatalf("%+v, %v", taken, err)
	}
	s.Reception.Parameters.MPP = 1
	return away
}

// What a person orders by hand of a slide in quarantine stays while its line says what it said, however often the worklist
// is written; so it does when the file comes back, as it was or as a copy. What the line says anew counts, and no more of it.
func TestOrderByHandOfAbsent(t *testing.T) {
	for name, back := range map[string]func(t *testing.T, s *scanner, away string){
		"away": func(*testing.T, *scanner, string) {},
		"back": func(t *testing.T, s *scanner, away string) { s.comeBack(t, away, "a.png") },
		"back as a copy": func(t *testing.T, s *scanner, away string) {
			s.comeBack(t, away, "a.png")
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(s.path("a.png"), later, later); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := refusedAway(t, "a.png,A1\n")
			e := intake.Entry{Slide: s.slides["a.png"].Slide}
			s.restart(t)
			s.look(t)
			away := s.byHand(t, "a.png", "A9")
			s.worklist(t, "a.png,A1\nz.png,Z1\n")
			s.look(t)
			back(t, s, away)
			s.look(t)
			s.isOf(t, e, "A9")
			s.worklist(t, "a.png,A3\nz.png,Z1\n")
			s.look(t)
			s.isOf(t, e, "A3")
		})
	}
}

// So it is of a slide that this watch itself put away, for which its line counted already, and of one that was away at the
// start, came back and was put away again.
func TestOrderByHandSinceTaken(t *testing.T) {
	for name, before := range map[string]bool{"taken": false, "taken again": true} {
		t.Run(name, func(t *testing.T) {
			s, row := refusedAway(t, "a.png,A1\n"), "a.png,A1\n"
			e := intake.Entry{Slide: s.slides["a.png"].Slide}
			if before {
				s.restart(t)
				s.look(t)
				s.comeBack(t, filepath.Join(s.Quarantine, "a.png"), "a.png")
				s.look(t)
				row = "a.png,A2\n"
				s.worklist(t, row)
				s.look(t)
				s.isOf(t, e, "A2")
			}
			away := s.byHand(t, "a.png", "A9")
			s.worklist(t, row+"z.png,Z1\n")
			s.look(t)
			s.comeBack(t, away, "a.png")
			s.look(t)
			s.isOf(t, e, "A9")
			s.worklist(t, "a.png,A3\nz.png,Z1\n")
			s.look(t)
			s.isOf(t, e, "A3")
		})
	}
}

// An order by hand calls a slide by the last part of its name; what its line says anew counts all the same.
func TestCorrectedSinceOrderByHand(t *testing.T) {
	s := newScanner(t)
	s.Quarantine = t.TempDir()
	if err := os.Mkdir(s.path("sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.picture(t, "sub/a.png", 1)
	s.worklist(t, "sub/a.png,A1\n")
	s.look(t)
	e := intake.Entry{Slide: s.slides["sub/a.png"].Slide}
	s.restart(t)
	s.look(t)
	s.byHand(t, "sub/a.png", "A9")
	s.worklist(t, "sub/a.png,A1\nz.png,Z1\n")
	s.look(t)
	s.isOf(t, e, "A9")
	s.worklist(t, "sub/a.png,A3\nz.png,Z1\n")
	s.look(t)
	s.isOf(t, e, "A3")
}

// A line that has another priority now says nothing new of the case.
func TestPriorityOfAbsentKeepsCase(t *testing.T) {
	s := refusedAway(t, "a.png,A1\n")
	id := s.slides["a.png"].Slide
	s.restart(t)
	s.look(t)
	if _, err := s.Reception.Amend(t.Context(), id, intake.Request{Accession: "A9"}); err != nil {
		t.Fatal(err)
	}
	s.worklist(t, "a.png,A1,stat\n")
	s.look(t)
	if e := s.isOf(t, intake.Entry{Slide: id}, "A9"); e.Priority != jobs.Stat {
		t.Errorf("record %+v", e)
	}
}

// Of an archived slide it is said once that a priority came too late, not whenever the worklist is written; a line that says
// what it said costs nothing.
func TestLatePriorityOfAbsent(t *testing.T) {
	s, _ := doneAt(t)
	if err := os.Rename(s.path("a.png"), filepath.Join(t.TempDir(), "a.png")); err != nil {
		t.Fatal(err)
	}
	s.restart(t)
	s.look(t)
	for _, further := range []string{"", "b.png,B1\n", "b.png,B2\n"} {
		s.worklist(t, "a.png,A1,stat,1\n"+further)
		s.look(t)
		s.Judge.Dead = func(context.Context) ([]jobs.Dead, error) {
			t.Error("the dead list is read")
			return nil, nil
		}
	}
	if n := strings.Count(s.note(), "done already"); n != 1 {
		t.Errorf("told %d times: %q", n, s.note())
	}
}
