package watch

import (
	"errors"
	"io/fs"
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

// A DICOM slide goes into quarantine with all its instances, and nothing else does.
func TestQuarantineTakesAllInstances(t *testing.T) {
	dir, bad := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "case"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.dcm", "b.DCM", "c.svs"} {
		if err := os.WriteFile(filepath.Join(dir, "case", name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &Watcher{Config: Config{Dir: dir, Quarantine: bad}}
	if _, err := w.quarantine(&Slide{File: "case/a.dcm", State: intake.Failed, Reason: "cut short"}); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string][]string{dir: {"c.svs"}, bad: {"a.dcm", "a.dcm.reason.txt", "b.DCM"}} {
		entries, err := os.ReadDir(filepath.Join(folder, "case"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// reasons are the names of the reason files in quarantine.
func (s *scanner) reasons(t *testing.T) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.Quarantine, "*"+reasonFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		names = append(names, filepath.Base(name))
	}
	return names
}

// The reason of a slide that was moved back from quarantine goes when it is done, and not before; so does one that was left
// by an earlier watch. What is no reason of ours, or somebody wrote into, and that of a slide that lies there stay.
func TestReasonGoesWithItsSlide(t *testing.T) {
	s := refusedAway(t, "a.png,A1\n")
	if got := s.reasons(t); !slices.Equal(got, []string{"a.png.reason.txt"}) {
		t.Fatalf("reasons %q", got)
	}
	s.worklist(t, "a.png,A1,,1\n")
	if err := os.Rename(filepath.Join(s.Quarantine, "a.png"), s.path("a.png")); err != nil {
		t.Fatal(err)
	}
	s.look(t)
	if got := s.reasons(t); len(got) != 1 {
		t.Errorf("before it is done: reasons %q", got)
	}
	s.finish(t, "a.png")
	if got := s.reasons(t); len(got) != 0 {
		t.Errorf("when it is done: reasons %q", got)
	}
	stay := map[string]string{
		"b.png.reason.txt":                 "failed: of another slide\n",
		"a.png.20260102T030405.reason.txt": "failed: cut short\n", "a.png.20260102T030405": "the damaged one\n",
		"a.png.20260102T030406.reason.txt": "failed: cut short\nDr. X has asked for it to be scanned again\n",
		"a.png.20260102T030407.reason.txt": "rescan: glass broken\n",
		"a.png.20260102T03.reason.txt":     "failed: of a slide with such a name\n",
	}
	all := maps.Clone(stay)
	all["a.png.reason.txt"], all["a.png.20260102T030408.reason.txt"] = "refused: no scale\n", "failed: cut short\n"
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(s.Quarantine, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.restart(t)
	s.look(t)
	left, err := os.ReadDir(s.Quarantine)
	if err != nil || len(left) != len(stay) {
		t.Errorf("%v, %v, want %d files left", left, err, len(stay))
	}
	for _, e := range left {
		if _, ok := stay[e.Name()]; !ok {
			t.Errorf("%s is there still", e.Name())
		}
	}
}

// A quarantine that is a link to a folder, as on another drive, is cleared as well.
func TestReasonGoesBehindALink(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "quarantine")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	reason := filepath.Join(dir, "a.svs"+reasonFile)
	write(t, reason, "failed: cut short\n")
	if err := clearReasons(link, map[string]bool{"a.svs": true}, func() {}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(reason); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there still, error %v", err)
	}
}

// What we write is known for ours, whatever the reason.
func TestReasonIsOurs(t *testing.T) {
	if text := reasonText(&Slide{State: intake.Failed, Reason: "panic:\n\tstack: one\n\ttwo\n"}, time.Now()); !isReason([]byte(text)) {
		t.Errorf("%q", text)
	}
}

// refusedAway is a scanner whose worklist gives a.png no scale: it was refused and lies in quarantine.
func refusedAway(t *testing.T, worklist string) *scanner {
	t.Helper()
	s := newScanner(t)
	s.Quarantine = t.TempDir()
	s.picture(t, "a.png", 1)
	s.worklist(t, worklist)
	s.look(t)
	return s
}

// A file that is moved back from quarantine as it was goes there again, whoever is watching, and that is news: it is told
// with what helps, and stands below what the reason file said before. An empty file of another case is another one.
func TestMovedBackAsItWas(t *testing.T) {
	for name, restarts := range map[string]bool{"meanwhile": false, "while away": true} {
		t.Run(name, func(t *testing.T) {
			s := refusedAway(t, "a.png,A1\n")
			write(t, s.path("empty.svs"), "")
			s.look(t)
			if last := s.told[len(s.told)-1]; last.File != "empty.svs" || last.Again != "" {
				t.Errorf("told of the first empty file: %+v", last)
			}
			for range 2 {
				s.told = nil
				away := filepath.Join(s.Quarantine, "a.png")
				if err := os.Rename(away, s.path("a.png")); err != nil {
					t.Fatal(err)
				}
				if restarts {
					s.restart(t)
				}
				s.look(t)
				if len(s.told) != 1 || s.told[0].File != "a.png" || !strings.Contains(s.told[0].Again, "slidemill dead retry") {
					t.Errorf("told %+v", s.told)
				}
				if _, err := os.Stat(away); err != nil {
					t.Error(err)
				}
			}
			text, err := os.ReadFile(filepath.Join(s.Quarantine, "a.png"+reasonFile))
			if err != nil || strings.Count(string(text), "refused: ") != 3 || strings.Count(string(text), againText) != 2 || !isReason(text) {
				t.Errorf("reason file %q, %v", text, err)
			}
			s.told = nil
			write(t, s.path("void.svs"), "")
			s.restart(t)
			s.look(t)
			if len(s.told) != 1 || s.told[0].Again != "" {
				t.Errorf("told of another empty file: %+v", s.told)
			}
		})
	}
}

// farPicture is a sound slide in another folder.
func farPicture(t *testing.T) string {
	t.Helper()
	far := newScanner(t)
	far.picture(t, "far.png", 7)
	return far.path("far.png")
}

// What the worklist says anew of a slide that lies in quarantine is its order's, whoever was watching meanwhile, and is told
// once. A slide of another folder that has the name of a file keeps its case.
func TestCorrectedInQuarantine(t *testing.T) {
	for name, restarts := range map[string]bool{"meanwhile": false, "while away": true} {
		t.Run(name, func(t *testing.T) {
			s := refusedAway(t, "a.png,A1\nother.png,A1\n")
			id := s.slides["a.png"].Slide
			other, err := s.Reception.Take(t.Context(), intake.Request{Path: farPicture(t), File: "other.png", Accession: "B1", Folder: "of another folder"})
			if err != nil {
				t.Fatal(err)
			}
			s.worklist(t, "a.png,A2,stat\nother.png,A9,stat\n")
			s.told = nil
			for range 3 {
				if restarts {
					s.restart(t)
				}
				s.look(t)
			}
			e, err := s.Judge.Entry(t.Context(), id)
			if err != nil || e.Accession != "A2" || e.Priority != jobs.Stat {
				t.Errorf("record %+v, %v", e, err)
			}
			if note := s.note(); strings.Count(note, "its accession is A2 now; its priority is stat now, for when it is tried again") != 1 {
				t.Errorf("told %q", note)
			}
			if e, err := s.Judge.Entry(t.Context(), other.Slide); err != nil || e.Accession != "B1" {
				t.Errorf("record of another folder's %+v, %v", e, err)
			}
		})
	}
}

// A file that comes back with another time, as copies do, is known for its bytes, and brings what the worklist says by now.
func TestCorrectedComesBack(t *testing.T) {
	s := refusedAway(t, "a.png,A1\n")
	id := s.slides["a.png"].Slide
	if err := os.Rename(filepath.Join(s.Quarantine, "a.png"), s.path("a.png")); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(s.path("a.png"), later, later); err != nil {
		t.Fatal(err)
	}
	s.worklist(t, "a.png,A2,stat\n")
	s.restart(t)
	s.look(t)
	if e, err := s.Judge.Entry(t.Context(), id); err != nil || e.Accession != "A2" || e.Priority != jobs.Stat {
		t.Errorf("record %+v, %v", e, err)
	}
}

// A damaged file with the bytes of one that lies in quarantine has a case of its own, and the other keeps its.
func TestDamagedLikeOneInQuarantine(t *testing.T) {
	s := newScanner(t)
	s.Quarantine = t.TempDir()
	write(t, s.path("a.svs"), "half a slide")
	s.worklist(t, "a.svs,A1\n")
	s.look(t)
	s.look(t)
	id := s.slides["a.svs"].Slide
	write(t, s.path("b.svs"), "half a slide")
	s.worklist(t, "a.svs,A1\nb.svs,B1\n")
	s.restart(t)
	s.look(t)
	s.look(t)
	if got := s.slides["b.svs"]; got == nil || got.State != intake.Failed || got.Slide != id {
		t.Fatalf("%+v", got)
	}
	if e, err := s.Judge.Entry(t.Context(), id); err != nil || e.File != "a.svs" || e.Accession != "A1" {
		t.Errorf("record %+v, %v", e, err)
	}
}
