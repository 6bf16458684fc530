package szi

import (
	"bufio"
	"context"
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

// Verify reads the archive under key from its first to its last byte and proves it whole: its tiles are exactly those
// of the pyramid with the checksums that it says, and everything around them is byte for byte what Writer writes. An
// archive that is not there is store.ErrNotFound, one that is not whole ErrDamaged.
//
// # Memory
//
// The index and one tile twice.
func Verify(ctx context.Context, b store.Bucket, key string, d pyramid.DeepZoom) (Proof, error) {
	x, err := openIndex(ctx, b, key)
	if err != nil {
		return Proof{}, fmt.Errorf("verify %s: %w", key, err)
	}
	if err := x.covers(d); err != nil {
		return Proof{}, fmt.Errorf("verify %s: %w", key, err)
	}
	body, err := b.Get(ctx, key, 0, x.size)
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

// prove reads the archive and has a Writer write it again from the tiles that it finds: each byte must be the one that
// the Writer writes there, those that no reader looks at too, because another zip program may.
func (x *index) prove(ctx context.Context, r io.Reader) error {
	slices.SortFunc(x.tiles, func(a, b place) int { return compare(uint64(a.off), uint64(b.off)) })
	copied := &copier{from: r}
	if err := copied.next(x.names.descriptor(), x.first); err != nil {
		return err
	}
	w, err := NewWriter(copied, Image{x.names.folder, x.names.format, copied.data})
	if err != nil {
		return err
	}
	if x.scan != nil {
		if err := copied.next(x.names.properties(), *x.scan); err != nil {
			return err
		}
		if err := w.Describe(copied.data); err != nil {
			return err
		}
	}
	for _, p := range x.tiles {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := unpackTile(p.tile)
		if err := copied.next(x.names.tile(t), p); err != nil {
			return err
		}
		r, err := w.entry(x.names.tile(t), copied.data)
		if err != nil {
			return err
		}
		if r.crc != p.crc {
			return damaged("tile %v has another checksum", t)
		}
	}
	if err := w.directory(x.records); err != nil { // the index has them: the Writer need not remember the tiles too
		return err
	}
	if copied.at != x.size {
		return damaged("%d bytes behind its end", x.size-copied.at)
	}
	return nil
}

// records yields the tiles as a Writer keeps them.
func (x *index) records(yield func(record) bool) {
	for _, p := range x.tiles {
		if !yield(record{p.tile, p.crc, p.size}) {
			return
		}
	}
}

// copier compares what is written to it with an archive, byte by byte. An entry is read before it is written, as the
// Writer needs its data; the directory is read as it is written.
type copier struct {
	from  io.Reader
	at    int64  // of the archive, as far as it was compared
	ahead []byte // of it, read and not compared yet
	data  []byte // of the entry that was read last
	entry []byte // the memory of both
}

// next reads the entry that must come now.
func (c *copier) next(name string, p place) error {
	if p.off != c.at {
		return damaged("a gap at byte %d", c.at)
	}
	if p.size > maxTile {
		return damaged("an entry of %d bytes at byte %d", p.size, c.at)
	}
	head := localSize + len(name)
	if err := c.read(head + int(p.size)); err != nil {
		return err
	}
	c.ahead, c.data = c.entry, c.entry[head:]
	return nil
}

func (c *copier) read(n int) error {
	c.entry = slices.Grow(c.entry[:0], n)[:n]
	if _, err := io.ReadFull(c.from, c.entry); err != nil {
		return fmt.Errorf("read at byte %d: %w", c.at, err)
	}
	return nil
}

// Write implements io.Writer.
func (c *copier) Write(b []byte) (int, error) {
	if c.ahead == nil {
		if err := c.read(len(b)); err != nil {
			return 0, err
		}
		c.ahead = c.entry
	}
	for i, want := range b {
		if c.ahead[i] != want {
			return i, damaged("byte %d is not the one that belongs there", c.at+int64(i))
		}
	}
	c.ahead, c.at = nil, c.at+int64(len(b))
	return len(b), nil
}
