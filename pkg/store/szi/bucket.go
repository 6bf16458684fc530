package szi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Bucket shows the tiles of another bucket's archives as objects of their own. Everything else goes
// through. A listing shows what lies in the other bucket: archives, not their tiles.
//
// A tile is looked for by itself first, until its slide is known to have an archive: then one request reads it and
// the neighbours that lie beside it, header and all, and its checksum is checked when it is asked for.
//
// # Memory
//
// The indices of the archives read lately, 24 bytes for each tile, together at most maxIndices bytes; the
// neighbours read ahead, at most maxAhead bytes; and a stretch of at most maxRun for each call at work.
type Bucket struct {
	store.Bucket
	// Pack says that pyramids put here are to be archives; see Packs.
	Pack    bool
	indices indices
	ahead   ahead
}

var (
	_ store.Bucket       = (*Bucket)(nil)
	_ store.Syncer       = (*Bucket)(nil)
	_ store.FolderLister = (*Bucket)(nil)
)

// New wraps a bucket.
func New(b store.Bucket) *Bucket { return &Bucket{Bucket: b} }

// Packs reports whether pyramids put into a bucket are to be archives, through any wrapper with an Unwrap.
func Packs(b store.Bucket) bool {
	for {
		if own, ok := b.(*Bucket); ok {
			return own.Pack
		}
		wrapper, ok := b.(interface{ Unwrap() store.Bucket })
		if !ok {
			return false
		}
		b = wrapper.Unwrap()
	}
}

// Unwrap is the bucket that holds the archives.
func (b *Bucket) Unwrap() store.Bucket { return b.Bucket }

// Sync implements store.Syncer, if the wrapped bucket does.
func (b *Bucket) Sync(ctx context.Context) error { return store.Sync(ctx, b.Bucket) }

// Folders implements store.FolderLister.
func (b *Bucket) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return store.Folders(ctx, b.Bucket, prefix)
}

// Get implements store.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	tile, archives, packed := packedTile(key)
	if !packed {
		return b.Bucket.Get(ctx, key, off, n)
	}
	if off < 0 {
		return nil, fmt.Errorf("get %s: %w: offset %d", key, store.ErrInvalid, off)
	}
	if !b.indices.knowsAny(archives) {
		r, err := b.Bucket.Get(ctx, key, off, n)
		if !errors.Is(err, store.ErrNotFound) {
			return r, err
		}
	}
	data, err := b.tile(ctx, archives, tile)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	data = data[min(off, int64(len(data))):]
	if n >= 0 {
		data = data[:min(n, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Stat implements store.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (store.Object, error) {
	tile, archives, packed := packedTile(key)
	if !packed {
		return b.Bucket.Stat(ctx, key)
	}
	if !b.indices.knowsAny(archives) {
		o, err := b.Bucket.Stat(ctx, key)
		if !errors.Is(err, store.ErrNotFound) {
			return o, err
		}
	}
	for _, archive := range archives {
		x, err := b.indices.open(ctx, b.Bucket, archive)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return store.Object{}, fmt.Errorf("stat %s: %w", key, err)
		}
		if p, ok := x.find(tile); ok {
			return store.Object{Key: key, Size: int64(p.size)}, nil
		}
	}
	return store.Object{}, fmt.Errorf("stat %s: %w", key, store.ErrNotFound)
}

// tile reads a tile from the first archive that has it. An index that no longer fits its archive is read
// again once: somebody may have replaced it.
func (b *Bucket) tile(ctx context.Context, archives []string, t pyramid.Tile) ([]byte, error) {
	for _, archive := range b.indices.knownFirst(archives) {
		for try := range 2 {
			x, err := b.indices.open(ctx, b.Bucket, archive)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if err != nil {
				return nil, err
			}
			p, ok := x.find(t)
			if !ok {
				break
			}
			data, err := b.data(ctx, x, p, t)
			if err == nil {
				return data, nil
			}
			b.indices.forget(archive)
			b.ahead.forget(archive)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if try > 0 || !errors.Is(err, ErrDamaged) {
				return nil, err
			}
		}
	}
	return nil, store.ErrNotFound
}

// maxTile is the most that a tile of 4096 pixels can take.
const maxTile = 64<<20 + 64<<10

// data reads an entry and proves it: header, name and checksum.
func (b *Bucket) data(ctx context.Context, x *index, p place, t pyramid.Tile) ([]byte, error) {
	if x.end(p) > x.begin || p.size > maxTile {
		return nil, damaged("tile %v lies outside, or is of %d bytes", t, p.size)
	}
	entry, err := b.ahead.get(ctx, b.Bucket, x, p, t)
	if err != nil {
		return nil, err
	}
	if err := checkLocal(entry, p); err != nil {
		return nil, fmt.Errorf("tile %v: %w", t, err)
	}
	want := x.names.tile(t)
	name := localSize + len(want)
	if got := string(entry[localSize:name]); got != want {
		return nil, damaged("%.80q where tile %v belongs", got, t)
	}
	return entry[name:], nil
}

// checkLocal checks an entry's local header and its data against the central directory.
func checkLocal(entry []byte, p place) error {
	le := binary.LittleEndian
	name, extra := int(le.Uint16(entry[26:])), int(le.Uint16(entry[28:]))
	switch {
	case le.Uint32(entry) != localSignature || extra != 0 || len(entry) != localSize+name+int(p.size):
		return damaged("its header is not what the directory says")
	case le.Uint32(entry[14:]) != p.crc || le.Uint32(entry[18:]) != p.size || le.Uint32(entry[22:]) != p.size:
		return damaged("its header contradicts the directory")
	case crc32.ChecksumIEEE(entry[localSize+name:]) != p.crc:
		return damaged("wrong checksum")
	}
	return nil
}
