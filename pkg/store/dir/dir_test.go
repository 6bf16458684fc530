package dir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

func open(t *testing.T, root string) *dir.Bucket {
	t.Helper()
	b, err := dir.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(t *testing.T) store.Bucket { return open(t, filepath.Join(t.TempDir(), "new", "store")) },
	})
}

// TestNothingLeft: neither a Put that succeeds nor one that fails leaves a partial file.
func TestNothingLeft(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	if err := b.Put(t.Context(), "a/b", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "a/c", strings.NewReader("x"), 2); err == nil {
		t.Fatal("a short reader was accepted")
	}
	if left, err := os.ReadDir(filepath.Join(root, ".partial")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := b.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
}

// TestPrunedMeanwhile: puts and deletes of several processes in one folder make and prune it under each other's hands.
func TestPrunedMeanwhile(t *testing.T) {
	root := t.TempDir()
	var processes errgroup.Group
	for name := range 8 {
		b, key := open(t, root), fmt.Sprintf("a/b/%d", name)
		processes.Go(func() error {
			for range 500 {
				err := b.Put(t.Context(), key, strings.NewReader("x"), 1)
				if err := errors.Join(err, b.Delete(t.Context(), key)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := processes.Wait(); err != nil {
		t.Error(err)
	}
}

// TestLeftovers: partial files of killed processes are no objects; old ones go at the next start,
// young ones may be somebody's work and stay.
func TestLeftovers(t *testing.T) {
	root := t.TempDir()
	old, young := filepath.Join(root, ".partial", "old"), filepath.Join(root, ".partial", "young")
	if err := os.Mkdir(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, before, before); err != nil {
		t.Fatal(err)
	}
	b := open(t, root)
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("old leftover: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("young leftover: %v", err)
	}
	for o, err := range b.List(t.Context(), "") {
		t.Errorf("listed %v, %v", o, err)
	}
	if err := b.Put(t.Context(), ".partial/young", strings.NewReader("x"), 1); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("put into the folder of partial files: %v", err)
	}
}

// TestTwoProcesses stands for two workers on one directory: one deletes the folder that the other
// believes to exist.
func TestTwoProcesses(t *testing.T) {
	root := t.TempDir()
	a, b := open(t, root), open(t, root)
	for range 3 {
		if err := a.Put(t.Context(), "deep/er/x", strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), "deep/er/x"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSync(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Put(t.Context(), "a/b", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := store.Sync(t.Context(), b); err != nil {
		t.Error(err)
	}
}

func TestDenied(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("needs a user whom rights bind")
	}
	root := t.TempDir()
	b := open(t, root)
	if err := os.Chmod(root, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "a", strings.NewReader("x"), 1); !errors.Is(err, store.ErrDenied) {
		t.Errorf("put: %v, want ErrDenied", err)
	}
}

func TestOpenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Open(file); err == nil {
		t.Error("a file was opened as a store")
	}
}
