package watch

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
)

// order is the record of the folder's only slide, which has one job in the queue.
func (s *scanner) order(t *testing.T) intake.Entry {
	t.Helper()
	s.jobs(t, 1)
	slides := s.Slides()
	if len(slides) == 0 {
		t.Fatal("no slide was taken")
	}
	e, err := s.Judge.Entry(t.Context(), slides[0].Slide)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// twinFiles puts a slide and its copy into the folder.
func (s *scanner) twinFiles(t *testing.T) {
	t.Helper()
	s.picture(t, "a.tif", 1)
	s.picture(t, "b.tif", 1)
}

// lane is the priority that the waiting job has.
func (s *scanner) lane(t *testing.T) jobs.Priority {
	t.Helper()
	d, err := s.queue.Take(t.Context(), jobs.Tile)
	if err != nil {
		t.Fatal(err)
	}
	return d.Job().Priority.Known()
}

// Of two files that hold one slide the first by name takes the order. The row of the other counts for it, whether it was
// there at once, comes later, or came while nobody watched.
func TestTwinsRowCounts(t *testing.T) {
	for name, bring := range map[string]func(t *testing.T, s *scanner, row string){
		"at once": func(t *testing.T, s *scanner, row string) {
			s.worklist(t, row+"a.tif,,urgent\n")
			s.twinFiles(t)
		},
		"later": func(t *testing.T, s *scanner, row string) {
			s.twinFiles(t)
			s.look(t)
			s.worklist(t, row)
		},
		"away": func(t *testing.T, s *scanner, row string) {
			s.twinFiles(t)
			s.look(t)
			s.worklist(t, row)
			s.restart(t)
		},
		"with its file": func(t *testing.T, s *scanner, row string) {
			s.picture(t, "a.tif", 1)
			s.worklist(t, row)
			s.look(t)
			s.picture(t, "b.tif", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScanner(t)
			s.Reception.Parameters.MPP = 1
			bring(t, s, "b.tif,A2,urgent\n")
			s.look(t)
			if e := s.order(t); e.File != "a.tif" || !slices.Equal(e.Names, []string{"b.tif"}) || e.Accession != "A2" || e.Priority != jobs.Urgent {
				t.Errorf("record %+v", e)
			}
			if note := s.note(); !strings.Contains(note, "A2") || !strings.Contains(note, "another file") {
				t.Errorf("told %q", note)
			}
			if got := s.Slides(); len(got) != 2 || got[0].Accession != "A2" || got[1].Doubled != "a.tif" {
				t.Errorf("slides %+v", got)
			}
			if problems := s.SheetProblems(); len(problems) > 0 {
				t.Errorf("problems %q", problems)
			}
			if lane := s.lane(t); lane != jobs.Urgent {
				t.Errorf("the job is %s", lane)
			}
		})
	}
}

// Whoever is in a hurry is read first, and takes the order with its priority: a job that is begun cannot be moved.
func TestUrgentTwinIsFirst(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	s.worklist(t, "b.tif,A2,urgent\n")
	s.twinFiles(t)
	for range 2 {
		s.look(t)
		if e := s.order(t); e.File != "b.tif" || e.Accession != "A2" || e.Priority != jobs.Urgent {
			t.Errorf("record %+v", e)
		}
		if got := s.Slides(); len(got) != 2 || got[0].Doubled != "b.tif" || got[1].Doubled != "" {
			t.Errorf("slides %+v", got)
		}
		s.restart(t)
	}
	if note := strings.TrimSpace(s.note()); note != "" {
		t.Errorf("told %q of an order that was right at once", note)
	}
}

// What comes too late is said once, not at every start.
func TestTwinsLateRow(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	s.picture(t, "a.tif", 1)
	s.worklist(t, "b.tif,A2,urgent\n")
	s.look(t)
	if err := s.Judge.Close(t.Context(), s.Slides()[0].Slide, intake.End{State: intake.Cancelled, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	s.picture(t, "b.tif", 1)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(s.Dir, "list.csv"), old, old); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.look(t)
		if e := s.order(t); e.Accession != "A2" || e.Priority != jobs.Routine {
			t.Errorf("record %+v", e)
		}
		s.restart(t)
	}
	if n := strings.Count(s.note(), "cancelled already"); n != 1 {
		t.Errorf("told %d times: %q", n, s.note())
	}
}

// Of rows that contradict each other the first file's accession stays, the most urgent priority counts, and the other row is
// named, at every start, until one of them is corrected.
func TestTwinsContradict(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	s.worklist(t, "a.tif,A1,stat\nb.tif,A2,urgent\nc.tif,,stat\n")
	s.twinFiles(t)
	s.picture(t, "c.tif", 1)
	for range 2 {
		s.look(t)
		if e := s.order(t); e.Accession != "A1" || e.Priority != jobs.Stat {
			t.Errorf("record %+v", e)
		}
		if problems := s.SheetProblems(); len(problems) != 1 || !strings.Contains(problems[0], "list.csv, line 3: b.tif holds the same slide") || !strings.Contains(problems[0], "A1") {
			t.Errorf("problems %q", problems)
		}
		s.restart(t)
	}
	s.look(t)
	s.worklist(t, "a.tif,A2,\nb.tif,A2,stat\n")
	s.look(t)
	if e := s.order(t); e.Accession != "A2" {
		t.Errorf("record %+v", e)
	}
	if problems := s.SheetProblems(); len(problems) > 0 {
		t.Errorf("corrected, but %q", problems)
	}
}

// A scale that the worklist gives to one of the files makes the one order that there is, whichever file comes first; what
// the others would be refused for does not undo it, at no start.
func TestTwinsScale(t *testing.T) {
	for _, row := range []string{"a.tif,A1,,1\n", "b.tif,A1,,1\n"} {
		s := newScanner(t)
		s.worklist(t, row)
		s.twinFiles(t)
		for range 3 {
			s.look(t)
			s.look(t)
			if e := s.order(t); e.File != row[:5] || e.Accession != "A1" {
				t.Errorf("%q: record %+v", row, e)
			}
			for _, one := range s.Slides() {
				if one.State != intake.Waiting || one.Doubled != "" && one.Doubled != row[:5] {
					t.Errorf("%q: %+v", row, one)
				}
			}
			s.restart(t)
		}
	}
}

// A slide that can be read without the worklist's scale is not ordered once more with its own by the file that has no row.
func TestTwinsOwnScale(t *testing.T) {
	for _, row := range []string{"a.tif,A1,,0.9\n", "b.tif,A1,,0.9\n"} {
		s := newScanner(t)
		s.Reception.Parameters.MPP = 1
		s.worklist(t, row)
		s.twinFiles(t)
		for range 2 {
			s.look(t)
			if e := s.order(t); e.File != "a.tif" || e.Accession != "A1" {
				t.Errorf("%q: record %+v", row, e)
			}
			s.restart(t)
		}
	}
}

// Both are refused without a scale, and one row gains it.
func TestTwinsScaleComesLater(t *testing.T) {
	s := newScanner(t)
	s.worklist(t, "a.tif,A1\n")
	s.twinFiles(t)
	s.look(t)
	s.jobs(t, 0)
	s.worklist(t, "a.tif,A1\nb.tif,,,1\n")
	s.look(t)
	if e := s.order(t); e.Accession != "A1" || e.File != "a.tif" {
		t.Errorf("record %+v", e)
	}
	for _, one := range s.Slides() {
		if one.State != intake.Waiting {
			t.Errorf("%+v, want it to wait", one)
		}
	}
}

// Damaged files of two cases that hold the same bytes are not one slide: neither takes the other's accession, and nobody
// contradicts anybody.
func TestDamagedAreNoTwins(t *testing.T) {
	s := newScanner(t)
	s.worklist(t, "a.svs,A1\nb.svs,A2\n")
	for _, name := range []string{"a.svs", "b.svs"} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte("half a slide"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.look(t)
	s.look(t)
	got := s.Slides()
	if len(got) != 2 || got[0].Accession != "A1" || got[1].Accession != "A2" || got[1].State != intake.Failed {
		t.Errorf("slides %+v", got)
	}
	if problems := s.SheetProblems(); len(problems) > 0 {
		t.Errorf("problems %q", problems)
	}
}

// cases are the accessions that files are told with.
func cases(slides []Slide) map[string]string {
	list := map[string]string{}
	for _, s := range slides {
		list[s.File] = s.Accession
	}
	return list
}

// A watch and an inventory of its folder tell each file with the same accession, from the start and when the row of a copy
// is corrected: copies with a row and without one, and damaged files, which have nothing in common.
func TestCaseIsTheSameInEachList(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	s.twinFiles(t)
	s.picture(t, "c.tif", 1)
	for _, name := range []string{"x.svs", "y.svs", "z.svs"} {
		write(t, filepath.Join(s.Dir, name), "half a slide")
	}
	for _, c := range []struct{ rows, copied string }{
		{"a.tif,A1\nb.tif,A2\nx.svs,A4\ny.svs,A5\n", "A2"},
		{"a.tif,A1\nb.tif,A3\nx.svs,A4\ny.svs,A5\n", "A3"},
	} {
		s.worklist(t, c.rows)
		s.look(t)
		lines, err := s.Judge.Lines(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := TakeInventory(t.Context(), Config{Dir: s.Dir, Log: s.Log}, lines, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"a.tif": "A1", "b.tif": c.copied, "c.tif": "A1", "x.svs": "A4", "y.svs": "A5", "z.svs": ""}
		if got := cases(s.Slides()); !maps.Equal(got, want) {
			t.Errorf("watch: %v, want %v", got, want)
		}
		if got := cases(found.Ordered); !maps.Equal(got, want) {
			t.Errorf("inventory: %v, want %v", got, want)
		}
	}
}
