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
