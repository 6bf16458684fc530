package tiff

import "slices"

// Hamamatsu's NDPI is a classic TIFF with 64-bit offsets where there was room for them: the offset of the
// first directory and the link to the next take eight bytes, and behind that link stands, for each entry,
// the upper half of its value or offset. Text always lies outside its entry, however short. No TIFF
// parser reads that, so these directories are read here. (OpenSlide's notes on the format.)
const (
	tagNDPI         = 65420 // every NDPI directory has it, and no other TIFF does
	ndpiHighSize    = 4
	ndpiFirstOffset = 4
)

// ndpiFirst gives the offset of the first directory if the file is an NDPI.
func (w *walker) ndpiFirst() (first int64, ok bool) {
	if w.big || w.order.Uint16([]byte{1, 0}) != 1 || w.size < w.header+4 {
		return 0, false
	}
	var b [8]byte
	if w.read(b[:], ndpiFirstOffset) != nil {
		return 0, false
	}
	first = w.word(b[:], 8)
	entries, _, err := w.ndpiEntries(first)
	return first, err == nil && slices.ContainsFunc(entries, func(e ndpiEntry) bool { return e.tag == tagNDPI })
}

// ndpiEntry is an entry with its 64-bit value or offset.
type ndpiEntry struct {
	tag, typ uint16
	count    int64
	value    [8]byte
}

// ndpiEntries reads the entries of a directory and the link to the next.
func (w *walker) ndpiEntries(at int64) (entries []ndpiEntry, next int64, err error) {
	if at < w.header || at > w.size-2 {
		return nil, 0, damaged("directory at offset %d of a file of %d bytes: it may be cut short", at, w.size)
	}
	var b [8]byte
	if err := w.read(b[:2], at); err != nil {
		return nil, 0, err
	}
	n := w.word(b[:], 2)
	if n < 1 || n > maxEntries {
		return nil, 0, damaged("%d entries, want 1 to %d", n, maxEntries)
	}
	if end := at + 2 + n*w.entry + 8 + n*ndpiHighSize; end > w.size {
		return nil, 0, damaged("%d entries run past the end of the file: it may be cut short", n)
	}
	raw := make([]byte, n*w.entry+8+n*ndpiHighSize)
	if err := w.read(raw, at+2); err != nil {
		return nil, 0, err
	}
	high := raw[n*w.entry+8:]
	for i := range n {
		e := raw[i*w.entry:]
		entry := ndpiEntry{tag: uint16(w.word(e, 2)), typ: uint16(w.word(e[2:], 2)), count: w.word(e[4:], 4)}
		copy(entry.value[:4], e[8:12])
		copy(entry.value[4:], high[i*ndpiHighSize:][:ndpiHighSize])
		entries = append(entries, entry)
	}
	return entries, w.word(raw[n*w.entry:], 8), nil
}

// ndpiChain reads all directories.
func (f *File) ndpiChain(first int64) (dirs []*Directory, err error) {
	w := f.walk
	for at := first; at != 0; {
		switch {
		case w.seen[at]:
			return nil, damaged("the directories form a loop")
		case len(w.seen) >= maxDirectories:
			return nil, unsupported("more than %d directories", maxDirectories)
		}
		w.seen[at] = true
		entries, next, err := w.ndpiEntries(at)
		if err != nil {
			return nil, err
		}
		d := &Directory{fields: make(map[uint16]field, len(entries))}
		for _, e := range entries {
			if d.fields[e.tag], err = w.ndpiField(e); err != nil {
				return nil, err
			}
		}
		dirs = append(dirs, d)
		at = next
	}
	return dirs, nil
}

// ndpiField reads an entry's values. A single number that needs its upper half becomes a 64-bit one.
func (w *walker) ndpiField(e ndpiEntry) (field, error) {
	size := typeSize(e.typ)
	if e.count < 0 || e.count > maxValueBytes/size {
		return field{}, damaged("tag %d has %d values", e.tag, e.count)
	}
	n := e.count * size
	if n <= 4 && e.typ != typeASCII {
		f := field{typ: e.typ, count: int(e.count), raw: e.value[:], order: w.order}
		if e.count == 1 && e.typ == typeLong && w.order.Uint32(e.value[4:]) != 0 {
			f.typ = typeLong8
		}
		return f, nil
	}
	at := w.word(e.value[:], 8)
	if at < 0 || at > w.size-n {
		return field{}, damaged("tag %d has its %d bytes at offset %d, outside the file: it may be cut short", e.tag, n, at)
	}
	if w.values += n; w.values > maxValueBytes {
		return field{}, unsupported("more than %d bytes of tag values", int64(maxValueBytes))
	}
	raw := make([]byte, n)
	if err := w.read(raw, at); err != nil {
		return field{}, err
	}
	return field{typ: e.typ, count: int(e.count), raw: raw, order: w.order}, nil
}
