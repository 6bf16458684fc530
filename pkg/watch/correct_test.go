package watch

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// scanner is a watched folder with the system behind it.
type scanner struct {
	*Watcher
	queue *jobsmem.Queue
	told  []Slide
}

// newScanner watches a folder of its own. Files count as whole at the second look.
func newScanner(t *testing.T) *scanner {
	t.Helper()
	s := &scanner{queue: jobsmem.New(jobsmem.Config{})}
	bucket := mem.New()
	judge := &intake.Judge{Ledger: intake.Ledger{Bucket: bucket}, Dead: s.queue.Dead}
	turns, err := intake.OpenTurns(t.Context(), judge)
	if err != nil {
		t.Fatal(err)
	}
	model := &segment.Model{
		Ref: segment.ModelRef{Name: "m", SHA256: "ab"}, Field: segment.Field{Align: 32, Halo: 32},
		Description: segment.Description{MPP: 1.3},
	}
	desk := &intake.Reception{Desk: &intake.Desk{Bucket: bucket, Queue: s.queue}, Model: model, Turns: turns, Once: true}
	s.Watcher, err = New(t.Context(), Config{
		Dir: t.TempDir(), Reception: desk, Judge: judge, Settle: time.Nanosecond, Log: slog.New(slog.DiscardHandler),
		Told: func(one Slide) { s.told = append(s.told, one) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// picture puts a slide of its own colour into the folder.
func (s *scanner) picture(t *testing.T, name string, grey uint8) {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 64, 48))
	img.SetGray(3, 3, color.Gray{grey})
	f, err := os.Create(filepath.Join(s.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		t.Fatal(err)
	}
}

var sheetTime = time.Now()

// worklist writes a CSV, later than the one before.
func (s *scanner) worklist(t *testing.T, text string) {
	t.Helper()
	name := filepath.Join(s.Dir, "list.csv")
	sheetTime = sheetTime.Add(time.Minute)
	if err := errors.Join(os.WriteFile(name, []byte("file,accession,priority,mpp\n"+text), 0o600), os.Chtimes(name, sheetTime, sheetTime)); err != nil {
		t.Fatal(err)
	}
}

// look looks until files have settled.
func (s *scanner) look(t *testing.T) {
	t.Helper()
	for range 3 {
		if _, err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *scanner) note() (text string) {
	for _, one := range s.told {
		text += one.Note + "\n"
	}
	return text
}

// A slide that the worklist names and that has not come is missing until it comes.
func TestMissing(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,,1\nb.png,A2,stat,1\n")
	s.look(t)
	missing := s.Missing()
	if len(missing) != 1 || missing[0].File != "b.png" || missing[0].Priority != jobs.Stat || !strings.Contains(missing[0].Reason, "line 3 of list.csv") {
		t.Fatalf("missing %+v", missing)
	}
	found, err := TakeInventory(t.Context(), Config{Dir: s.Dir, Log: s.Log}, nil, nil)
	if err != nil || len(found.Problems) > 0 || len(found.Missing) != 1 || found.Missing[0].File != "b.png" {
		t.Errorf("%+v, %v", found, err)
	}
	s.picture(t, "b.png", 2)
	s.look(t)
	if missing := s.Missing(); len(missing) != 0 {
		t.Errorf("came, but missing: %+v", missing)
	}
	if err := os.Remove(filepath.Join(s.Dir, "b.png")); err != nil { // done and archived: it was there
		t.Fatal(err)
	}
	s.look(t)
	if missing := s.Missing(); len(missing) != 0 {
		t.Errorf("archived, but missing: %+v", missing)
	}
}

// A corrected row reaches the order that waits: its record and its job.
func TestCorrectedRow(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,,1\n")
	s.look(t)
	s.worklist(t, "a.png,A9,stat,1\n")
	s.look(t)
	slides := s.Slides()
	e, err := s.Judge.Entry(t.Context(), slides[0].Slide)
	if err != nil || e.Accession != "A9" || e.Priority != jobs.Stat {
		t.Errorf("record %+v, %v", e, err)
	}
	if note := s.note(); !strings.Contains(note, "A9") || !strings.Contains(note, "stat") {
		t.Errorf("told %q", note)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := s.queue.Take(ctx, jobs.Tile)
	if err != nil || d.Job().Priority != jobs.Stat {
		t.Fatalf("took %v, %v", d, err)
	}
	if depths, err := s.queue.Depths(ctx); err != nil || total(depths) != 1 {
		t.Errorf("%+v, %v, want the one in hand", depths, err)
	}
}

func total(depths []jobs.Depth) (n int64) {
	for _, d := range depths {
		n += d.Waiting + d.InHand
	}
	return n
}

// Without a priority in the worklist, one that a person gave stays.
func TestSilentRowKeepsPriority(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,urgent,1\n")
	s.look(t)
	s.worklist(t, "a.png,A2,,1\n")
	s.look(t)
	if e, err := s.Judge.Entry(t.Context(), s.Slides()[0].Slide); err != nil || e.Priority != jobs.Urgent || e.Accession != "A2" {
		t.Errorf("record %+v, %v", e, err)
	}
}

// A priority that comes too late is said, and the record tells the truth.
func TestLatePriorityIsSaid(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,,1\n")
	s.look(t)
	id := s.Slides()[0].Slide
	if err := s.Judge.Close(t.Context(), id, intake.End{State: intake.Cancelled, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	s.worklist(t, "a.png,A1,stat,1\n")
	s.look(t)
	if note := s.note(); !strings.Contains(note, "cancelled already") {
		t.Errorf("told %q", note)
	}
	if e, err := s.Judge.Entry(t.Context(), id); err != nil || e.Priority != jobs.Routine {
		t.Errorf("record %+v, %v", e, err)
	}
	s.told = nil
	s.restart(t)
	s.look(t)
	if note := s.note(); strings.Contains(note, "already") {
		t.Errorf("told again at a new start: %q", note)
	}
}

// restart watches the folder anew, as after the end of the program.
func (s *scanner) restart(t *testing.T) {
	t.Helper()
	next, err := New(t.Context(), s.Config)
	if err != nil {
		t.Fatal(err)
	}
	s.Watcher = next
}

// jobs counts what lies in the queue.
func (s *scanner) jobs(t *testing.T, want int64) {
	t.Helper()
	if depths, err := s.queue.Depths(t.Context()); err != nil || total(depths) != want {
		t.Errorf("%+v, %v, want %d jobs", depths, err, want)
	}
}

// A correction made while nobody watched is heeded at the next start; one that the order already has
// changes nothing.
func TestCorrectedWhileAway(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,,1\n")
	s.look(t)
	s.worklist(t, "a.png,A2,,1\n")
	next, err := New(t.Context(), s.Config)
	if err != nil {
		t.Fatal(err)
	}
	again := &scanner{Watcher: next}
	again.look(t)
	if got := again.Slides(); len(got) != 1 || got[0].Accession != "A2" || got[0].State != intake.Waiting {
		t.Errorf("%+v", got)
	}
	if e, err := next.Judge.Entry(t.Context(), next.Slides()[0].Slide); err != nil || e.Accession != "A2" {
		t.Errorf("record %+v, %v", e, err)
	}
}

// A file without a result that is copied anew, as its reason asks, is taken as the new one that it is.
func TestBetterCopyIsTaken(t *testing.T) {
	s := newScanner(t)
	s.Reception.Parameters.MPP = 1
	path := filepath.Join(s.Dir, "a.svs")
	if err := os.WriteFile(path, []byte("half a slide"), 0o600); err != nil {
		t.Fatal(err)
	}
	look := func() Slide {
		t.Helper()
		for range 4 {
			if _, err := s.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if len(s.Slides()) != 1 {
			t.Fatalf("slides %+v", s.Slides())
		}
		return s.Slides()[0]
	}
	if one := look(); one.State != intake.Failed {
		t.Fatalf("half a slide is %+v", one)
	}
	half := look()
	if half.State != intake.Failed {
		t.Fatalf("half a slide is %+v at the second look", half)
	}
	s.picture(t, "a.svs", 9)
	if one := look(); one.State != intake.Waiting {
		t.Errorf("the better copy is %+v", one)
	}
	s.stands(t, half.Slide, intake.Replaced)
}

// stands looks how an order stands.
func (s *scanner) stands(t *testing.T, id pyramid.SlideID, want string) {
	t.Helper()
	all, err := s.Judge.LookAt(t.Context(), []pyramid.SlideID{id})
	if err != nil || all[0].State != want {
		t.Errorf("%+v, %v, want it %s", all, err, want)
	}
}
