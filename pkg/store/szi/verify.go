package szi

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Proof is what Verify has read.
type Proof struct {
	Tiles int64
	Bytes int64
}

// Verify reads the archive under key from its first to its last byte and proves it whole: entry follows entry
// without a gap up to the central directory, each is what the directory says, with the name and the checksum
// that it says, and the tiles are exactly those of the pyramid. An archive that is not there is
// store.ErrNotFound, one that is not whole ErrDamaged.
//
// # Memory
//
// The index and one tile.
func Verify(ctx context.Context, b store.Bucket, key string, d pyramid.DeepZoom) (Proof, error) {
	x, err := openIndex(ctx, b, key)
	if err != nil {
		return Proof{}, fmt.Errorf("verify %s: %w", key, err)
	}
	if err := x.covers(d); err != nil {
		return Proof{}, fmt.Errorf("verify %s: %w", key, err)
	}
	body, err := b.Get(ctx, key, 0, x.begin)
	if err != nil {
		return Proof{}, fmt.Errorf("verify %s: %w", key, err)
	}
	defer body.Close()
	if err := x.prove(ctx, bufio.NewReaderSize(body, 256<<10)); err != nil {
		return Proof{}, fmt.Errorf("verify %s: %w", key, err)
	}
	return Proof{Tiles: int64(len(x.tiles)), Bytes: x.size}, nil
}

// covers checks that the archive holds each tile of the pyramid, and nothing else.
func (x *index) covers(d pyramid.DeepZoom) error {
	if n := d.Tiles(); int64(len(x.tiles)) != n {
		return damaged("%d tiles, the pyramid has %d", len(x.tiles), n)
	}
	for _, p := range x.tiles { // as many as there should be, and no tile twice: none may be foreign
		t := unpackTile(p.tile)
		if t.Level > d.Max() || !d.Grid(t.Level).Contains(t.Col, t.Row) {
			return damaged("tile %v is not on the pyramid", t)
		}
	}
	return nil
}

// prove reads the entries in the order in which they lie.
func (x *index) prove(ctx context.Context, r *bufio.Reader) error {
	places := append([]place{x.first}, x.tiles...)
	slices.SortFunc(places, func(a, b place) int { return compare(uint64(a.off), uint64(b.off)) })
	at, entry := int64(0), []byte(nil)
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.off != at {
			return damaged("a gap at byte %d", at)
		}
		head, err := r.Peek(localSize)
		if err != nil {
			return fmt.Errorf("read entry at byte %d: %w", at, err)
		}
		n := localSize + int(binary.LittleEndian.Uint16(head[26:])) + int(p.size)
		entry = slices.Grow(entry[:0], n)[:n]
		if _, err := io.ReadFull(r, entry); err != nil {
			return fmt.Errorf("read entry at byte %d: %w", at, err)
		}
		if err := x.proveEntry(entry, p); err != nil {
			return fmt.Errorf("entry at byte %d: %w", at, err)
		}
		at += int64(n)
	}
	if at != x.begin {
		return damaged("a gap before the central directory")
	}
	return nil
}

func (x *index) proveEntry(entry []byte, p place) error {
	if err := checkLocal(entry, p); err != nil {
		return err
	}
	name := string(entry[localSize : len(entry)-int(p.size)])
	if p == x.first {
		return nil
	}
	if want := x.names.tile(unpackTile(p.tile)); name != want {
		return damaged("is called %.80q, not %q", name, want)
	}
	return nil
}
