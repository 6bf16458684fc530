package dicom

import (
	"encoding/binary"
	"fmt"
)

// index finds the frames: from the extended offset table, from the basic one, or from the heads of the
// fragments where every frame is one fragment.
func (in *Instance) index(extended []byte) error {
	if !in.encapsulated() {
		need := int64(in.Frames) * in.frameBytes()
		if in.pixels.n == undefined || in.pixels.n < need {
			return damaged("%d bytes of pixels for %d frames", in.pixels.n, in.Frames)
		}
		return nil
	}
	c := &cursor{r: in.r, size: in.size, at: in.pixels.at}
	table, err := c.next()
	if err != nil {
		return err
	}
	if table.tag != tagItem || table.n == undefined {
		return damaged("no offset table before the frames")
	}
	first := table.at + table.n
	switch {
	case len(extended) >= 8*in.Frames:
		return in.fromTable(first, in.Frames, func(i int) int64 { return int64(binary.LittleEndian.Uint64(extended[8*i:])) })
	case table.n >= 4*int64(in.Frames):
		basic, err := c.value(table, 4*maxFrames)
		if err != nil {
			return err
		}
		return in.fromTable(first, in.Frames, func(i int) int64 { return int64(binary.LittleEndian.Uint32(basic[4*i:])) })
	}
	return in.fromFragments(first)
}

func (in *Instance) fromTable(first int64, n int, at func(i int) int64) error {
	in.offsets = make([]int64, n)
	for i := range in.offsets {
		v := at(i)
		if v < 0 || v > in.size-first-8 {
			return damaged("frame %d at offset %d lies beyond the end of the file: it is cut short", i, v)
		}
		in.offsets[i] = first + v
	}
	return nil
}

// fromFragments steps from fragment to fragment.
func (in *Instance) fromFragments(at int64) error {
	var b [8]byte
	for len(in.offsets) <= in.Frames {
		if _, err := in.r.ReadAt(b[:], at); err != nil {
			return damaged("the file ends after %d of %d frames: it is cut short", len(in.offsets), in.Frames)
		}
		t, n := itemHead(b[:])
		if t == tagSequenceEnd {
			break
		}
		if t != tagItem || n > in.size-at-8 {
			return damaged("element %08x of %d bytes among the frames", uint32(t), n)
		}
		in.offsets = append(in.offsets, at)
		at += 8 + n
	}
	if len(in.offsets) != in.Frames {
		return unsupported("%d frames in another number of fragments without an offset table", in.Frames)
	}
	return nil
}

func itemHead(b []byte) (tag, int64) {
	return tag(binary.LittleEndian.Uint16(b))<<16 | tag(binary.LittleEndian.Uint16(b[2:])), int64(binary.LittleEndian.Uint32(b[4:]))
}

// frameBytes is the size of an uncompressed frame.
func (in *Instance) frameBytes() int64 { return int64(in.Columns) * int64(in.Rows) * int64(in.Samples) }

// Frame reads the bytes of frame i: a stream, or samples in uncompressed files. An empty one is nil.
func (in *Instance) Frame(i int) ([]byte, error) {
	if i < 0 || i >= in.Frames {
		return nil, fmt.Errorf("frame %d of %d", i, in.Frames)
	}
	if !in.encapsulated() {
		return in.part(nil, in.pixels.at+int64(i)*in.frameBytes(), in.frameBytes())
	}
	end := in.size
	if i+1 < len(in.offsets) && in.offsets[i+1] > in.offsets[i] {
		end = in.offsets[i+1]
	}
	var out []byte
	var b [8]byte
	for at := in.offsets[i]; at+8 <= end; {
		if _, err := in.r.ReadAt(b[:], at); err != nil {
			return nil, fmt.Errorf("read frame %d: %w", i, err)
		}
		t, n := itemHead(b[:])
		if t == tagSequenceEnd && out != nil {
			break
		}
		if t != tagItem || n > end-at-8 {
			return nil, damaged("element %08x of %d bytes where frame %d belongs", uint32(t), n, i)
		}
		var err error
		if out, err = in.part(out, at+8, n); err != nil {
			return nil, err
		}
		at += 8 + n
		if i+1 == len(in.offsets) && len(in.offsets) > 1 && !in.more(at) {
			break
		}
	}
	return out, nil
}

// more reports whether another fragment follows.
func (in *Instance) more(at int64) bool {
	var b [8]byte
	if _, err := in.r.ReadAt(b[:], at); err != nil {
		return false
	}
	t, _ := itemHead(b[:])
	return t == tagItem
}

// part appends n bytes of the file.
func (in *Instance) part(dst []byte, at, n int64) ([]byte, error) {
	if n > maxFrame-int64(len(dst)) || at < 0 || n > in.size-at {
		return nil, unsupported("a frame of %d bytes and more", n)
	}
	if n == 0 {
		return dst, nil
	}
	begin := len(dst)
	dst = append(dst, make([]byte, n)...)
	if _, err := in.r.ReadAt(dst[begin:], at); err != nil {
		return nil, fmt.Errorf("read dicom frame: %w", err)
	}
	return dst, nil
}
