//go:build !linux

package dir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// flushAlways: without syncfs every file is flushed before its rename.
const flushAlways = true

// dirty remembers the folders whose entries are not flushed yet, at most maxKnown of them.
type dirty struct {
	mu      sync.Mutex
	folders map[string]struct{}
}

func (d *dirty) add(folder string) {
	d.mu.Lock()
	full := len(d.folders) >= maxKnown
	if d.folders == nil {
		d.folders = make(map[string]struct{})
	}
	d.folders[folder] = struct{}{}
	d.mu.Unlock()
	if full {
		for folder := range d.take() {
			syncFolder(folder) // early; a failure shows again when the folder is next written
		}
	}
}

func (d *dirty) take() map[string]struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.folders
	d.folders = nil
	return taken
}

// Sync implements store.Syncer: the files are flushed already, their folders follow.
func (b *Bucket) Sync(ctx context.Context) error {
	done := make(map[string]struct{})
	for folder := range b.dirty.take() {
		for ; len(folder) >= len(b.root); folder = filepath.Dir(folder) {
			if _, ok := done[folder]; ok {
				break
			}
			done[folder] = struct{}{}
			if err := ctx.Err(); err != nil {
				b.dirty.add(folder)
				return fmt.Errorf("sync store: %w", err)
			}
			if err := syncFolder(folder); err != nil {
				return fmt.Errorf("sync store: %w", Explain(err))
			}
		}
	}
	return nil
}

// syncFolder flushes a folder's entries. Windows can't and needn't: NTFS journals them.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if os.IsNotExist(err) {
		return nil // pruned since
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
