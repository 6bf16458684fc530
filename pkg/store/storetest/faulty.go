package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"sync"

	"github.com/slidemill/slidemill/pkg/store"
)

// ErrFault is what a Faulty bucket fails with. It may be retried.
var ErrFault = errors.New("injected fault")

// Faulty wraps a bucket and makes a share of its calls fail: before they do anything, after they did it
// (the answer is lost), in the middle of a reader or of a listing. Its faults are the same for the same
// seed and order of calls.
type Faulty struct {
	bucket store.Bucket
	share  float64

	mu     sync.Mutex
	rng    *rand.Rand
	faults int
}

var _ store.Bucket = (*Faulty)(nil)

// NewFaulty wraps b; share is the probability of a fault, 0 to 1.
func NewFaulty(b store.Bucket, seed uint64, share float64) *Faulty {
	return &Faulty{bucket: b, share: share, rng: rand.New(rand.NewPCG(seed, 1))}
}

// Faults is the number of faults so far.
func (f *Faulty) Faults() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults
}

// fault decides whether the next step fails.
func (f *Faulty) fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rng.Float64() >= f.share {
		return nil
	}
	f.faults++
	return ErrFault
}

// around does the call, and fails before or after it.
func (f *Faulty) around(do func() error) error {
	if err := f.fault(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return f.fault()
}

// Put implements store.Bucket.
func (f *Faulty) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	return f.around(func() error { return f.bucket.Put(ctx, key, r, size) })
}

// Get implements store.Bucket. Its reader may break, after some thousand bytes.
func (f *Faulty) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := f.fault(); err != nil {
		return nil, err
	}
	r, err := f.bucket.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	if fault := f.fault(); fault != nil {
		part := io.LimitReader(r, int64(f.pick(30_000)))
		return brokenReader{failAfter(part, fault), r}, nil
	}
	return r, nil
}

type brokenReader struct {
	io.Reader
	io.Closer
}

// Stat implements store.Bucket.
func (f *Faulty) Stat(ctx context.Context, key string) (o store.Object, err error) {
	err = f.around(func() error {
		o, err = f.bucket.Stat(ctx, key)
		return err
	})
	return o, err
}

// List implements store.Bucket. It may break, once, after some hundred objects at most.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		fault, left := f.fault(), f.pick(300)
		for o, err := range f.bucket.List(ctx, prefix) {
			if left--; err == nil && left < 0 {
				err = fault
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (f *Faulty) pick(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

// Delete implements store.Bucket.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.around(func() error { return f.bucket.Delete(ctx, key) })
}

// Seekless hides every ability of a reader but Read.
func Seekless(data []byte) io.Reader { return onlyReader{bytes.NewReader(data)} }
