package slide

import (
	"context"
	"fmt"
	"io"
)

// Source is the bytes of a slide that is no file of this machine, such as an object in S3.
type Source struct {
	io.ReaderAt // safe for concurrent use
	io.Closer
	Size int64
}

// OpenSource opens a slide whose bytes lie elsewhere, as Open does, and takes the source over unless there
// is an error. Formats of several files, and those that need a library of the machine, need files.
func OpenSource(ctx context.Context, src Source, o Options) (Slide, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open slide: %w", err)
	}
	if src.Size <= 0 {
		return nil, fmt.Errorf("open slide: %w", ErrEmpty)
	}
	s, err := openSource(source{ReaderAt: src.ReaderAt, Closer: src.Closer, size: src.Size}, o)
	if err != nil {
		return nil, fmt.Errorf("open slide: %w", err)
	}
	return s, nil
}
