// Package limit bounds what a store is asked at once: requests, and bytes of Puts in flight. It wraps any
// store.Bucket, so that many workers neither exhaust a server nor this machine's memory.
//
// A Put and a Get hold a request each, the Get until its reader is closed: a goroutine that opens a second
// reader before it closes the first may wait for itself, so Requests must exceed the readers that one
// goroutine keeps open. Stat and Delete hold a request while they run. List holds none, because its body
// may call the store.
package limit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/slidemill/slidemill/pkg/store"
)

var (
	_ store.Bucket = (*Bucket)(nil)
	_ store.Syncer = (*Bucket)(nil)
)

// Config sets the limits; its zero value is ready.
type Config struct {
	Requests int64 // at once; 0 means 64
	Bytes    int64 // of Puts at once; 0 means 256 MiB. A larger object goes alone
	Unknown  int64 // bytes that a Put of unknown size counts; 0 means 32 MiB
}

// Bucket waits for its turn.
type Bucket struct {
	bucket   store.Bucket
	config   Config
	requests *semaphore.Weighted
	bytes    *semaphore.Weighted
}

// New wraps b.
func New(b store.Bucket, c Config) *Bucket {
	c.Requests = cmp.Or(c.Requests, 64)
	c.Bytes = cmp.Or(c.Bytes, 256<<20)
	c.Unknown = cmp.Or(c.Unknown, 32<<20)
	return &Bucket{b, c, semaphore.NewWeighted(c.Requests), semaphore.NewWeighted(c.Bytes)}
}

// request waits for a request's turn.
func (b *Bucket) request(ctx context.Context, op, key string) error {
	if err := b.requests.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("%s %s: %w", op, key, err)
	}
	return nil
}

// Put implements store.Bucket. It waits for bytes first, so that large objects hold no request while
// they wait.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	cost := size
	if size < 0 {
		cost = b.config.Unknown
	}
	cost = min(cost, b.config.Bytes)
	if err := b.bytes.Acquire(ctx, cost); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	defer b.bytes.Release(cost)
	if err := b.request(ctx, "put", key); err != nil {
		return err
	}
	defer b.requests.Release(1)
	return b.bucket.Put(ctx, key, r, size)
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := b.request(ctx, "get", key); err != nil {
		return nil, err
	}
	r, err := b.bucket.Get(ctx, key, off, n)
	if err != nil {
		b.requests.Release(1)
		return nil, err
	}
	return &reader{ReadCloser: r, done: sync.OnceFunc(func() { b.requests.Release(1) })}, nil
}

// reader gives its request back when closed.
type reader struct {
	io.ReadCloser
	done func() // once
}

func (r *reader) Close() error {
	defer r.done()
	return r.ReadCloser.Close()
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := b.request(ctx, "stat", key); err != nil {
		return store.Object{}, err
	}
	defer b.requests.Release(1)
	return b.bucket.Stat(ctx, key)
}

// List implements store.Bucket.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return b.bucket.List(ctx, prefix)
}

// Delete implements store.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := b.request(ctx, "delete", key); err != nil {
		return err
	}
	defer b.requests.Release(1)
	return b.bucket.Delete(ctx, key)
}

// Sync implements store.Syncer, if the wrapped bucket does.
func (b *Bucket) Sync(ctx context.Context) error { return store.Sync(ctx, b.bucket) }
