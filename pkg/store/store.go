// Package store keeps everything Slidemill makes, in S3-compatible object storage or in a directory.
// It owns the names of all keys (layout.go) and the contract of a Bucket; the drivers live below it
// in s3, dir and mem, and prove the contract with storetest.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Object describes one stored object.
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
	// Version tells the object from one that takes its place under the key, as an ETag does. Empty where the store, or
	// the call, does not know it.
	Version string
}

// Bucket is a flat set of immutable objects under slash-separated keys. Implementations are safe for
// concurrent use.
//
// Put is atomic: a reader sees the whole object or ErrNotFound, never a part; if ctx ends or r fails,
// nothing appears. Putting the same key again replaces the object atomically, which is harmless
// because equal keys hold equal bytes.
//
// Keys obey CheckKey. No key may be another's folder ("a" beside "a/b"): layout.go never makes such
// keys, and some stores can't hold them.
//
// Errors wrap ErrNotFound, ErrDenied, ErrNoSpace or ErrInvalid where they apply, and ErrReplaced where somebody asked for
// a version; everything else may be retried.
type Bucket interface {
	// Put stores r under key. size is the number of bytes r yields, or -1 if unknown; a reader that
	// yields another number is an error and stores nothing.
	Put(ctx context.Context, key string, r io.Reader, size int64) error
	// Get opens the object from offset off for n bytes, or to the end if n is negative. A range
	// beyond the end is shortened, as HTTP does, to nothing if need be. The caller closes the reader.
	Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)
	// Stat describes the object.
	Stat(ctx context.Context, key string) (Object, error)
	// List yields every object whose key starts with prefix, in byte order of keys. The first error
	// ends it. Objects put or deleted meanwhile may or may not be seen. Bodies may call the Bucket.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes the object; removing what is not there is not an error.
	Delete(ctx context.Context, key string) error
}

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrDenied   = errors.New("access denied")
	ErrNoSpace  = errors.New("no space left in the store")
	ErrInvalid  = errors.New("invalid request") // a bad key, a negative offset, a reader of the wrong size
	ErrReplaced = errors.New("it was replaced by another one while it was read")
)

// Syncer is an optional ability of a Bucket: Sync makes everything put before it survive a power
// failure. Writers of a manifest call it first, so that a manifest never outlives what it promises.
type Syncer interface {
	Sync(ctx context.Context) error
}

// Sync calls b's Sync if it has one.
func Sync(ctx context.Context, b Bucket) error {
	if s, ok := b.(Syncer); ok {
		return s.Sync(ctx)
	}
	return nil
}
