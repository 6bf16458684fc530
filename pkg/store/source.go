package store

import (
	"context"
	"fmt"
	"io"
)

// Source watches over the reader of a Put on behalf of a driver: it ends with ctx, and it fails with
// ErrInvalid unless r yields exactly size bytes; size -1 allows any number. A driver that reads it to
// io.EOF has the whole object.
func Source(ctx context.Context, r io.Reader, size int64) io.Reader {
	return &source{ctx: ctx, r: r, size: size}
}

type source struct {
	ctx  context.Context // of the one Put that this reader lives in
	r    io.Reader
	size int64
	seen int64
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.seen += int64(n)
	if s.size >= 0 && (s.seen > s.size || err == io.EOF && s.seen < s.size) {
		return n, fmt.Errorf("%w: reader yields %s than the %d bytes announced", ErrInvalid, s.side(), s.size)
	}
	return n, err
}

func (s *source) side() string {
	if s.seen > s.size {
		return "more"
	}
	return "fewer"
}
