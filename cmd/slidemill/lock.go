package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// errInUse says that another process has the data folder.
var errInUse = errors.New("in use by another slidemill")

// What to do about it. A serve lets other commands in as soon as its queue is there, and no longer when it ends.
const (
	waitForOther = "stop a `serve`, wait for a `run` or for a `watch` that works alone (`slidemill serve --watch DIR` does the same and lets other commands in meanwhile), or name another folder with --data; `export`, `verify` and the summary that a watch keeps writing can be had meanwhile"
	waitForServe = "a `serve` is starting there, or ending: try again in a few seconds"
)

// holder is who has the lock, as its file tells others.
type holder string

const (
	worksAlone holder = "alone"
	letsIn     holder = "serve" // a serve with a queue of its own
)

// holderAt is where it stands in the file, and how wide: Windows locks the first byte against reading, too.
const (
	holderAt    = 1
	holderWidth = 8
)

// lockData makes sure that one process at a time owns a data folder's queue.
func lockData(data string) (unlock func() error, err error) { return lockAs(data, worksAlone) }

// lockAs is lockData for a holder that others are told of.
func lockAs(data string, who holder) (unlock func() error, err error) {
	path := filepath.Join(data, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s is %w: %s", data, errInUse, hintOf(f)), f.Close())
	}
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-*s", holderWidth, who), holderAt) // on a full disk the hint is the other one
	return f.Close, nil
}

// hintOf says what to do about who has the lock.
func hintOf(f *os.File) string {
	text := make([]byte, holderWidth)
	if _, err := f.ReadAt(text, holderAt); err == nil && strings.TrimSpace(string(text)) == string(letsIn) {
		return waitForServe
	}
	return waitForOther
}
