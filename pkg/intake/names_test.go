package intake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// A slide of which copies are ordered has all their names, found by each, and is one order; with another scale, too.
func TestCopiesAreNamed(t *testing.T) {
	q := jobsmem.New(jobsmem.Config{})
	r := &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: q}, Model: model(), Parameters: segment.Parameters{MPP: 1},
		Turns: &Turns{open: map[string]int{}}, Once: true,
	}
	path := picture(t)
	take := func(file string, mpp float64) Taken {
		t.Helper()
		taken, err := r.Take(t.Context(), Request{Path: path, File: file, MPP: mpp, Accession: "A1", Priority: jobs.Stat})
		if err != nil {
			t.Fatal(err)
		}
		return taken
	}
	id := take("a.png", 1).Slide
	for _, file := range []string{"a.png", "night/b.png", "night/b.png"} {
		if !take(file, 1).Known {
			t.Errorf("%s was ordered twice", file)
		}
	}
	take("c.png", 1.1)
	e, err := r.Desk.Ledger().Entry(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.png", "night/b.png"}; e.File != "c.png" || !slices.Equal(e.Names, want) || e.MoreNames {
		t.Errorf("called %s, %v", e.File, e.Names)
	}
	for _, text := range []string{"a.png", "b", "c.png"} {
		if found, err := r.Desk.Ledger().FindSlide(t.Context(), text); err != nil || found != id {
			t.Errorf("%s: %v, %v", text, found, err)
		}
	}
}

// A refused file has all its names too.
func TestRefusedCopiesAreNamed(t *testing.T) {
	r := &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: jobsmem.New(jobsmem.Config{})}, Model: model(),
		Turns: &Turns{open: map[string]int{}}, Once: true,
	}
	path := filepath.Join(t.TempDir(), "x.svs")
	if err := os.WriteFile(path, []byte("no slide"), 0o600); err != nil {
		t.Fatal(err)
	}
	var taken Taken
	for _, file := range []string{"x.svs", "y.svs", "x.svs"} {
		var err error
		if taken, err = r.Take(t.Context(), Request{Path: path, File: file}); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := r.Desk.Ledger().Entry(t.Context(), taken.Slide); err != nil || e.File != "x.svs" || !slices.Equal(e.Names, []string{"y.svs"}) {
		t.Errorf("called %s, %v; %v", e.File, e.Names, err)
	}
}

// A record stays readable, whatever the names: so many, each so long, and no more.
func TestNamesAreBounded(t *testing.T) {
	l := Ledger{Bucket: mem.New()}
	e := Entry{Slide: pyramid.SlideID{1}, File: "first", At: time.Now()}
	if err := l.Enter(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for i := range maxNames + 2 {
		if err := l.Call(t.Context(), e.Slide, fmt.Sprint(strings.Repeat("\x01", 2*maxName), i)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := l.Entry(t.Context(), e.Slide)
	if err != nil || got.File != "first" || len(got.Names) != maxNames || !got.MoreNames {
		t.Errorf("%d names, more %v, %v", len(got.Names), got.MoreNames, err)
	}
	if err := l.Call(t.Context(), pyramid.SlideID{2}, "never ordered"); err != nil {
		t.Error(err)
	}
}

// What is no slide may be the same in many cases, as empty files are: its accession is not handed on.
func TestEmptyFilesKeepTheirCases(t *testing.T) {
	r, _ := desk(t)
	take := func(file, accession string) Entry {
		t.Helper()
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		taken, err := r.Take(t.Context(), Request{Path: path, File: file, Accession: accession})
		if err != nil {
			t.Fatal(err)
		}
		e, err := r.Desk.Ledger().Entry(t.Context(), taken.Slide)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	take("a.svs", "S26-1")
	if e := take("b.svs", ""); e.Accession != "" || e.File != "b.svs" {
		t.Errorf("%s belongs to %q", e.File, e.Accession)
	}
}

// Two files that were cut short to the same bytes may be of two cases: the sound slide that comes in the place of one has
// not the other's.
func TestDamagedFilesKeepTheirCases(t *testing.T) {
	r, _ := desk(t)
	path, _ := refuse(t, r) // of S26-1
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.png")
	if err := os.WriteFile(other, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Take(t.Context(), Request{Path: other}); err != nil {
		t.Fatal(err)
	}
	putSound(t, other)
	taken, err := r.Take(t.Context(), Request{Path: other})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ReplaceAt(t.Context(), taken.Slide, other); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Desk.Ledger().Entry(t.Context(), taken.Slide); err != nil || e.Accession != "" {
		t.Errorf("its accession is %q, %v", e.Accession, err)
	}
}

// A name that is no UTF-8 is the same name after the record was read.
func TestNamesOfOtherEncodings(t *testing.T) {
	e := Entry{File: kept("M\xfcller.svs")}
	if e.call("M\xfcller.svs") || e.File != "M\uFFFDller.svs" {
		t.Errorf("called %q, %q", e.File, e.Names)
	}
}

// What panics while a slide is read is that slide's failure.
func TestPanicWhileRead(t *testing.T) {
	_, err := inTime(t.Context(), nil, "x.svs", func(context.Context, *reading) (int, error) { panic("broken") })
	if err == nil || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("got %v", err)
	}
}

// A refused file in whose place an empty one lies keeps its case until a sound one comes, whatever other empty files were
// ordered for: the sound one had theirs.
func TestEmptyFileInTheWayKeepsTheCase(t *testing.T) {
	r, _ := desk(t)
	other := filepath.Join(t.TempDir(), "other.png")
	path, line := refuse(t, r) // of S26-1
	for _, file := range []string{other, path} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Take(t.Context(), Request{Path: other, Accession: "S26-9"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Retry(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	putSound(t, path)
	taken, err := r.Take(t.Context(), Request{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ReplaceAt(t.Context(), taken.Slide, path); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Desk.Ledger().Entry(t.Context(), taken.Slide); err != nil || e.Accession != "S26-1" {
		t.Errorf("its accession is %q, %v", e.Accession, err)
	}
}
