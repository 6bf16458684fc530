package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errInUse says that another process has the data folder.
var errInUse = errors.New("in use by another slidemill: stop a `serve`, wait for a `run` or for a `watch` that works alone (`slidemill serve --watch DIR` does the same and lets other commands in meanwhile), or name another folder with --data; `export`, `verify` and the summary that a watch keeps writing can be had meanwhile")

// lockData makes sure that one process at a time owns a data folder's queue.
func lockData(data string) (unlock func() error, err error) {
	path := filepath.Join(data, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s is %w", data, errInUse), f.Close())
	}
	return f.Close, nil
}
