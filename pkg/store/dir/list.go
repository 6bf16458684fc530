package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

// List implements store.Bucket. It reads one folder at a time, as the caller gets there.
// It does not follow links to folders.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		w := walk{ctx: ctx, root: b.root, prefix: prefix, yield: yield}
		err := store.CheckPrefix(prefix)
		if err == nil {
			err = w.folder(prefix[:strings.LastIndex(prefix, "/")+1])
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(store.Object{}, fmt.Errorf("list %s: %w", prefix, Explain(err)))
		}
	}
}

// errEnough says that the caller wants no more.
var errEnough = errors.New("enough")

type walk struct {
	ctx    context.Context // of the one List that this walk serves
	root   string
	prefix string
	yield  func(store.Object, error) bool
}

// folder lists everything below a folder, whose key is empty or ends in a slash.
func (w walk) folder(key string) error {
	entries, err := w.entries(key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.entry(key+sortKey(e), e); err != nil {
			return err
		}
	}
	return nil
}

// entries reads a folder in the order of keys: that of names, where a folder counts with its slash
// ("a.b" comes before "a/b"). A folder that vanished is empty.
func (w walk) entries(key string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(filepath.Join(w.root, filepath.FromSlash(key)))
	if err = Explain(err); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortKey(a), sortKey(b)) })
	return entries, nil
}

func sortKey(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (w walk) entry(key string, e fs.DirEntry) error {
	if e.IsDir() {
		overlaps := strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)
		if !overlaps || key == partialFolder+"/" {
			return nil
		}
		return w.folder(key)
	}
	if !strings.HasPrefix(key, w.prefix) || store.CheckKey(key) != nil {
		return nil // not asked for, or a foreign file that no key can name
	}
	info, err := os.Stat(filepath.Join(w.root, filepath.FromSlash(key)))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil // deleted meanwhile, or no object
	}
	if err != nil {
		return err
	}
	if !w.yield(store.Object{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil) {
		return errEnough
	}
	return nil
}
