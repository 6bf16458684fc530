package watch

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
)

// beside watches another folder with the same system behind it.
func (s *scanner) beside(t *testing.T) *scanner {
	t.Helper()
	far, config := &scanner{queue: s.queue}, s.Config
	config.Dir, config.Told = t.TempDir(), func(one Slide) { far.told = append(far.told, one) }
	var err error
	if far.Watcher, err = New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return far
}

// A copy in another folder leaves a slide its case, at no start and whatever its row says then, and is told as a copy of what
// was ordered. A file of that folder's own has a row that counts, under whatever name, and so has one of the same name: its
// folder may have been moved.
func TestCopyInAnotherFolder(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		watch func(s *scanner) *scanner
		want  string
	}{
		"another folder": {"b.png", func(s *scanner) *scanner { return s.beside(t) }, "A1"},
		"its folder":     {"b.png", func(s *scanner) *scanner { return s }, "A3"},
		"moved folder":   {"a.png", func(s *scanner) *scanner { return s.beside(t) }, "A3"},
	} {
		t.Run(name, func(t *testing.T) {
			first, _ := doneAt(t)
			e := first.order(t)
			if err := os.Remove(first.path("a.png")); err != nil {
				t.Fatal(err)
			}
			s := c.watch(first)
			s.restart(t)
			s.picture(t, c.file, 1)
			for _, accession := range []string{"A2", "A3"} {
				s.worklist(t, c.file+","+accession+",,1\n")
				s.look(t)
				if c.want == "A1" {
					s.isOf(t, e, "A1")
				} else {
					s.isOf(t, e, accession)
				}
				if got := s.slides[c.file]; got.State != "done" || (got.Doubled == "a.png") != (c.want == "A1") {
					t.Errorf("%+v", got)
				}
				if got := s.Slides(); len(got) != 1 || got[0].Accession != accession {
					t.Errorf("told as %+v", got)
				}
				s.restart(t)
			}
			s.look(t)
			s.isOf(t, e, c.want)
			s.worklist(t, c.file+",A4,,1\n")
			s.look(t)
			if c.want == "A1" {
				s.isOf(t, e, "A1")
				if note := strings.TrimSpace(s.note()); note != "" || s.told[0].Doubled != "a.png" || s.told[0].Before || !s.told[1].Before {
					t.Errorf("told %+v", s.told)
				}
			}
		})
	}
}

// An order of another folder that is open keeps its case as well, and who watches the copy hears how it ends.
func TestCopyOfOpenSlide(t *testing.T) {
	first := newScanner(t)
	first.picture(t, "a.png", 1)
	first.worklist(t, "a.png,A1,,1\n")
	first.look(t)
	e := first.order(t)
	s := first.beside(t)
	s.picture(t, "b.png", 1)
	for _, row := range []string{"b.png,A2,,1\n", "b.png,A3,stat,1\n", "b.png,A3,stat,0.9\n"} {
		s.worklist(t, row)
		s.look(t)
		s.jobs(t, 1)
		if now := s.isOf(t, e, "A1"); now.Run != e.Run || now.Priority != e.Priority {
			t.Errorf("record %+v", now)
		}
	}
	s.finish(t, "b.png")
	if last := s.told[len(s.told)-1]; last.State != "done" {
		t.Errorf("told %+v", s.told)
	}
}

// A damaged file that has name and bytes of one in another folder is another one's, and leaves that one its case.
func TestDamagedInAnotherFolder(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		later time.Duration
	}{
		"damaged": {"half a slide", time.Hour}, "empty": {"", time.Hour},
		"damaged, with its time": {"half a slide", 0}, "empty, with its time": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			first := newScanner(t)
			write(t, first.path("a.svs"), c.text)
			first.worklist(t, "a.svs,A1\n")
			first.look(t)
			first.look(t)
			e := intake.Entry{Slide: first.slides["a.svs"].Slide}
			first.isOf(t, e, "A1")
			s := first.beside(t)
			write(t, s.path("a.svs"), c.text)
			info, err := os.Stat(first.path("a.svs"))
			if err != nil {
				t.Fatal(err)
			}
			then := info.ModTime().Add(c.later)
			if err := os.Chtimes(s.path("a.svs"), then, then); err != nil {
				t.Fatal(err)
			}
			for _, accession := range []string{"B1", "B2"} {
				s.worklist(t, "a.svs,"+accession+"\n")
				s.look(t)
				s.look(t)
				s.isOf(t, e, "A1")
				if got := s.Slides(); len(got) != 1 || got[0].State != intake.Failed || got[0].Accession != accession || got[0].Doubled != "" {
					t.Errorf("told as %+v", got)
				}
				s.restart(t)
			}
		})
	}
}
