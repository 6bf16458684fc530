package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		"end of a name":                     {map[string]string{"a.svs": "1"}, []order{{"1", "aa.svs"}}, []string{"a.svs"}},
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
			var orders []intake.Entry
			for _, o := range c.orders {
				orders = append(orders, o.entry(t))
			}
			found, err := TakeInventory(t.Context(), Config{Dir: dir, Skip: []string{filepath.Join(dir, "data")}, Log: slog.New(slog.DiscardHandler)}, orders)
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

func (o order) entry(t *testing.T) intake.Entry {
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
	return e
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
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, []intake.Entry{order{"1", "a.svs"}.entry(t)})
	if err != nil || len(found.NotOrdered) != 1 || len(found.Missing) != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if s := found.NotOrdered[0]; s.Accession != "S26-1" || s.Priority != jobs.Stat || !strings.Contains(s.Reason, "what was ordered by this name is another slide") {
		t.Errorf("%+v", s)
	}
}

// unordered are the files of a folder that no order means.
func unordered(t *testing.T, dir string, orders ...intake.Entry) (files []string) {
	t.Helper()
	found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, orders)
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
	e := order{"2", "a.svs"}.entry(t)
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
		e := intake.Entry{Slide: id, File: name, Bytes: st.Size(), Changed: st.ModTime()}
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
	if _, err := w.notOrdered(ctx, found, []intake.Entry{order{"1", "a.svs"}.entry(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
