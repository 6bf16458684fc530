package szi

import "encoding/binary"

// record is an entry as the central directory needs it; what else it needs follows from the order.
type record struct {
	tile uint64 // see packTile
	crc  uint32
	size uint32
}

// records keeps the entries of an archive in the making, in their order.
//
// # Memory
//
// A tile as its distance from the one before, which is next to it most of the time, a sum and a size: 9 or 10 bytes a
// tile, in chunks of recordsChunk, so that growing copies nothing.
type records struct {
	n      int
	last   uint64
	chunks [][]byte
}

const (
	recordsChunk = 32 << 10
	maxRecord    = 2*binary.MaxVarintLen64 + 4
)

func (l *records) add(r record) {
	n := len(l.chunks)
	if n == 0 || cap(l.chunks[n-1])-len(l.chunks[n-1]) < maxRecord {
		l.chunks = append(l.chunks, make([]byte, 0, recordsChunk))
		n++
	}
	b := binary.AppendVarint(l.chunks[n-1], int64(r.tile-l.last))
	b = binary.LittleEndian.AppendUint32(b, r.crc)
	l.chunks[n-1] = binary.AppendUvarint(b, uint64(r.size))
	l.last = r.tile
	l.n++
}

// all yields the records in their order.
func (l *records) all(yield func(record) bool) {
	var tile uint64
	for _, b := range l.chunks {
		for len(b) > 0 {
			step, n := binary.Varint(b)
			crc := binary.LittleEndian.Uint32(b[n:])
			size, m := binary.Uvarint(b[n+4:])
			b = b[n+4+m:]
			tile += uint64(step)
			if !yield(record{tile, crc, uint32(size)}) {
				return
			}
		}
	}
}
