package dir

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// flushAlways: one syncfs flushes all files at once, so tiles need no flush of their own.
const flushAlways = false

// dirty is not needed where syncfs is.
type dirty struct{}

func (dirty) add(string) {}

// Sync implements store.Syncer. It flushes the whole file system that holds the root; since Linux
// 5.8 it also reports a write that failed after its Put had returned.
func (b *Bucket) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sync store: %w", err)
	}
	root, err := os.Open(b.root)
	if err != nil {
		return fmt.Errorf("sync store: %w", Explain(err))
	}
	defer root.Close()
	if err := unix.Syncfs(int(root.Fd())); err != nil {
		return fmt.Errorf("sync store %s: %w", b.root, Explain(err))
	}
	return nil
}
