//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/summary"
	"github.com/slidemill/slidemill/pkg/synth"
)

// Who may read what is handed to a person is decided by that person's umask, in one laboratory the group and in another all.
func TestFilesForPeopleFollowTheUmask(t *testing.T) {
	for umask, want := range map[int]os.FileMode{0o022: 0o644, 0o027: 0o640, 0o077: 0o600} {
		dir := t.TempDir()
		before := unix.Umask(umask)
		_, sumErr := new(summary.Summary).Save(dir)
		slide := filepath.Join(dir, "s.tiff")
		err := errors.Join(
			sumErr,
			writeTo(filepath.Join(dir, "outlines.geojson"), func(w io.Writer) error { _, err := io.WriteString(w, "{}"); return err }),
			synth.Write(t.Context(), synth.Config{Path: slide, Size: pyramid.Size{W: 480, H: 360}, Workers: 1}),
		)
		unix.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"outlines.geojson", "summary.html", "summary.csv", "s.tiff", "s.mask.tiff"} {
			if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != want {
				t.Errorf("umask %03o: %s: %v, %v, want %v", umask, name, st.Mode(), err, want)
			}
		}
	}
}
