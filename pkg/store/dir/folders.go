package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

var _ store.FolderLister = (*Bucket)(nil)

// Folders implements store.FolderLister with one read of the directory.
func (b *Bucket) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := store.CheckPrefix(prefix); err != nil {
			yield("", err)
			return
		}
		entries, err := os.ReadDir(filepath.Join(b.root, filepath.FromSlash(strings.TrimSuffix(prefix, "/"))))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield("", fmt.Errorf("list folders of %s: %w", prefix, err))
			return
		}
		for _, e := range entries {
			if ctx.Err() != nil {
				yield("", ctx.Err())
				return
			}
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !yield(e.Name(), nil) {
				return
			}
		}
	}
}
