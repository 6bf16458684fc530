package slide

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// hashChunk is how much of a file is hashed between two looks at the context: about 2 ms of work.
const hashChunk = 1 << 20

// Hash streams the slide's file through SHA-256: a slide is named by it. The name of a slide of several
// files is the SHA-256 of their hashes in ascending order, whatever the files are called. progress, if not
// nil, hears the number of bytes hashed so far.
//
// # Memory
//
// One buffer of 1 MiB, whatever the file's size.
func Hash(ctx context.Context, path string, progress func(n int64)) (sum [sha256.Size]byte, err error) {
	files, err := Files(ctx, path)
	if err != nil {
		return sum, err
	}
	sums := make([][]byte, len(files))
	var before int64
	for i, name := range files {
		var last int64
		sum, err := hashFile(ctx, name, func(n int64) {
			last = n
			if progress != nil {
				progress(before + n)
			}
		})
		if err != nil {
			return sum, err
		}
		sums[i], before = sum[:], before+last
	}
	if len(sums) == 1 {
		return [sha256.Size]byte(sums[0]), nil
	}
	slices.SortFunc(sums, bytes.Compare)
	return sha256.Sum256(bytes.Join(sums, nil)), nil
}

func hashFile(ctx context.Context, path string, progress func(n int64)) (sum [sha256.Size]byte, err error) {
	f, err := openRegular(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	if sum, err = hash(ctx, f, progress); err != nil {
		return sum, fmt.Errorf("hash %s: %w", path, err)
	}
	return sum, nil
}

// hash reads to the end.
func hash(ctx context.Context, r io.Reader, progress func(n int64)) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	buf := make([]byte, hashChunk)
	var done int64
	for {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		n, err := io.ReadFull(r, buf)
		h.Write(buf[:n])
		done += int64(n)
		if n > 0 {
			progress(done)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			h.Sum(sum[:0])
			return sum, nil
		case err != nil:
			return sum, err
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
