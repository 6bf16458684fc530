package stitch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

// File is what run.json promises of one object.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// shelf puts a run's single files into the store and remembers what it put. It is not safe for
// concurrent use.
type shelf struct {
	bucket store.Bucket
	prefix string // of the run's keys
	files  map[string]File
}

func newShelf(b store.Bucket, keys store.RunKeys) *shelf {
	return &shelf{bucket: b, prefix: keys.Prefix(), files: make(map[string]File)}
}

// put stores data under key.
func (s *shelf) put(ctx context.Context, key string, data []byte) error {
	return s.stream(ctx, key, bytes.NewReader(data))
}

// stream stores everything that r holds. It reads r twice, first for the sum, so that the store gets a
// reader that it can rewind and try again.
func (s *shelf) stream(ctx context.Context, key string, r io.ReadSeeker) error {
	sum := sha256.New()
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read back %s: %w", s.name(key), err)
	}
	size, err := io.Copy(sum, r)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read back %s: %w", s.name(key), err)
	}
	if err := s.bucket.Put(ctx, key, r, size); err != nil {
		return fmt.Errorf("put %s: %w", s.name(key), err)
	}
	s.files[s.name(key)] = File{size, hex.EncodeToString(sum.Sum(nil))}
	return nil
}

// name is the key below the run, which says what it is without naming a slide.
func (s *shelf) name(key string) string { return strings.TrimPrefix(key, s.prefix) }

// spool is a temporary file for an output whose size is known only at its end: object storage wants
// to know it at the beginning.
type spool struct{ *os.File }

func newSpool(dir string) (spool, error) {
	f, err := os.CreateTemp(dir, "slidemill-stitch-*")
	if err != nil {
		return spool{}, fmt.Errorf("make a temporary file (set TMPDIR to a folder with space): %w", err)
	}
	return spool{f}, nil
}

// store puts the whole file under key.
func (f spool) store(ctx context.Context, s *shelf, key string) error {
	return s.stream(ctx, key, f.File)
}

// discard removes the file.
func (f spool) discard() error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
