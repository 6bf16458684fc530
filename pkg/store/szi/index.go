package szi

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// ErrDamaged marks an archive that is not what Writer writes.
var ErrDamaged = errors.New("damaged archive")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// index says where each tile of an archive lies.
//
// # Memory
//
// 24 bytes for each tile, at most maxTiles.
type index struct {
	key   string
	names names
	size  int64  // of the archive
	begin int64  // of the central directory, where the entries end
	first place  // the descriptor
	scan  *place // the properties of the scan, if there are any
	tiles []place
}

// place is an entry; its data lie behind the local header at off.
type place struct {
	tile uint64
	off  int64
	size uint32
	crc  uint32
}

// maxTiles bounds an index, so that the largest fits maxIndices: ten million tiles of 240 pixels are 600
// gigapixels, and 252 MB.
const maxTiles = 10 << 20

// end is what the end of an archive says of its central directory.
type end struct{ n, size, begin int64 }

// openIndex reads the central directory of the archive under key with two or three requests.
func openIndex(ctx context.Context, b store.Bucket, key string) (*index, error) {
	n, err := namesOf(key)
	if err != nil {
		return nil, err
	}
	o, err := b.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	e, err := readEnd(ctx, b, o)
	if err != nil {
		return nil, err
	}
	body, err := b.Get(ctx, key, e.begin, e.size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	x := &index{key: key, names: n, size: o.Size, begin: e.begin}
	if err := x.read(bufio.NewReaderSize(body, 64<<10), e); err != nil {
		return nil, err
	}
	slices.SortFunc(x.tiles, func(a, b place) int { return compare(a.tile, b.tile) })
	for i := 1; i < len(x.tiles); i++ {
		if x.tiles[i].tile == x.tiles[i-1].tile {
			return nil, damaged("tile %v twice", unpackTile(x.tiles[i].tile))
		}
	}
	return x, nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// readEnd reads the archive's last bytes.
func readEnd(ctx context.Context, b store.Bucket, o store.Object) (end, error) {
	const most = end64Size + locator64Size + endSize
	tail, err := fetch(ctx, b, o.Key, max(0, o.Size-most), min(o.Size, most))
	if err != nil {
		return end{}, err
	}
	if len(tail) < endSize {
		return end{}, damaged("%d bytes", o.Size)
	}
	last := tail[len(tail)-endSize:]
	if binary.LittleEndian.Uint32(last) != endSignature {
		return end{}, damaged("no end of the central directory: it is cut short")
	}
	e := end{
		n: int64(binary.LittleEndian.Uint16(last[10:])), size: int64(binary.LittleEndian.Uint32(last[12:])),
		begin: int64(binary.LittleEndian.Uint32(last[16:])),
	}
	stop := o.Size - endSize
	if len(tail) == most && binary.LittleEndian.Uint32(tail) == end64Signature && binary.LittleEndian.Uint32(tail[end64Size:]) == locator64Signature {
		e.n, e.size = int64(binary.LittleEndian.Uint64(tail[32:])), int64(binary.LittleEndian.Uint64(tail[40:]))
		e.begin = int64(binary.LittleEndian.Uint64(tail[48:]))
		stop = o.Size - most
	}
	if e.n < 1 || e.n > maxTiles || e.begin < 0 || e.size < e.n*centralSize || e.begin > stop || e.size != stop-e.begin {
		return end{}, damaged("central directory of %d entries, %d bytes at %d in %d bytes", e.n, e.size, e.begin, o.Size)
	}
	return e, nil
}

// fetch reads exactly n bytes of an object.
func fetch(ctx context.Context, b store.Bucket, key string, off, n int64) ([]byte, error) {
	body, err := b.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := make([]byte, n)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}

// read reads the entries of the central directory.
func (x *index) read(r *bufio.Reader, e end) error {
	x.tiles = make([]place, 0, e.n-1)
	left := e.size
	for i := range e.n {
		name, p, err := readCentral(r, &left)
		if err != nil {
			return err
		}
		if p.off+localSize+int64(len(name))+int64(p.size) > e.begin || p.off < 0 {
			return damaged("entry %d lies outside", i)
		}
		if i == 0 {
			if name != x.names.descriptor() {
				return damaged("it begins with %.80q, not with its descriptor", name)
			}
			x.first = p
			continue
		}
		if i == 1 && name == x.names.properties() {
			x.scan = &p
			continue
		}
		t, err := x.names.parse(name)
		if err != nil {
			return err
		}
		p.tile = packTile(t)
		x.tiles = append(x.tiles, p)
	}
	return nil
}

// maxName is longer than any name in an archive.
const maxName = 256

// readCentral reads one entry of a directory that has so many bytes left.
func readCentral(r *bufio.Reader, left *int64) (name string, p place, err error) {
	var h [centralSize]byte
	if *left < centralSize {
		return "", p, damaged("the central directory has fewer entries than it says")
	}
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", p, fmt.Errorf("read central directory: %w", err)
	}
	le := binary.LittleEndian
	n, extra, comment := int(le.Uint16(h[28:])), int(le.Uint16(h[30:])), int(le.Uint16(h[32:]))
	method, flags := le.Uint16(h[10:]), le.Uint16(h[8:])
	if le.Uint32(h[:]) != centralSignature || n > maxName || extra > maxName || comment != 0 || method != 0 || flags != 0 ||
		le.Uint32(h[20:]) != le.Uint32(h[24:]) {
		return "", p, damaged("an entry that this program does not write")
	}
	if *left -= int64(centralSize + n + extra); *left < 0 {
		return "", p, damaged("an entry reaches beyond the central directory")
	}
	var rest [2 * maxName]byte
	if _, err := io.ReadFull(r, rest[:n+extra]); err != nil {
		return "", p, fmt.Errorf("read central directory: %w", err)
	}
	p = place{off: int64(le.Uint32(h[42:])), size: le.Uint32(h[24:]), crc: le.Uint32(h[16:])}
	if p.off == math.MaxUint32 {
		if extra != 12 || le.Uint32(rest[n:]) != 8<<16|1 {
			return "", p, damaged("an offset beyond 4 GiB is missing")
		}
		p.off = int64(le.Uint64(rest[n+4:]))
	}
	return string(rest[:n]), p, nil
}

// find is the place of a tile.
func (x *index) find(t pyramid.Tile) (place, bool) {
	if !packable(t) {
		return place{}, false
	}
	i, ok := slices.BinarySearchFunc(x.tiles, packTile(t), func(p place, v uint64) int { return compare(p.tile, v) })
	if !ok {
		return place{}, false
	}
	return x.tiles[i], true
}
