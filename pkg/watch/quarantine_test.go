package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
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
