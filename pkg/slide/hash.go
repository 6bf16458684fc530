package slide

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// hashChunk is how much of a file is hashed between two looks at the context: about 2 ms of work.
const hashChunk = 1 << 20

// Hash streams the file through SHA-256: a slide is named by it. progress, if not nil, hears the
// number of bytes hashed so far.
//
// # Memory
//
// One buffer of 1 MiB, whatever the file's size.
func Hash(ctx context.Context, path string, progress func(n int64)) (sum [sha256.Size]byte, err error) {
	f, err := openRegular(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, hashChunk)
	var done int64
	for {
		if err := ctx.Err(); err != nil {
			return sum, fmt.Errorf("hash %s: %w", path, err)
		}
		n, err := io.ReadFull(f, buf)
		h.Write(buf[:n])
		done += int64(n)
		if progress != nil && n > 0 {
			progress(done)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			h.Sum(sum[:0])
			return sum, nil
		case err != nil:
			return sum, fmt.Errorf("hash %s: %w", path, err)
		}
	}
}

// openRegular opens a file for reading and refuses what is none, with what to do instead. It looks
// before it opens, because opening a named pipe waits for a writer.
func openRegular(path string) (*os.File, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open slide: %w", err)
	case st.IsDir():
		return nil, fmt.Errorf("open slide %s: %w", path, ErrDirectory)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("open slide %s: %w", path, ErrNotRegular)
	case st.Size() == 0:
		return nil, fmt.Errorf("open slide %s: %w", path, ErrEmpty)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open slide: %w", err)
	}
	return f, nil
}
