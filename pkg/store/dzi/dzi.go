// Package dzi is a store that keeps one pyramid as a Deep Zoom image on disk: NAME.dzi and NAME_files,
// as every Deep Zoom viewer expects them. It takes the keys of one slide's pyramid and nothing else of
// the layout.
package dzi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
)

// Bucket keeps one pyramid. It is safe for concurrent use.
type Bucket struct {
	files *dir.Bucket
	path  string // without extension
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
	return &Bucket{files, path}, nil
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
	return b.files.Put(ctx, name, r, size)
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
