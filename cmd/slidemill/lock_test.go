package main

import (
	"errors"
	"strings"
	"testing"
)

// Whoever finds the folder taken hears who may have it, and how the night's intake and other commands go together.
func TestFolderInUse(t *testing.T) {
	data := t.TempDir()
	unlock, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	code, _, errs := command("status", "--data", data)
	if code != exitFailed || !strings.Contains(errs, "`watch` that works alone") || !strings.Contains(errs, "serve --watch DIR") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = lockData(data)
	if err = errors.Join(err, unlock()); err != nil {
		t.Errorf("free again: %v", err)
	}
}
