// Package mem is a store in memory, for tests. It forgets everything with the process and grows with
// what is put: real work belongs in store/dir or store/s3.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
)

var _ store.Bucket = (*Bucket)(nil)

// Bucket holds objects in memory. Its zero value is empty and ready.
type Bucket struct {
	mu      sync.RWMutex
	objects map[string]object
}

// object is immutable once in the map; a Put replaces it.
type object struct {
	data     []byte
	modified time.Time
}

// New makes an empty bucket.
func New() *Bucket { return new(Bucket) }

// Put implements store.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if err := store.CheckKey(key); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	data, err := io.ReadAll(store.Source(ctx, r, size))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.objects == nil {
		b.objects = make(map[string]object)
	}
	b.objects[key] = object{data, time.Now()}
	return nil
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if off < 0 {
		return nil, fmt.Errorf("get %s: %w: offset %d", key, store.ErrInvalid, off)
	}
	o, err := b.find(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("get %w", err)
	}
	rest := o.data[min(off, int64(len(o.data))):]
	if n >= 0 {
		rest = rest[:min(n, int64(len(rest)))]
	}
	return io.NopCloser(bytes.NewReader(rest)), nil
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := b.find(ctx, key)
	if err != nil {
		return store.Object{}, fmt.Errorf("stat %w", err)
	}
	return store.Object{Key: key, Size: int64(len(o.data)), Modified: o.modified}, nil
}

// find is the object under key; its errors begin with the key.
func (b *Bucket) find(ctx context.Context, key string) (object, error) {
	if err := store.CheckKey(key); err != nil {
		return object{}, err
	}
	if err := ctx.Err(); err != nil {
		return object{}, fmt.Errorf("%s: %w", key, err)
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, ok := b.objects[key]
	if !ok {
		return object{}, fmt.Errorf("%s: %w", key, store.ErrNotFound)
	}
	return o, nil
}

// List implements store.Bucket over the keys that are there when it starts.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if err := store.CheckPrefix(prefix); err != nil {
			yield(store.Object{}, fmt.Errorf("list: %w", err))
			return
		}
		for _, o := range b.snapshot(prefix) {
			if err := ctx.Err(); err != nil {
				yield(store.Object{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (b *Bucket) snapshot(prefix string) []store.Object {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var found []store.Object
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, prefix) {
			o := b.objects[key]
			found = append(found, store.Object{Key: key, Size: int64(len(o.data)), Modified: o.modified})
		}
	}
	return found
}

// Delete implements store.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := store.CheckKey(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
}
