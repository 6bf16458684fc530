package slide

import (
	"encoding/binary"
	"fmt"
	"io"
)

// zipEntry is where a stored file of an archive lies: its local header.
type zipEntry struct {
	name   string
	header int64
	size   int64
}

// Limits on an archive: eight gigapixels in tiles of 256 are 170 000 entries.
const (
	maxZipEntries   = 4 << 20
	maxZipDirectory = 512 << 20
	maxZipComment   = 1<<16 - 1
)

func zipDamaged(format string, args ...any) error {
	return &FormatError{Format: "szi", Problem: fmt.Sprintf(format, args...)}
}

// zipEntries visits the entries of an archive's central directory (PKWARE's APPNOTE 4.3.12), 32-bit and
// 64-bit. Only stored files can be read by range, and SZI has no others.
//
// # Memory
//
// A megabyte of the directory at a time.
func zipEntries(r io.ReaderAt, size int64, visit func(zipEntry) error) error {
	at, n, count, err := zipDirectory(r, size)
	if err != nil {
		return err
	}
	if count > maxZipEntries || n > maxZipDirectory || at < 0 || n < 0 || at > size-n {
		return zipDamaged("a directory of %d entries in %d bytes at offset %d", count, n, at)
	}
	in := io.NewSectionReader(r, at, n)
	var head [46]byte
	var rest []byte
	for range count {
		if _, err := io.ReadFull(in, head[:]); err != nil || string(head[:4]) != "PK\x01\x02" {
			return zipDamaged("its directory breaks off")
		}
		nameLen, extra, comment := int(binary.LittleEndian.Uint16(head[28:])), int(binary.LittleEndian.Uint16(head[30:])), int(binary.LittleEndian.Uint16(head[32:]))
		if rest = append(rest[:0], make([]byte, nameLen+extra+comment)...); len(rest) > 0 {
			if _, err := io.ReadFull(in, rest); err != nil {
				return zipDamaged("its directory breaks off")
			}
		}
		if method := binary.LittleEndian.Uint16(head[10:]); method != 0 {
			return &UnsupportedError{Format: "szi", Feature: "compressed entries; SZI stores them as they are"}
		}
		e := zipEntry{
			name:   string(rest[:nameLen]),
			size:   int64(binary.LittleEndian.Uint32(head[24:])),
			header: int64(binary.LittleEndian.Uint32(head[42:])),
		}
		e.widen(rest[nameLen:nameLen+extra], binary.LittleEndian.Uint32(head[20:]) == 1<<32-1)
		if e.header < 0 || e.size < 0 || e.header > size-30 || e.size > size-e.header-30 {
			return zipDamaged("an entry at offset %d with %d bytes lies beyond the end of the file: it is cut short", e.header, e.size)
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// widen takes 64-bit numbers from the extra field where the 32-bit ones are full. Their order is size,
// compressed size, header; each is there only if its short form is full.
func (e *zipEntry) widen(extra []byte, compressed bool) {
	const zip64 = 1
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			return
		}
		if body := extra[4 : 4+n]; id == zip64 {
			take := func(v *int64) {
				if *v == 1<<32-1 && len(body) >= 8 {
					*v, body = int64(binary.LittleEndian.Uint64(body)), body[8:]
				}
			}
			take(&e.size)
			if compressed && len(body) >= 8 {
				body = body[8:]
			}
			take(&e.header)
		}
		extra = extra[4+n:]
	}
}

// zipDirectory finds the central directory from the records at the end of the file.
func zipDirectory(r io.ReaderAt, size int64) (at, n, count int64, err error) {
	tail := make([]byte, min(size, 22+maxZipComment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return 0, 0, 0, fmt.Errorf("read szi: %w", err)
	}
	end := -1
	for i := len(tail) - 22; i >= 0; i-- {
		if string(tail[i:i+4]) == "PK\x05\x06" {
			end = i
			break
		}
	}
	if end < 0 {
		return 0, 0, 0, zipDamaged("no directory at its end: it is cut short, copy it again")
	}
	b := tail[end:]
	count, n, at = int64(binary.LittleEndian.Uint16(b[10:])), int64(binary.LittleEndian.Uint32(b[12:])), int64(binary.LittleEndian.Uint32(b[16:]))
	if count != 1<<16-1 && n != 1<<32-1 && at != 1<<32-1 {
		return at, n, count, nil
	}
	if end < 20 || string(tail[end-20:end-16]) != "PK\x06\x07" {
		return at, n, count, nil
	}
	var wide [56]byte
	where := int64(binary.LittleEndian.Uint64(tail[end-12:]))
	if where < 0 || where > size-int64(len(wide)) {
		return 0, 0, 0, zipDamaged("its 64-bit directory lies at offset %d", where)
	}
	if _, err := r.ReadAt(wide[:], where); err != nil || string(wide[:4]) != "PK\x06\x06" {
		return 0, 0, 0, zipDamaged("no 64-bit directory where one is announced")
	}
	return int64(binary.LittleEndian.Uint64(wide[48:])), int64(binary.LittleEndian.Uint64(wide[40:])), int64(binary.LittleEndian.Uint64(wide[32:])), nil
}

// read reads a stored file, which begins after its own copy of the header.
func (e zipEntry) read(r io.ReaderAt, limit int64) ([]byte, error) {
	if e.size > limit {
		return nil, &UnsupportedError{Format: "szi", Feature: fmt.Sprintf("an entry of %d bytes", e.size)}
	}
	var head [30]byte
	if _, err := r.ReadAt(head[:], e.header); err != nil || string(head[:4]) != "PK\x03\x04" {
		return nil, zipDamaged("no entry at offset %d", e.header)
	}
	begin := e.header + 30 + int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	out := make([]byte, e.size)
	if _, err := r.ReadAt(out, begin); err != nil {
		return nil, zipDamaged("entry at offset %d breaks off: the file is cut short", e.header)
	}
	return out, nil
}
