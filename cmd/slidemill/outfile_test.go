package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A training that goes on from its checkpoint writes its model again; another one's is left alone.
func TestTrainingWritesOverItsOwnModelOnly(t *testing.T) {
	dir := t.TempDir()
	f := trainFlags{out: filepath.Join(dir, "m.onnx")}
	put := func(name string) {
		t.Helper()
		if err := writeTo(filepath.Join(dir, name), func(w io.Writer) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	put("m.onnx")
	if err := f.vacant(); !errors.As(err, new(*usageError)) {
		t.Errorf("another's model: %v", err)
	}
	put("m.training/checkpoint")
	if err := f.vacant(); err != nil {
		t.Errorf("its own model: %v", err)
	}
}

// What cannot be written whole leaves what was there, and nothing beside it.
func TestWriteToIsAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := writeTo(path, func(w io.Writer) error { _, err := io.WriteString(w, "half"); return errors.Join(err, broken) })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A link stays a link, to a file or to a device; only a file is somebody's who must be asked.
func TestWriteToFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	file, link, null := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "null")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink("file", link), os.Symlink(os.DevNull, null), os.Symlink("new", filepath.Join(dir, "early"))); err != nil {
		t.Skip("no links here: ", err)
	}
	for _, path := range []string{link, null, filepath.Join(dir, "early")} {
		if err := writeTo(path, hello); err != nil {
			t.Error(err)
		}
		if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link now: %v", path, err)
		}
	}
	for _, path := range []string{file, filepath.Join(dir, "new")} {
		if data, err := os.ReadFile(path); err != nil || string(data) != "hello" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if err := vacant(false, null); err != nil {
		t.Error(err)
	}
	if err := vacant(false, link); err == nil {
		t.Error("a link to a file may be written over without being asked to")
	}
}
