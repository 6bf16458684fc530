// Package s3 is a store in a bucket of any S3-compatible server: AWS, MinIO, Ceph, versitygw. It is the
// only importer of minio-go.
//
// # Atomic
//
// S3 shows an object when its last byte has arrived and the request is complete, or the multipart
// upload is; what fails before is aborted. An upload whose process was killed stays invisible, but on
// the server's disk: give the bucket a lifecycle rule that aborts incomplete uploads after a day.
//
// # Memory
//
// A Put holds what it sends: the object if it is smaller than Config.PartSize, else one part of that
// size (or 1/10000 of the object, if that is larger) at a time. So any part can be sent again, and an
// object of unknown size may have 10000 parts, 156 GiB by default. For one of unknown size memory is reserved ahead, but
// never more than a part. Multiply by the number of Puts at once,
// which store/limit bounds. A Get holds a connection's buffer, a List one page of 1000.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/slidemill/slidemill/pkg/store"
)

var _ store.Bucket = (*Bucket)(nil)

// Bucket keeps objects in a bucket of a server.
type Bucket struct {
	core      minio.Core
	config    Config
	transport http.RoundTripper
}

// Open connects and checks that the bucket is there and may be used.
func Open(ctx context.Context, c Config) (*Bucket, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	b, err := dial(c)
	if err == nil {
		if err = b.provide(ctx); err != nil {
			b.Release()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w%s", c, err, unreached(ctx, err, c.Endpoint))
	}
	return b, nil
}

// Release closes the connections that wait for a next request. Who opens a bucket for one object of many
// calls it when done; the bucket stays usable.
func (b *Bucket) Release() { (&http.Client{Transport: b.transport}).CloseIdleConnections() }

func dial(c Config) (*Bucket, error) {
	server, err := c.server()
	if err != nil {
		return nil, err
	}
	transport := c.Transport
	if transport == nil {
		if transport, err = newTransport(c.Stall, c.CA); err != nil {
			return nil, err
		}
	}
	client, err := minio.New(server.Host, &minio.Options{
		Creds:      c.credentials(server),
		Secure:     server.Scheme == "https",
		Region:     c.Region,
		Transport:  transport,
		MaxRetries: c.Tries,
	})
	if err != nil {
		return nil, err
	}
	return &Bucket{minio.Core{Client: client}, c, transport}, nil
}

// provide asks for the first object of the bucket: unlike the answer to a HEAD request, that answer has
// a body, which tells a wrong key from a missing bucket.
func (b *Bucket) provide(ctx context.Context) error {
	err := b.list(ctx, "", func(store.Object, error) bool { return false })
	if answerOf(err).Code != minio.NoSuchBucket {
		return explain(ctx, err)
	}
	if !b.config.Create {
		return fmt.Errorf("%w: create the bucket, or check its name and the endpoint %s", explain(ctx, err), b.config.Endpoint)
	}
	err = b.core.MakeBucket(ctx, b.config.Bucket, minio.MakeBucketOptions{Region: b.config.Region})
	if answerOf(err).Code == minio.BucketAlreadyOwnedByYou { // another worker was faster
		return nil
	}
	return explain(ctx, err)
}

// name is the key in the bucket.
func (b *Bucket) name(key string) (string, error) {
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	return b.inBucket(key), nil
}

func (b *Bucket) inBucket(key string) string { return b.config.inBucket(key) }

func (c Config) inBucket(key string) string {
	if c.Prefix == "" {
		return key
	}
	return c.Prefix + "/" + key
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	return b.get(ctx, key, "", off, n)
}

// get is Get of a version, or of any if it is empty.
func (b *Bucket) get(ctx context.Context, key, version string, off, n int64) (io.ReadCloser, error) {
	name, err := b.name(key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if off < 0 {
		return nil, fmt.Errorf("get %s: %w: offset %d", key, store.ErrInvalid, off)
	}
	if n == 0 { // HTTP has no empty range
		if _, err := b.Stat(ctx, key); err != nil {
			return nil, err
		}
		return io.NopCloser(strings.NewReader("")), nil
	}
	var options minio.GetObjectOptions
	if off > 0 || n > 0 {
		options.Set("Range", byteRange(off, n))
	}
	if err := match(&options, version); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	body, info, _, err := b.core.GetObject(ctx, b.config.Bucket, name, options)
	if err == nil && version != "" && info.ETag != "" && info.ETag != version { // a server that knows no If-Match
		body.Close() // nobody has read from it
		return nil, fmt.Errorf("get %s: %w", key, store.ErrReplaced)
	}
	if answerOf(err).StatusCode == 416 { // beyond the end
		return io.NopCloser(strings.NewReader("")), nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, explain(ctx, err))
	}
	return reader{body, ctx, key}, nil
}

func byteRange(off, n int64) string {
	if n < 0 || off > math.MaxInt64-n {
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+n-1)
}

// reader explains what goes wrong after the first byte.
type reader struct {
	io.ReadCloser
	ctx context.Context // of the Get, which bounds the reading too
	key string
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read %s: %w", r.key, explain(r.ctx, err))
	}
	return n, err
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	name, err := b.name(key)
	if err != nil {
		return store.Object{}, fmt.Errorf("stat: %w", err)
	}
	info, err := b.core.StatObject(ctx, b.config.Bucket, name, minio.StatObjectOptions{})
	if err != nil {
		return store.Object{}, fmt.Errorf("stat %s: %w", key, explain(ctx, err))
	}
	return store.Object{Key: key, Size: info.Size, Modified: info.LastModified, Version: strong(info.ETag)}, nil
}

// Delete implements store.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	name, err := b.name(key)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	err = explain(ctx, b.core.RemoveObject(ctx, b.config.Bucket, name, minio.RemoveObjectOptions{}))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// List implements store.Bucket, a page at a time.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if err := store.CheckPrefix(prefix); err != nil {
			yield(store.Object{}, fmt.Errorf("list: %w", err))
			return
		}
		if err := b.list(ctx, prefix, yield); err != nil {
			yield(store.Object{}, fmt.Errorf("list %s: %w", prefix, explain(ctx, err)))
		}
	}
}

func (b *Bucket) list(ctx context.Context, prefix string, yield func(store.Object, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	pages, stop := context.WithCancel(ctx) // the client pages ahead until told to stop
	defer stop()
	options := minio.ListObjectsOptions{Prefix: b.inBucket(prefix), Recursive: true}
	for info := range b.core.ListObjectsIter(pages, b.config.Bucket, options) {
		if info.Err != nil {
			return info.Err
		}
		key := strings.TrimPrefix(info.Key, b.inBucket(""))
		if store.CheckKey(key) != nil {
			continue // a folder's marker, or somebody else's object
		}
		if !yield(store.Object{Key: key, Size: info.Size, Modified: info.LastModified}, nil) {
			return nil
		}
	}
	return ctx.Err()
}
