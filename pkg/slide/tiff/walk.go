package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/tiff"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// layout is what differs between classic TIFF and BigTIFF.
type layout struct {
	order  binary.ByteOrder
	big    bool
	header int64 // size of the header, before which no directory can begin
	count  int64 // size of a directory's number of entries
	entry  int64 // size of an entry
	offset int64 // size of an offset, which is also what fits into an entry
}

// walker proves, before google/tiff is let loose on a file, that its directories end, lie inside the
// file and name a bounded number of value bytes. That parser follows next-links for ever and
// allocates what a count says; see the limits in limits.go.
//
// # Memory
//
// One entry at a time and the set of visited offsets, at most maxDirectories.
type walker struct {
	layout
	r       io.ReaderAt
	size    int64
	seen    map[int64]bool
	entries int64 // of all directories walked
	values  int64 // bytes of all values outside their entries
}

// ErrNotTIFF says that the file does not begin like a TIFF: another format may know it.
var ErrNotTIFF = errors.New("not a TIFF file")

// newWalker reads the header and gives the offset of the first directory.
func newWalker(r io.ReaderAt, size int64) (*walker, int64, error) {
	var h [16]byte
	n, err := r.ReadAt(h[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read tiff header: %w", err)
	}
	l, err := parseHeader(h[:n])
	if err != nil {
		return nil, 0, err
	}
	w := &walker{layout: l, r: r, size: size, seen: make(map[int64]bool)}
	return w, w.word(h[l.header-l.offset:], l.offset), nil
}

func parseHeader(h []byte) (layout, error) {
	if len(h) < 4 {
		return layout{}, ErrNotTIFF
	}
	var bo binary.ByteOrder
	switch string(h[:2]) {
	case "II":
		bo = binary.LittleEndian
	case "MM":
		bo = binary.BigEndian
	default:
		return layout{}, ErrNotTIFF
	}
	var l layout
	switch bo.Uint16(h[2:]) {
	case 42:
		l = layout{order: bo, header: 8, count: 2, entry: 12, offset: 4}
	case 43:
		l = layout{order: bo, big: true, header: 16, count: 8, entry: 20, offset: 8}
	default:
		return layout{}, ErrNotTIFF
	}
	if int64(len(h)) < l.header {
		return layout{}, damaged("the file ends inside its header")
	}
	if l.big && (bo.Uint16(h[4:]) != 8 || bo.Uint16(h[6:]) != 0) {
		return layout{}, damaged("BigTIFF header does not say 8-byte offsets")
	}
	return l, nil
}

// word reads an unsigned number of 2, 4 or 8 bytes. One beyond int64 becomes -1, which no check
// accepts.
func (l layout) word(b []byte, size int64) int64 {
	switch size {
	case 2:
		return int64(l.order.Uint16(b))
	case 4:
		return int64(l.order.Uint32(b))
	}
	return max(int64(l.order.Uint64(b)), -1)
}

// chain walks from a directory along the next-links and gives the offsets of all directories.
func (w *walker) chain(first int64) (offsets []int64, err error) {
	for at := first; at != 0; {
		next, err := w.directory(at)
		if err != nil {
			return nil, fmt.Errorf("directory %d: %w", len(offsets), err)
		}
		offsets = append(offsets, at)
		at = next
	}
	return offsets, nil
}

// directory checks one directory and all its entries, and gives the link to the next.
func (w *walker) directory(at int64) (next int64, err error) {
	switch {
	case at < w.header || at > w.size-w.count-w.offset:
		return 0, damaged("directory at offset %d of a file of %d bytes: it may be cut short", at, w.size)
	case w.seen[at]:
		return 0, damaged("the directories form a loop")
	case len(w.seen) >= maxDirectories:
		return 0, unsupported("more than %d directories", maxDirectories)
	}
	w.seen[at] = true
	var b [20]byte
	if err := w.read(b[:w.count], at); err != nil {
		return 0, err
	}
	n := w.word(b[:], w.count)
	if n < 1 || n > maxEntries {
		return 0, damaged("%d entries, want 1 to %d", n, maxEntries)
	}
	at += w.count
	if at+n*w.entry+w.offset > w.size {
		return 0, damaged("%d entries run past the end of the file: it may be cut short", n)
	}
	for range n {
		if err := w.read(b[:w.entry], at); err != nil {
			return 0, err
		}
		if err := w.checkEntry(b[:w.entry]); err != nil {
			return 0, err
		}
		at += w.entry
	}
	if err := w.read(b[:w.offset], at); err != nil {
		return 0, err
	}
	return w.word(b[:], w.offset), nil
}

// checkEntry checks that an entry's values lie in the file and that all values together are few
// enough to load.
func (w *walker) checkEntry(e []byte) error {
	tag, typ := w.word(e, 2), w.word(e[2:], 2)
	count, size := w.word(e[4:], w.offset), typeSize(uint16(typ))
	if count < 0 || count > maxValueBytes/size {
		return damaged("tag %d has %d values", tag, count)
	}
	if count*size <= w.offset {
		return nil
	}
	if at := w.word(e[4+w.offset:], w.offset); at < 0 || at > w.size-count*size {
		return damaged("tag %d has its %d bytes at offset %d, outside the file: it may be cut short", tag, count*size, at)
	}
	if w.values += count * size; w.values > maxValueBytes {
		return unsupported("more than %d bytes of tag values", int64(maxValueBytes))
	}
	return nil
}

func (w *walker) read(b []byte, at int64) error {
	if _, err := w.r.ReadAt(b, at); err != nil {
		return fmt.Errorf("read tiff directory: %w", err)
	}
	return nil
}

// typeSize is the size of one value of a field type in bytes. It asks google/tiff, because what that
// parser will allocate is what has to be bounded; unknown types count as bytes there.
func typeSize(typ uint16) int64 {
	return int64(tiff.DefaultFieldTypeSpace.GetFieldType(typ).Size())
}

func damaged(format string, args ...any) error {
	return &fault.FormatError{Format: "tiff", Problem: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &fault.UnsupportedError{Format: "tiff", Feature: fmt.Sprintf(format, args...)}
}
