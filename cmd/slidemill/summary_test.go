package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/watch"
)

// Of DICOM files that are one slide the one that is written last decides whether it is whole; a scanner whose clock goes
// wrong by hours hides nothing.
func TestWhatIsBeingWrittenIsLeftOut(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	for file, written := range map[string]time.Time{
		"old.svs": now.Add(-time.Hour), "new.svs": now, "ahead.svs": now.Add(3 * time.Hour),
		"growing/1.dcm": now.Add(-time.Hour), "growing/2.DCM": now,
		"whole/1.dcm": now.Add(-time.Hour), "whole/list.csv": now,
	} {
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
	for file, whole := range map[string]bool{
		"old.svs": true, "new.svs": false, "ahead.svs": true, "growing/1.dcm": false, "whole/1.dcm": true, "gone.svs": true,
	} {
		folder := &watch.Inventory{NotOrdered: []watch.Slide{{File: file}}}
		f := &summaryFlags{folder: dir}
		if n := f.leaveOutWriting(folder); (n == 0) != whole || (len(folder.NotOrdered) == 1) != whole {
			t.Errorf("%s: %d left out, want it named: %v", file, n, whole)
		}
	}
}
