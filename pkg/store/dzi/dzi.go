// Package dzi is a store that keeps one pyramid as a Deep Zoom image on disk: NAME.dzi and NAME_files,
// as every Deep Zoom viewer expects them. It takes the keys of one slide's pyramid and nothing else of
// the layout.
//
// Tiles are written where they belong at once, without the detour that makes each of them atomic in
// store/dir: half of a file's cost is its name. What vouches for them is NAME.dzi, which is written last and
// atomically; without it there is no image, and Remove takes its tiles away.
package dzi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"sync"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
)

// Bucket keeps one pyramid. It is safe for concurrent use.
type Bucket struct {
	files *dir.Bucket
	path  string // without extension

	mu   sync.Mutex      // guards made, and the making of names: the kernel makes one at a time in a folder
	made map[string]bool // folders of levels
}

var _ store.Bucket = (*Bucket)(nil)

// Open makes the store for the Deep Zoom image at path, given without its extension. What is there
// already is refused: an image that mixes two slides would look whole.
func Open(path string) (*Bucket, error) {
	for _, name := range []string{path + ".dzi", path + "_files"} {
		if _, err := os.Stat(name); err == nil {
			return nil, fmt.Errorf("%s is there already: remove it, or choose another name", name)
		}
	}
	files, err := dir.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return &Bucket{files: files, path: path, made: map[string]bool{}}, nil
}

// name is where an object of the layout goes, or "" for what a Deep Zoom image has no place for.
func (b *Bucket) name(key string) (string, error) {
	ref, err := store.Parse(key)
	if err != nil {
		return "", err
	}
	base := filepath.Base(b.path)
	switch ref.Kind {
	case store.PyramidTile:
		return base + "_files/" + ref.Tile.String() + ".jpeg", nil
	case store.PyramidDZI:
		return base + ".dzi", nil
	}
	return "", nil
}

// Put implements store.Bucket. Objects that are no part of a Deep Zoom image are dropped.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	name, err := b.name(key)
	if err != nil || name == "" {
		return err
	}
	if path.Ext(name) == ".dzi" {
		defer b.files.Tidy()
		return b.files.Put(ctx, name, r, size)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	return b.write(filepath.Join(filepath.Dir(b.path), filepath.FromSlash(name)), r, size)
}

// write writes one tile.
func (b *Bucket) write(name string, r io.Reader, size int64) error {
	f, err := b.create(name)
	if err != nil {
		return dir.Explain(err)
	}
	n, err := io.Copy(f, r) // in one piece from a bytes.Reader
	if err == nil && size >= 0 && n != size {
		err = fmt.Errorf("%w: reader yields %d of the %d bytes announced", store.ErrInvalid, n, size)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return dir.Explain(errors.Join(err, os.Remove(name)))
	}
	return nil
}

// create makes the file, and its folder if it is the first there. Threads that make names in one folder at
// once spin in the kernel, hence the lock.
func (b *Bucket) create(name string) (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if folder := filepath.Dir(name); !b.made[folder] {
		if err := os.MkdirAll(folder, dir.FolderMode); err != nil {
			return nil, err
		}
		b.made[folder] = true
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, dir.FileMode)
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	name, err := b.known(key)
	if err != nil {
		return nil, err
	}
	return b.files.Get(ctx, name, off, n)
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	name, err := b.known(key)
	if err != nil {
		return store.Object{}, err
	}
	object, err := b.files.Stat(ctx, name)
	object.Key = key
	return object, err
}

func (b *Bucket) known(key string) (string, error) {
	name, err := b.name(key)
	if err == nil && name == "" {
		err = fmt.Errorf("%s: %w", key, store.ErrNotFound)
	}
	return name, err
}

// List implements store.Bucket as far as it makes sense: files do not say whose slide they show.
func (b *Bucket) List(context.Context, string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		yield(store.Object{}, errors.New("a Deep Zoom image on disk cannot be listed by keys"))
	}
}

// Delete implements store.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	name, err := b.name(key)
	if err != nil || name == "" {
		return err
	}
	return b.files.Delete(ctx, name)
}

// Remove takes back a pyramid that was not finished.
func (b *Bucket) Remove(ctx context.Context) error {
	return errors.Join(b.files.Delete(ctx, filepath.Base(b.path)+".dzi"), os.RemoveAll(b.path+"_files"))
}
