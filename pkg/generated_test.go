package pkg

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// generates begins the line of a package whose assembly a command in its folder gen writes.
const generates = "//go:generate go run ./gen "

// TestGeneratedCodeIsCurrent runs each generator as its go:generate line does and compares.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command on the path: the generators cannot be built")
	}
	lines := generatorLines(t)
	for _, dir := range []string{"segment/nn/kernel", "segment/planes", "segment/fingerprint", "tiler/taps"} {
		if lines[filepath.FromSlash(dir)] == nil {
			t.Errorf("%s has no line %q", dir, generates)
		}
	}
	for dir, args := range lines {
		t.Run(filepath.ToSlash(dir), func(t *testing.T) { current(t, dir, args) })
	}
}

// generatorLines finds the arguments of the generators, by folder. It reads every file, those of the generators too, so
// that a test that was cached runs again when one of them changes.
func generatorLines(t *testing.T) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		data, err := os.ReadFile(path)
		for line := range strings.Lines(string(data)) {
			if args, ok := strings.CutPrefix(line, generates); ok {
				lines[filepath.Dir(path)] = strings.Fields(args)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// current runs a generator and compares what it writes with what is committed.
func current(t *testing.T, dir string, args []string) {
	temp := t.TempDir()
	gen := filepath.Join(temp, "gen")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", gen, "./gen")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build generator: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), gen, args...)
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("generate: %v\n%s", err, out)
	}
	for _, flag := range []string{"-out", "-stubs"} {
		name := args[slices.Index(args, flag)+1]
		want, err := os.ReadFile(filepath.Join(temp, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate in pkg/%s", name, filepath.ToSlash(dir))
		}
	}
}
