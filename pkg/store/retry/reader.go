package retry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/slidemill/slidemill/pkg/store"
)

// begin opens an object and reads its first bytes. If that is all of it, there is nothing left to fail.
func (t *try) begin(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	body, err := t.b.bucket.Get(ctx, t.key, off, n)
	if err != nil {
		return nil, err
	}
	expected := n
	if off == 0 { // who reads from the start names a bound, who reads from the middle knows what lies there
		expected = 0
	}
	head, err := readUpTo(body, t.b.config.Buffer+1, expected)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	read := int64(len(head))
	if read <= t.b.config.Buffer {
		return io.NopCloser(bytes.NewReader(head)), body.Close()
	}
	if n >= 0 {
		n -= read
	}
	rest := &reader{ctx: ctx, try: t, off: off + read, n: n, body: body}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), rest}, nil
}

// firstRoom is where memory begins for what has no known size: most objects are small.
const firstRoom = 4 << 10

// readUpTo reads at most limit bytes, into memory for those that are expected.
func readUpTo(r io.Reader, limit, expected int64) ([]byte, error) {
	held := make([]byte, 0, min(max(expected+1, firstRoom), limit))
	for int64(len(held)) < limit {
		if len(held) == cap(held) {
			held = store.Grow(held, limit)
		}
		n, err := r.Read(held[len(held):cap(held)])
		held = held[:len(held)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return held, err
		}
	}
	return held, nil
}

// reader reads the rest of a large object, reopening it where it broke off.
type reader struct {
	ctx    context.Context // of the Get, which bounds the reading too
	try    *try
	off, n int64 // what is left
	body   io.ReadCloser
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.off += int64(n)
		if r.n >= 0 {
			r.n -= int64(n)
		}
		if n > 0 {
			r.try.progress()
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil // the error comes again, or the next Read succeeds
		}
		if err := r.reopen(err); err != nil {
			return 0, err
		}
	}
}

func (r *reader) reopen(broke error) error {
	if err := r.try.again(r.ctx, broke); err != nil {
		return err
	}
	r.body.Close() // it is broken already
	r.body = io.NopCloser(bytes.NewReader(nil))
	return r.try.until(r.ctx, func() (err error) {
		r.body, err = r.try.b.bucket.Get(r.ctx, r.try.key, r.off, r.n)
		return err
	})
}

func (r *reader) Close() error { return r.body.Close() }

// errSource marks a Put that can't be tried again: its reader failed, or can't be read twice.
var errSource = errors.New("not repeatable")

// source is a Put's reader, made repeatable if it can be.
type source struct {
	seeker io.ReadSeeker // nil: repeatable never
	start  int64
	once   io.Reader // without a seeker
	used   bool
	failed error
}

func newSource(ctx context.Context, r io.Reader, size, limit int64) (*source, error) {
	if seeker, ok := r.(io.ReadSeeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return &source{seeker: seeker, start: start}, nil
		}
	}
	if size > limit {
		return &source{once: r}, nil
	}
	held, err := readUpTo(store.Source(ctx, r, size), limit+1, size)
	if err != nil {
		return nil, err
	}
	if int64(len(held)) > limit {
		return &source{once: io.MultiReader(bytes.NewReader(held), r)}, nil
	}
	return &source{seeker: bytes.NewReader(held)}, nil
}

// rewind returns the reader at its start.
func (s *source) rewind() (io.Reader, error) {
	if s.seeker == nil {
		if s.used {
			return nil, fmt.Errorf("%w: it can't be read twice", errSource)
		}
		s.used = true
		return observed{s.once, s}, nil
	}
	if _, err := s.seeker.Seek(s.start, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%w: %w", errSource, err)
	}
	return observed{s.seeker, s}, nil
}

// blame marks an error that the source is to blame for, or that can't be tried again for want of it.
func (s *source) blame(err error) error {
	if err != nil && (s.failed != nil || s.seeker == nil && (Retryable(err) || errors.Is(err, store.ErrNoSpace))) {
		return fmt.Errorf("%w: %w", errSource, err)
	}
	return err
}

// observed notes the failure of the reader.
type observed struct {
	r io.Reader
	s *source
}

func (o observed) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil && err != io.EOF {
		o.s.failed = err
	}
	return n, err
}
