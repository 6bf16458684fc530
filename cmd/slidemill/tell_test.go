package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A watched slide without tissue is not told of as one that was looked at.
func TestWatchTellsWhatIsNoStatement(t *testing.T) {
	folder := t.TempDir()
	if err := os.Rename(glass(t), filepath.Join(folder, "glass.tiff")); err != nil {
		t.Fatal(err)
	}
	code, out, errs := command("watch", "--once", "--mpp", "0.5", "--settle", "1ms", "--data", t.TempDir(), folder)
	if want := "glass.tiff: done, no tissue found"; code != exitDone || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, no %q in\n%s%s", code, want, out, errs)
	}
}
