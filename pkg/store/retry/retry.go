// Package retry makes a store patient: what may succeed later is tried again, with growing, jittered
// pauses, for as long as the caller's ctx and Config.Patience allow. It wraps any store.Bucket.
//
// What is tried again: everything but ErrNotFound, ErrDenied, ErrNoSpace, ErrInvalid, ErrReplaced, the end of ctx
// and the failure of a caller's reader. A List goes on after the last key. A Get reads small objects to
// their end before it returns, so that an object is never glued from two that followed each other under one
// key; a larger one goes on where it broke off, which fits because large objects are never replaced by
// others.
//
// A Put needs its bytes again. An io.Seeker is sought back; of any other reader up to Config.Buffer bytes
// are held, and if there are more, the Put is tried once. Hand over a bytes.Reader or a file.
package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
)

var (
	_ store.Bucket = (*Bucket)(nil)
	_ store.Syncer = (*Bucket)(nil)
)

// Config says how patient; its zero value is ready.
type Config struct {
	Patience time.Duration // of one call, or since the last byte read; 0 means 5 min
	First    time.Duration // pause, about; 0 means 100 ms. Each is twice the one before
	Longest  time.Duration // pause; 0 means 10 s
	Buffer   int64         // bytes held of an object that is read, or of a reader that can't seek; 0 means 4 MiB
	// Room makes a full store a reason to wait, for as long as ctx lasts: for a process that stays, whose
	// operator makes room in the morning. Otherwise ErrNoSpace is reported at once.
	Room bool
	// Notice learns of each failure that will be tried again, after the pause. It may be nil.
	Notice func(op, key string, err error, pause time.Duration)
}

// Bucket tries again. It holds what Config.Buffer says for each Get and Put at once.
type Bucket struct {
	bucket store.Bucket
	config Config
}

// New wraps b.
func New(b store.Bucket, c Config) *Bucket {
	c.Patience = cmp.Or(c.Patience, 5*time.Minute)
	c.First = cmp.Or(c.First, 100*time.Millisecond)
	c.Longest = cmp.Or(c.Longest, 10*time.Second)
	c.Buffer = cmp.Or(c.Buffer, 4<<20)
	if c.Notice == nil {
		c.Notice = func(string, string, error, time.Duration) {}
	}
	return &Bucket{b, c}
}

// Retryable reports whether the same call may succeed later.
func Retryable(err error) bool {
	for _, e := range []error{store.ErrNotFound, store.ErrDenied, store.ErrNoSpace, store.ErrInvalid, store.ErrReplaced, errSource} {
		if errors.Is(err, e) {
			return false
		}
	}
	return err != nil
}

// try is the course of one call's attempts.
type try struct {
	b       *Bucket
	op, key string
	pause   time.Duration
	giveUp  time.Time
}

func (b *Bucket) try(op, key string) *try {
	return &try{b: b, op: op, key: key, pause: b.config.First, giveUp: time.Now().Add(b.config.Patience)}
}

// progress starts patience and pauses anew.
func (t *try) progress() { *t = *t.b.try(t.op, t.key) }

// again waits if the error may be tried again, and reports it if not.
func (t *try) again(ctx context.Context, err error) error {
	pause := t.pause/2 + rand.N(t.pause)
	full := t.b.config.Room && errors.Is(err, store.ErrNoSpace)
	if !full && !Retryable(err) || ctx.Err() != nil {
		return err
	}
	if !full && time.Now().Add(pause).After(t.giveUp) {
		return fmt.Errorf("%w (gave up after %v)", err, t.b.config.Patience)
	}
	t.b.config.Notice(t.op, t.key, err, pause)
	t.pause = min(2*t.pause, t.b.config.Longest)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
}

// until calls f until it succeeds or again refuses.
func (t *try) until(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		if err := t.again(ctx, err); err != nil {
			return err
		}
	}
}

// Put implements store.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	s, err := newSource(ctx, r, size, b.config.Buffer)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return b.try("put", key).until(ctx, func() error {
		again, err := s.rewind()
		if err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
		return s.blame(b.bucket.Put(ctx, key, again, size))
	})
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (r io.ReadCloser, err error) {
	t := b.try("get", key)
	err = t.until(ctx, func() error {
		r, err = t.begin(ctx, off, n)
		return err
	})
	return r, err
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (o store.Object, err error) {
	err = b.try("stat", key).until(ctx, func() error {
		o, err = b.bucket.Stat(ctx, key)
		return err
	})
	return o, err
}

// Delete implements store.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.try("delete", key).until(ctx, func() error { return b.bucket.Delete(ctx, key) })
}

// Sync implements store.Syncer, if the wrapped bucket does.
func (b *Bucket) Sync(ctx context.Context) error {
	return b.try("sync", "").until(ctx, func() error { return store.Sync(ctx, b.bucket) })
}

// List implements store.Bucket. A listing that breaks starts again and skips what was yielded.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		l := lister{b: b, prefix: prefix, yield: yield, try: b.try("list", prefix)}
		if err := l.try.until(ctx, func() error { return l.list(ctx) }); err != nil {
			yield(store.Object{}, err)
		}
	}
}

type lister struct {
	b      *Bucket
	prefix string
	yield  func(store.Object, error) bool
	try    *try
	last   string // key yielded last; no key is empty
}

func (l *lister) list(ctx context.Context) error {
	for o, err := range l.b.bucket.List(ctx, l.prefix) {
		if err != nil {
			return err
		}
		if o.Key <= l.last {
			continue
		}
		l.last = o.Key
		l.try.progress()
		if !l.yield(o, nil) {
			return nil
		}
	}
	return nil
}
