package slide

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"
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
	s, err := openSource(source{witness: newWitness(src.ReaderAt, src.Size), Closer: src.Closer, size: src.Size}, o)
	if err != nil {
		return nil, fmt.Errorf("open slide: %w", err)
	}
	return s, nil
}

// IsRemote reports whether a slide's name is an address, such as s3://BUCKET/KEY, and not a path.
func IsRemote(name string) bool { return strings.Contains(name, "://") }

// FileName is the last part of a slide's path or address: what people call the slide.
func FileName(name string) string {
	if !IsRemote(name) {
		return filepath.Base(name)
	}
	if u, err := url.Parse(name); err == nil {
		return path.Base(u.Path)
	}
	address, _, _ := strings.Cut(name, "?")
	return path.Base(address)
}

// Remote opens the bytes of slides that are no files of this machine, by their addresses. Its methods do for
// any slide what the functions of the same names do for files; a nil Remote knows files only.
//
// An address ends in the file's name, which may hold a patient's. So neither the errors of a Remote nor those
// of its sources may tell it: they go into logs and the dead list. One of an object that is not there is
// fs.ErrNotExist.
type Remote func(ctx context.Context, name string) (Source, error)

func (r Remote) source(ctx context.Context, name string) (Source, error) {
	if r == nil {
		return Source{}, errors.New("open slide: no file: here slides are files of this machine")
	}
	src, err := r(ctx, name)
	if err != nil {
		return src, fmt.Errorf("open slide: %w", err)
	}
	return src, nil
}

// Open opens a slide.
func (r Remote) Open(ctx context.Context, name string, o Options) (Slide, error) {
	if !IsRemote(name) {
		return Open(ctx, name, o)
	}
	src, err := r.source(ctx, name)
	if err != nil {
		return nil, err
	}
	s, err := OpenSource(ctx, src, o)
	if err != nil {
		src.Close() // read only: nothing is lost
	}
	return s, err
}

// Hash names a slide. One that lies elsewhere is one file: its name is the SHA-256 of that.
//
// # Memory
//
// Hash's buffer of 1 MiB, and what the source reads ahead.
func (r Remote) Hash(ctx context.Context, name string, progress func(n int64)) (sum [sha256.Size]byte, err error) {
	if !IsRemote(name) {
		return Hash(ctx, name, progress)
	}
	src, err := r.source(ctx, name)
	if err != nil {
		return sum, err
	}
	defer src.Close()
	if src.Size <= 0 {
		return sum, fmt.Errorf("hash slide: %w", ErrEmpty)
	}
	var done int64
	sum, err = hash(ctx, io.NewSectionReader(src, 0, src.Size), func(n int64) {
		done = n
		if progress != nil {
			progress(n)
		}
	})
	if err == nil && done != src.Size { // the sum of a part would be another slide's name
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return sum, fmt.Errorf("hash slide: %w", err)
	}
	return sum, nil
}

// Bytes is the size of a slide.
func (r Remote) Bytes(ctx context.Context, name string) (int64, error) {
	if !IsRemote(name) {
		return Bytes(ctx, name)
	}
	src, err := r.source(ctx, name)
	if err != nil {
		return 0, err
	}
	return src.Size, src.Close()
}
