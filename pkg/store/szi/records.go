package szi

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// record is an entry as the central directory needs it; what else it needs follows from the order.
type record struct {
	tile uint64 // see packTile
	crc  uint32
	size uint32
}

// records keeps the entries of an archive in the making, in their order: a tile as its distance from the one before,
// which is next to it most of the time, a sum and a size, 9 or 10 bytes. The owner discards it.
//
// # Memory
//
// recordsChunk; the rest waits in a temporary file, so that an archive of a large slide takes no more than that of a
// small one. Where there is no room for temporary files at all, 10 bytes a tile.
type records struct {
	n       int
	last    uint64
	chunk   []byte
	file    *os.File // nil while the chunk suffices
	nowhere bool     // no file can be made
	err     error    // of the file: what it held is lost
}

const (
	recordsChunk = 32 << 10
	maxRecord    = 2*binary.MaxVarintLen64 + 4
)

func (l *records) add(r record) error {
	if l.chunk == nil {
		l.chunk = make([]byte, 0, recordsChunk)
	}
	if len(l.chunk)+maxRecord > recordsChunk && !l.nowhere {
		l.spill()
	}
	b := binary.AppendVarint(l.chunk, int64(r.tile-l.last))
	b = binary.LittleEndian.AppendUint32(b, r.crc)
	l.chunk = binary.AppendUvarint(b, uint64(r.size))
	l.last = r.tile
	l.n++
	return l.err
}

// spill moves the chunk into the file.
func (l *records) spill() {
	if l.file == nil {
		f, err := os.CreateTemp("", "slidemill-archive-*")
		if err != nil {
			l.nowhere = true
			return
		}
		l.file = f
	}
	if _, err := l.file.Write(l.chunk); err != nil {
		l.err = fmt.Errorf("archive directory (set TMPDIR to a folder with space): %w", err)
	}
	l.chunk = l.chunk[:0]
}

// all yields the records in their order; err says afterwards whether it did.
func (l *records) all(yield func(record) bool) {
	parts := []io.Reader{bytes.NewReader(l.chunk)}
	if l.file != nil {
		parts = []io.Reader{io.NewSectionReader(l.file, 0, 1<<62), parts[0]}
	}
	in := bufio.NewReaderSize(io.MultiReader(parts...), recordsChunk)
	var r record
	for range l.n {
		if l.err = r.read(in); l.err != nil || !yield(r) {
			return
		}
	}
}

// read reads the record behind r.
func (r *record) read(in *bufio.Reader) error {
	step, err := binary.ReadVarint(in)
	if err != nil {
		return err
	}
	var sum [4]byte
	if _, err := io.ReadFull(in, sum[:]); err != nil {
		return err
	}
	size, err := binary.ReadUvarint(in)
	*r = record{r.tile + uint64(step), binary.LittleEndian.Uint32(sum[:]), uint32(size)}
	return err
}

// discard removes the file.
func (l *records) discard() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	err := f.Close()
	if gone := os.Remove(f.Name()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
