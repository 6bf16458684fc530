package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// twoSeries is a folder of two slides, each of two instances, as an archive exports them, and of one file that nobody
// can read.
func twoSeries(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "case"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := slidetest.DICOM{Size: pyramid.Size{W: 64, H: 64}, Tile: 32, Levels: 1, Native: true}
	for name, series := range map[string]string{"1.dcm": "2.1125.77.3", "2.dcm": "2.1125.77.4", "3.dcm": "2.1125.77.3", "4.dcm": "2.1125.77.4"} {
		side := 64
		if name > "2.dcm" {
			side = 32
		}
		data := d.Instance(t, 0, pyramid.Size{W: side, H: side})
		write(t, filepath.Join(dir, "case", name), strings.ReplaceAll(string(data), "2.1125.77.3", series))
	}
	write(t, filepath.Join(dir, "case", "notes.dcm"), "no instance")
	return dir
}

// Each series of a folder is a slide of its own: the second one was never taken, and nobody was told.
func TestEachSeriesIsASlide(t *testing.T) {
	w := &Watcher{Config: Config{Dir: twoSeries(t)}, series: &seriesBook{}}
	for look := range 2 {
		found, err := w.scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.file)
		}
		if !slices.Equal(got, []string{"case/1.dcm", "case/2.dcm"}) {
			t.Fatalf("look %d: %q", look, got)
		}
		if w.series.page(filepath.Join(w.Dir, "case", "3.dcm")).series == "" {
			t.Error("the files are read at each look")
		}
	}
	if err := os.Remove(filepath.Join(w.Dir, "case", "3.dcm")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.scan(t.Context()); err != nil || len(w.series.read) != 4 {
		t.Errorf("%d files are remembered of four, error %v", len(w.series.read), err)
	}
}

// A file that may still become a part of any slide in its folder keeps all of them waiting.
func TestStrayKeepsSeriesWaiting(t *testing.T) {
	w := &Watcher{Config: Config{Dir: twoSeries(t)}}
	before, err := w.scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.Dir, "case", "notes.dcm"), "no instance yet")
	after, err := w.scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range after {
		if after[i].size != before[i].size+4 {
			t.Errorf("%s: %d bytes, before %d", after[i].file, after[i].size, before[i].size)
		}
	}
}

// The good series stays where it is when the other one of its folder goes into quarantine.
func TestQuarantineLeavesTheOtherSeries(t *testing.T) {
	w := &Watcher{Config: Config{Dir: twoSeries(t), Quarantine: t.TempDir()}, series: &seriesBook{}}
	if _, err := w.quarantine(&Slide{File: "case/2.dcm", State: intake.Failed, Reason: "cut short"}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(w.Dir, "case", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if !slices.Equal(left, []string{"1.dcm", "3.dcm"}) {
		t.Errorf("left are %q", left)
	}
}

// A file that could not be read once, as its folder did not answer, is a slide at the next look, though it did not change:
// it was of no series from then on, and nobody heard of it.
func TestSeriesIsAskedAgain(t *testing.T) {
	w := &Watcher{Config: Config{Dir: twoSeries(t)}, series: &seriesBook{}}
	folder := filepath.Join(w.Dir, "case")
	st, err := os.Stat(filepath.Join(folder, "2.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(folder, folder+" away"); err != nil {
		t.Fatal(err)
	}
	if got, err := w.series.of(filepath.Join(folder, "2.dcm"), st.Size(), st.ModTime()); got != "" || err == nil {
		t.Fatalf("series %q of a file that is away", got)
	}
	if err := os.Rename(folder+" away", folder); err != nil {
		t.Fatal(err)
	}
	found, err := w.scan(t.Context())
	if err != nil || len(found) != 2 || found[1].file != "case/2.dcm" {
		t.Errorf("found %v, error %v", found, err)
	}
}

// An empty file belongs to nobody in particular, and keeps no slide from its quarantine.
func TestQuarantineBesideEmptyFile(t *testing.T) {
	w := &Watcher{Config: Config{Dir: twoSeries(t), Quarantine: t.TempDir()}, series: &seriesBook{}}
	write(t, filepath.Join(w.Dir, "case", "empty.dcm"), "")
	if _, err := w.quarantine(&Slide{File: "case/2.dcm", State: intake.Failed, Reason: "cut short"}); err != nil {
		t.Error(err)
	}
}

// DICOM files count one by one towards what a folder may hold: each is remembered.
func TestDICOMFilesAreBounded(t *testing.T) {
	for most, ok := range map[int]bool{4: false, 5: true} {
		w := &Watcher{Config: Config{Dir: twoSeries(t)}, most: most}
		found, err := w.scan(t.Context())
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "more than 4 slide files") {
			t.Errorf("at most %d: found %v, error %v", most, found, err)
		}
	}
}
