package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where a file lay is in the store while its slide is on the dead list, and nowhere any more once it was cancelled.
func TestCancelForgetsThePath(t *testing.T) {
	folder, data := t.TempDir(), t.TempDir()
	path := filepath.Join(folder, "DOE_JANE.svs")
	if err := os.WriteFile(path, []byte("This is not a slide."), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command("run", "--data", data, path); code != 1 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if !keeps(t, data, `"source"`) {
		t.Error("the dead list does not know where the file lay")
	}
	if code, out, errs := command("cancel", "--data", data, "DOE_JANE.svs"); code != 0 || !strings.Contains(out, "cancelled") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, errs := command("dead", "list", "--data", data); code != 0 || !strings.Contains(out, "nothing is dead") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if keeps(t, data, `"source"`) {
		t.Error("it is off the dead list, and a record knows where the file lay")
	}
}

// keeps reports whether a record below the store holds a text.
func keeps(t *testing.T, data, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(data, "store"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		record, err := os.ReadFile(path)
		found = found || strings.Contains(string(record), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The help of the dead list names all that is not on it.
func TestDeadHelpNamesWhatIsNotListed(t *testing.T) {
	_, out, _ := command("dead", "--help")
	for _, want := range []string{"could not be read", "not read in its time", "waits or is done", "interrupted or cancelled", "--since, 30 days"} {
		if !strings.Contains(out, want) {
			t.Errorf("the help does not say %q", want)
		}
	}
}
