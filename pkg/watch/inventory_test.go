package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// A slide that lies in the folder and was never ordered is named, whatever else was ordered; what was ordered is not, by
// whatever part of its path it is known.
func TestNotOrdered(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string // by path, their content
		orders []order
		want   []string
	}{
		"nothing ordered":                   {map[string]string{"a.svs": "1", "sub/b.tiff": "2", "notes.txt": "3"}, nil, []string{"a.svs", "sub/b.tiff"}},
		"ordered by name and by path":       {map[string]string{"a.svs": "1", "sub/b.tiff": "2"}, []order{{"1", "a.svs"}, {"2", "b.tiff"}}, nil},
		"from a folder above":               {map[string]string{"a.svs": "1"}, []order{{"1", "scans/a.svs"}}, nil},
		"end of a name":                     {map[string]string{"a.svs": "1"}, []order{{"2", "aa.svs"}}, []string{"a.svs"}},
		"another slide of the name":         {map[string]string{"a.svs": "longer"}, []order{{"1", "a.svs"}}, []string{"a.svs"}},
		"two of a name, one ordered":        {map[string]string{"x/a.svs": "1", "y/a.svs": "2"}, []order{{"2", "a.svs"}}, []string{"x/a.svs"}},
		"two of a name, ordered by path":    {map[string]string{"x/a.svs": "1", "y/a.svs": "2"}, []order{{"1", "x/a.svs"}, {"2", "y/a.svs"}}, nil},
		"copies of a name":                  {map[string]string{"x/a.svs": "1", "y/a.svs": "1"}, []order{{"1", "a.svs"}}, nil},
		"a copy of another name":            {map[string]string{"a.svs": "1", "b.svs": "1"}, []order{{"1", "a.svs", "b.svs"}}, nil},
		"more copies than the record keeps": {map[string]string{"c.svs": "1", "d.svs": "2"}, []order{{"1", "a.svs", "…"}}, []string{"d.svs"}},
		"a mask":                            {map[string]string{"a.tiff": "1", "a.mask.tiff": "2"}, []order{{"1", "a.tiff"}}, nil},
		"a series by its folder":            {map[string]string{"case/1.dcm": "1", "case/2.dcm": "2"}, []order{{"1", "case"}}, nil},
		"a series":                          {map[string]string{"case/1.dcm": "1", "case/2.dcm": "2"}, nil, []string{"case/1.dcm"}},
		"refused while empty, whole since":  {map[string]string{"a.svs": "1"}, []order{{"", "a.svs"}}, []string{"a.svs"}},
		"refused as it is empty":            {map[string]string{"a.svs": ""}, []order{{"", "a.svs"}}, nil},
		"an instance from elsewhere":        {map[string]string{"caseB/1.dcm": "1"}, []order{{"2", "1.dcm"}}, []string{"caseB/1.dcm"}},
		"a folder from elsewhere":           {map[string]string{"a/case/1.dcm": "1"}, []order{{"2", "case"}}, []string{"a/case/1.dcm"}},
		"other content of the same size":    {map[string]string{"a.svs": "1"}, []order{{"2", "a.svs"}}, []string{"a.svs"}},
		"own files":                         {map[string]string{"data/a.tiff": "1"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				write(t, filepath.Join(dir, file), text)
			}
			var orders []intake.Line
			for _, o := range c.orders {
				orders = append(orders, o.line(t))
			}
			found, err := TakeInventory(t.Context(), Config{Dir: dir, Skip: []string{filepath.Join(dir, "data")}, Log: slog.New(slog.DiscardHandler)}, orders, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range found.NotOrdered {
				got = append(got, s.File)
				if s.State != intake.NotOrdered || !strings.Contains(s.Reason, "slidemill submit") {
					t.Errorf("%+v", s)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// order is the content of a slide and its names; "…" stands for those that were not kept.
type order []string

func (o order) line(t *testing.T) intake.Line {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slide")
	write(t, path, o[0])
	id, err := intake.Identify(t.Context(), path, nil)
	if errors.Is(err, slide.ErrEmpty) {
		id, err = pyramid.NewSlideID(sha256.Sum256(nil)), nil // as its refusal is written down
	}
	if err != nil {
		t.Fatal(err)
	}
	e := intake.Entry{Slide: id, Run: pyramid.RunID{1}, File: o[1], Bytes: int64(len(o[0]))}
	for _, name := range o[2:] {
		if e.MoreNames = name == "…"; !e.MoreNames {
			e.Names = append(e.Names, name)
		}
	}
	return intake.Line{Entry: e}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a worklist says of a slide is said with it, though it was not ordered; of one of the same name the reason tells.
func TestNotOrderedSaysWhatIsKnown(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.svs"), "another")
	write(t, filepath.Join(dir, "list.csv"), "file,accession,priority\na.svs,S26-1,stat\n")
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, []intake.Line{order{"1", "a.svs"}.line(t)}, nil)
	if err != nil || len(found.NotOrdered) != 1 || len(found.Missing) != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if s := found.NotOrdered[0]; s.Accession != "S26-1" || s.Priority != jobs.Stat || !strings.Contains(s.Reason, "what was ordered by this name is another slide") {
		t.Errorf("%+v", s)
	}
}

// unordered are the files of a folder that no order means.
func unordered(t *testing.T, dir string, orders ...intake.Line) (files []string) {
	t.Helper()
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, orders, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found.NotOrdered {
		files = append(files, s.File)
	}
	return files
}

// A file of the order's name, size and time is not read, which the other content here shows. It is when its time is
// another, or when a second file has all three, too.
func TestOnlyDoubtfulIsRead(t *testing.T) {
	dir := t.TempDir()
	scanned := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	put := func(file, text string) {
		write(t, filepath.Join(dir, file), text)
		if err := os.Chtimes(filepath.Join(dir, file), scanned, scanned); err != nil {
			t.Fatal(err)
		}
	}
	put("x/a.svs", "1")
	e := order{"2", "a.svs"}.line(t)
	e.Changed = scanned
	if got := unordered(t, dir, e); got != nil {
		t.Errorf("of the same size and time: %q", got)
	}
	e.Changed = scanned.Add(time.Second)
	if got := unordered(t, dir, e); !slices.Equal(got, []string{"x/a.svs"}) {
		t.Errorf("of another time: %q", got)
	}
	e.Changed = scanned
	put("y/a.svs", "2")
	if got := unordered(t, dir, e); !slices.Equal(got, []string{"x/a.svs"}) {
		t.Errorf("two of the same size and time: %q", got)
	}
}

// A DICOM slide is known by what its series holds, whether its folder or one of its files was ordered; size and time of
// a folder say nothing of it.
func TestSeriesIsRead(t *testing.T) {
	dir := t.TempDir()
	series := filepath.Join(dir, "case")
	if err := os.CopyFS(series, os.DirFS(slidetest.DICOM{Size: pyramid.Size{W: 200, H: 130}, Tile: 64, Levels: 2}.Write(t))); err != nil {
		t.Fatal(err)
	}
	id, err := intake.Identify(t.Context(), series, nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(series)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"case", "level0.dcm"} {
		e := intake.Line{Entry: intake.Entry{Slide: id, File: name, Bytes: st.Size(), Changed: st.ModTime()}}
		if got := unordered(t, dir, e); got != nil {
			t.Errorf("ordered as %s: %q", name, got)
		}
		e.Slide[0]++
		if got := unordered(t, dir, e); !slices.Equal(got, []string{"case/level0.dcm"}) {
			t.Errorf("another of the name %s: %q", name, got)
		}
	}
}

// Whoever does not want to wait until the doubtful files are read need not.
func TestReadingIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.svs"), "1")
	w := &Watcher{Config: Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}}
	found, err := w.scan(t.Context())
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newOrderIndex(found, []intake.Line{order{"1", "a.svs"}.line(t)}).find(ctx, found, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// accounted takes an inventory and says in one line per file what it was ordered as.
func accounted(t *testing.T, dir string, orders ...intake.Line) (lines []string) {
	t.Helper()
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, orders, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices.Concat(found.Ordered, found.NotOrdered) {
		text := s.File + " " + s.Accession
		if s.Doubled != "" {
			text += " as " + s.Doubled
		}
		lines = append(lines, strings.TrimSpace(text+" "+s.State))
	}
	return lines
}

// Each file is told of by its own name and accession, whatever other file holds the same: a copy of a slide, under
// whatever name that was ordered, and what was never fit for an order and may be of many cases.
func TestEachFileIsAccountedFor(t *testing.T) {
	unfit := func(l intake.Line) intake.Line {
		l.Run, l.Accession, l.End = pyramid.RunID{}, "A1", &intake.End{State: intake.Failed}
		return l
	}
	ended := func(l intake.Line, state string) intake.Line {
		l.End = &intake.End{State: state}
		return l
	}
	of := func(l intake.Line, accession string) intake.Line {
		l.Accession = accession
		return l
	}
	many := order{"", "e0.svs", "e1.svs", "…"}.line(t)
	for name, c := range map[string]struct {
		files map[string]string
		rows  string // of the worklist
		order intake.Line
		want  []string
	}{
		"damaged files of two cases": {
			map[string]string{"a.svs": "1", "b.svs": "1", "c.svs": "1"}, "b.svs,A2\n", unfit(order{"1", "a.svs", "b.svs"}.line(t)),
			[]string{"a.svs A1", "b.svs A2 as a.svs", "c.svs  as a.svs"},
		},
		"empty files, more than the record names": {
			map[string]string{"e0.svs": "", "x/e1.svs": "", "e2.svs": ""}, "e2.svs,A2\nx/e1.svs,A3\n", unfit(many),
			[]string{"e0.svs A1", "e2.svs A2 as e0.svs", "x/e1.svs A3 as e0.svs"},
		},
		"the record's accession is that of the one written last": {
			map[string]string{"a.svs": "1", "b.svs": "1"}, "a.svs,A1\nb.svs,A2\n", unfit(order{"1", "b.svs", "a.svs"}.line(t)),
			[]string{"a.svs A1 as b.svs", "b.svs A2"},
		},
		"a copy that nobody ordered": {
			map[string]string{"a.svs": "1", "b.svs": "1", "c.svs": "2"}, "", of(order{"1", "a.svs"}.line(t), "A1"),
			[]string{"a.svs A1", "b.svs A1 as a.svs", "c.svs  not ordered"},
		},
		"a copy with a row of its own": {
			map[string]string{"a.svs": "1", "b.svs": "1"}, "b.svs,A2\n", of(order{"1", "a.svs"}.line(t), "A1"),
			[]string{"a.svs A1", "b.svs A2 as a.svs"},
		},
		"ordered by hand without an accession": {
			map[string]string{"x/a.svs": "1"}, "x/a.svs,A1\n", order{"1", "a.svs"}.line(t), []string{"x/a.svs A1"},
		},
		"the slide lies elsewhere": {
			map[string]string{"b.svs": "1"}, "", of(order{"1", "a.svs"}.line(t), "A1"), []string{"b.svs A1 as a.svs"},
		},
		"the slide lies elsewhere, and a row names its copy": {
			map[string]string{"b.svs": "1"}, "b.svs,A2\n", of(order{"1", "a.svs"}.line(t), "A1"), []string{"b.svs A2 as a.svs"},
		},
		"files of one name": {
			map[string]string{"a.svs": "1", "A/a.svs": "1"}, "", of(order{"1", "a.svs"}.line(t), "A1"),
			[]string{"A/a.svs A1 as a.svs", "a.svs A1"},
		},
		"refused for its scale": {
			map[string]string{"a.svs": "1", "b.svs": "1"}, "", ended(of(order{"1", "a.svs"}.line(t), "A1"), intake.Refused),
			[]string{"a.svs A1", "b.svs A1 as a.svs"},
		},
		"a damaged file that is back in the place of its replacement": {
			map[string]string{"a.svs": "1"}, "", ended(order{"1", "a.svs"}.line(t), intake.Replaced), []string{"a.svs  not ordered"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				write(t, filepath.Join(dir, file), text)
			}
			write(t, filepath.Join(dir, "list.csv"), "file,accession\n"+c.rows)
			if got := accounted(t, dir, c.order); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A slide that was ordered from this folder and whose file was renamed since is no copy of what lies there no more. What was
// never fit for an order may be of many cases, and the other file is none of the first's.
func TestRenamedIsTheSlide(t *testing.T) {
	dir := t.TempDir()
	mark, err := folderMark(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b.svs", "renamed.svs"} {
		write(t, filepath.Join(dir, name), "1")
	}
	st, err := os.Stat(filepath.Join(dir, "renamed.svs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "b.svs"), st.ModTime(), st.ModTime().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	l := order{"1", "a.svs", "renamed.svs"}.line(t)
	l.Accession, l.Folder, l.Changed = "A1", mark, st.ModTime()
	if got, want := accounted(t, dir, l), []string{"b.svs A1 as renamed.svs", "renamed.svs A1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	l.Run, l.End = pyramid.RunID{}, &intake.End{State: intake.Failed}
	if got, want := accounted(t, dir, l), []string{"b.svs  as a.svs", "renamed.svs  as a.svs"}; !slices.Equal(got, want) {
		t.Errorf("damaged: %q, want %q", got, want)
	}
	l = order{"1", "a.svs"}.line(t)
	l.Folder = intake.FolderMark("/another")
	if got, want := accounted(t, dir, l), []string{"b.svs  as a.svs", "renamed.svs  as a.svs"}; !slices.Equal(got, want) {
		t.Errorf("ordered from another folder: %q, want %q", got, want)
	}
}

// A DICOM series is one slide under the name of any of its files, so that its copy in another folder is one.
func TestCopyOfASeries(t *testing.T) {
	dir := t.TempDir()
	from := os.DirFS(slidetest.DICOM{Size: pyramid.Size{W: 200, H: 130}, Tile: 64, Levels: 2}.Write(t))
	if err := errors.Join(os.CopyFS(filepath.Join(dir, "case"), from), os.CopyFS(filepath.Join(dir, "again"), from)); err != nil {
		t.Fatal(err)
	}
	id, err := intake.Identify(t.Context(), filepath.Join(dir, "case"), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := intake.Line{Entry: intake.Entry{Slide: id, Run: pyramid.RunID{1}, File: "case", Bytes: 4096}}
	if got, want := accounted(t, dir, l), []string{"again/level0.dcm  as case/level0.dcm", "case/level0.dcm"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What rows of files of one slide contradict each other in is told, as a watch does.
func TestInventoryTellsContradictions(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.svs"), "1")
	write(t, filepath.Join(dir, "b.svs"), "1")
	write(t, filepath.Join(dir, "list.csv"), "file,accession\na.svs,A1\nb.svs,A2\n")
	l := order{"1", "a.svs"}.line(t)
	l.Accession = "A1"
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, []intake.Line{l}, nil)
	if err != nil || len(found.Problems) != 1 || !strings.Contains(found.Problems[0], "b.svs holds the same slide as another file; its accession A2 does not count") {
		t.Errorf("%+v, %v", found, err)
	}
}

// What changed lately is neither ordered nor not: of DICOM files that are one slide the one that is written last decides
// whether it is whole; a scanner whose clock goes wrong by hours hides nothing, and what was ordered as it is is whole.
func TestWhatIsBeingWrittenIsLeftOut(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	for file, written := range map[string]time.Time{
		"old.svs": now.Add(-time.Hour), "new.svs": now, "ahead.svs": now.Add(3 * time.Hour), "ordered.svs": now,
		"growing/1.dcm": now.Add(-time.Hour), "growing/2.DCM": now,
		"whole/1.dcm": now.Add(-time.Hour), "whole/list.csv": now,
	} {
		write(t, filepath.Join(dir, file), "1")
		if err := os.Chtimes(filepath.Join(dir, file), written, written); err != nil {
			t.Fatal(err)
		}
	}
	l := order{"2", "ordered.svs"}.line(t)
	l.Changed = now
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Settle: DefaultSettle, Log: slog.New(slog.DiscardHandler)}, []intake.Line{l}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range found.NotOrdered {
		got = append(got, s.File)
	}
	if want := []string{"ahead.svs", "old.svs", "whole/1.dcm"}; !slices.Equal(got, want) || found.Writing != 2 || len(found.Ordered) != 1 {
		t.Errorf("%q, want %q; %d being written, %d ordered", got, want, found.Writing, len(found.Ordered))
	}
}

// Whoever waits hears how far the doubtful files are read, until all are: also of one that cannot be read, and none of
// those that need not be.
func TestReadingIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "certain.svs"), "not read")
	l := order{"not read", "certain.svs"}.line(t)
	st, err := os.Stat(filepath.Join(dir, "certain.svs"))
	if err != nil {
		t.Fatal(err)
	}
	l.Changed = st.ModTime()
	lines, total := []intake.Line{l}, int64(0)
	for i := range 3 * readAtOnce {
		name, text := fmt.Sprintf("%02d.svs", i), strings.Repeat("x", i+1)
		write(t, filepath.Join(dir, name), text)
		lines, total = append(lines, order{text, name}.line(t)), total+int64(i+1)
	}
	var told []int64
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, lines, func(done, of int64) {
		if of != total {
			t.Errorf("%d of %d bytes, want of %d", done, of, total)
		}
		told = append(told, done)
	})
	if err != nil || len(found.Ordered) != 1+3*readAtOnce {
		t.Fatalf("%+v, %v", found, err)
	}
	if !slices.IsSorted(told) || told[0] != 0 || told[len(told)-1] != total {
		t.Errorf("told %d, want from 0 to %d", told, total)
	}
}

// A file that cannot be read is done with in the count, too; one that grew meanwhile counts as it was.
func TestProgressReachesItsTotal(t *testing.T) {
	var last int64
	p := progress{total: 15, told: func(done, _ int64) { last = done }}
	gone, grown := candidate{path: filepath.Join(t.TempDir(), "gone"), size: 5}, candidate{path: filepath.Join(t.TempDir(), "grown"), size: 10}
	write(t, grown.path, strings.Repeat("x", 12))
	for _, f := range []candidate{gone, grown} {
		if _, err := f.identity(t.Context(), p.of(f.size)); err != nil {
			t.Fatal(err)
		}
	}
	if last != 15 {
		t.Errorf("%d of 15", last)
	}
	p.end()
	if p.add(1); last != 15 {
		t.Error("told after its end")
	}
}

// Some files are read at once, and never more than that.
func TestReadingIsBounded(t *testing.T) {
	var now, most int
	var mu sync.Mutex
	enough := make(chan struct{})
	err := someAtOnce(t.Context(), make([]int, 5*readAtOnce), func(context.Context, int) error {
		mu.Lock()
		now++
		if most = max(most, now); most == readAtOnce {
			select {
			case <-enough:
			default:
				close(enough)
			}
		}
		mu.Unlock()
		select {
		case <-enough:
		case <-time.After(5 * time.Second): // nobody joins: they are read one after the other
		}
		mu.Lock()
		defer mu.Unlock()
		now--
		return nil
	})
	if err != nil || most != readAtOnce {
		t.Errorf("%d at once, want %d; %v", most, readAtOnce, err)
	}
}
