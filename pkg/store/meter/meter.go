// Package meter reports what a store does, call by call, to whoever counts. It wraps any store.Bucket and
// keeps nothing itself.
package meter

import (
	"context"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
)

var (
	_ store.Bucket = (*Bucket)(nil)
	_ store.Syncer = (*Bucket)(nil)
)

// Call is one finished call. It holds no key: labels of metrics must be few.
type Call struct {
	Op    string        // put, get, stat, list, delete, sync
	Bytes int64         // moved: of a Get, those that were read
	Took  time.Duration // of a Get, until its reader was closed; of a List, with its body
	Err   error
}

// Bucket reports to a function.
type Bucket struct {
	bucket store.Bucket
	report func(Call)
}

// New wraps b. report is called from many goroutines at once.
func New(b store.Bucket, report func(Call)) *Bucket { return &Bucket{b, report} }

// call times f.
func (b *Bucket) call(op string, f func() error) error {
	start := time.Now()
	err := f()
	b.report(Call{Op: op, Took: time.Since(start), Err: err})
	return err
}

// Put implements store.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	start := time.Now()
	c := counter{r: r}
	err := b.bucket.Put(ctx, key, c.reader(), size)
	b.report(Call{Op: "put", Bytes: c.n, Took: time.Since(start), Err: err})
	return err
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	start := time.Now()
	body, err := b.bucket.Get(ctx, key, off, n)
	if err != nil {
		b.report(Call{Op: "get", Took: time.Since(start), Err: err})
		return nil, err
	}
	r := &reader{counter: counter{r: body}, body: body}
	r.done = sync.OnceFunc(func() { b.report(Call{Op: "get", Bytes: r.n, Took: time.Since(start), Err: r.err}) })
	return r, nil
}

// counter counts the bytes read.
type counter struct {
	r   io.Reader
	n   int64
	err error // other than io.EOF
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// reader keeps the ability to seek, which a wrapper below may need to try again.
func (c *counter) reader() io.Reader {
	if s, ok := c.r.(io.Seeker); ok {
		return struct {
			io.Reader
			io.Seeker
		}{c, s}
	}
	return c
}

type reader struct {
	counter
	body io.Closer
	done func() // once
}

func (r *reader) Close() error {
	defer r.done()
	return r.body.Close()
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (o store.Object, err error) {
	err = b.call("stat", func() error {
		o, err = b.bucket.Stat(ctx, key)
		return err
	})
	return o, err
}

// List implements store.Bucket.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		_ = b.call("list", func() error { // yielded below
			for o, err := range b.bucket.List(ctx, prefix) {
				if !yield(o, err) || err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// Delete implements store.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.call("delete", func() error { return b.bucket.Delete(ctx, key) })
}

// Sync implements store.Syncer, if the wrapped bucket does.
func (b *Bucket) Sync(ctx context.Context) error {
	return b.call("sync", func() error { return store.Sync(ctx, b.bucket) })
}
