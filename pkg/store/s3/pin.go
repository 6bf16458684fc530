package s3

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/slidemill/slidemill/pkg/store"
)

var _ store.Bucket = (*Pinned)(nil)

// Pinned is a bucket for who reads objects that others may replace, in several requests: of each key it gives the
// object that the first Stat saw, and once another one lies there an error that is store.ErrReplaced. Keys that
// nobody has asked Stat for are read as in any bucket.
//
// # Memory
//
// It remembers a version of some dozen bytes for each key that Stat was asked for.
type Pinned struct {
	*Bucket

	mu       sync.Mutex
	versions map[string]string
}

// Pin makes a Pinned that has seen nothing.
func (b *Bucket) Pin() *Pinned { return &Pinned{Bucket: b, versions: map[string]string{}} }

// Version is the one that the first Stat of the key saw; empty if there was none.
func (p *Pinned) Version(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.versions[key]
}

// Stat implements store.Bucket.
func (p *Pinned) Stat(ctx context.Context, key string) (store.Object, error) {
	o, err := p.Bucket.Stat(ctx, key)
	if err != nil {
		return o, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first, seen := p.versions[key]; seen && first != o.Version {
		return store.Object{}, fmt.Errorf("stat %s: %w", key, store.ErrReplaced)
	}
	p.versions[key] = o.Version
	return o, nil
}

// Get implements store.Bucket.
func (p *Pinned) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	return p.get(ctx, key, p.Version(key), off, n)
}

// strong is an ETag that may be asked for; a weak one, as proxies that compress give, is never matched (RFC 9110 13.1.1).
func strong(etag string) string {
	if strings.HasPrefix(etag, "W/") {
		return ""
	}
	return etag
}

// match asks for a version, or for any if it is empty.
func match(options *minio.GetObjectOptions, version string) error {
	if version == "" {
		return nil
	}
	return options.SetMatchETag(version)
}
