package slidetest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// NDPI makes a Hamamatsu slide of one level: one JPEG of restart intervals of 32 by 16 pixels, whose sizes
// must divide the slide's. Its pixels are close to Smooth's.
type NDPI struct {
	Size pyramid.Size
	// Hole is how many bytes of nothing lie before the picture, for offsets beyond 32 bits. Bytes leaves the
	// hole out; Parts says where it is.
	Hole int64
	// NoStarts leaves out the table of intervals.
	NoStarts bool
	// Starts, if not nil, stands in the table's place, as numbers of 64 bits.
	Starts []byte
	// Unsized writes 0 for the picture's size into its header, as pictures beyond 65535 pixels have it.
	Unsized bool
}

const ndpiUnitW, ndpiUnitH = 32, 16

// Bytes is the file without a hole.
func (n NDPI) Bytes(t testing.TB) []byte {
	n.Hole = 0
	head, rest := n.Parts(t)
	return append(head, rest...)
}

// Parts are the file's begin, at offset 0, and the rest, at Hole bytes after its end.
func (n NDPI) Parts(t testing.TB) (head, rest []byte) {
	t.Helper()
	stream, starts := n.stream(t)
	le := binary.LittleEndian
	at := int64(16) + n.Hole // of the picture
	directory := at + int64(len(stream))
	head = le.AppendUint64([]byte("II*\x00"), uint64(directory))
	head = append(head, make([]byte, 16-len(head))...)
	type entry struct {
		tag, typ uint16
		count    uint32
		value    uint64
	}
	entries := []entry{
		{254, 4, 1, 0}, {256, 4, 1, uint64(n.Size.W)}, {257, 4, 1, uint64(n.Size.H)}, {258, 3, 1, 8}, {259, 3, 1, 7}, {262, 3, 1, 6},
		{273, 4, 1, uint64(at)}, {277, 3, 1, 3}, {278, 4, 1, uint64(n.Size.H)}, {279, 4, 1, uint64(len(stream))},
		{296, 3, 1, 3}, {65420, 4, 1, 1}, {65421, 11, 1, 0x42200000}, // 40
		{65424, 9, 1, 0},
	}
	size := int64(2 + 12*(len(entries)+n.more()) + 8 + 4*(len(entries)+n.more()))
	values := directory + size
	resolution := le.AppendUint32(le.AppendUint32(nil, 40000), 1)
	entries = append(entries, entry{282, 5, 1, uint64(values)}, entry{283, 5, 1, uint64(values)})
	typ, table := n.table(starts)
	if !n.NoStarts {
		entries = append(entries, entry{65426, typ, uint32(len(table) / bytesOf[typ]), uint64(values) + 8})
	}
	rest = append(rest, stream...)
	rest = le.AppendUint16(rest, uint16(len(entries)))
	var high []byte
	for _, e := range entries {
		rest = le.AppendUint32(le.AppendUint32(le.AppendUint16(le.AppendUint16(rest, e.tag), e.typ), e.count), uint32(e.value))
		high = le.AppendUint32(high, uint32(e.value>>32))
	}
	rest = append(le.AppendUint64(rest, 0), high...)
	rest = append(rest, resolution...)
	return head, append(rest, table...)
}

// bytesOf are the sizes of TIFF's 32-bit and 64-bit numbers.
var bytesOf = map[uint16]int{4: 4, 16: 8}

// table is the table of intervals and the type of its numbers.
func (n NDPI) table(starts []int) (typ uint16, out []byte) {
	if n.Starts != nil {
		return 16, n.Starts
	}
	for _, s := range starts {
		out = binary.LittleEndian.AppendUint32(out, uint32(s))
	}
	return 4, out
}

// Table is the true table of intervals in the form of Starts.
func (n NDPI) Table(t testing.TB) (out []byte) {
	_, starts := n.stream(t)
	for _, s := range starts {
		out = binary.LittleEndian.AppendUint64(out, uint64(s))
	}
	return out
}

// more is the number of entries whose values lie behind the directory.
func (n NDPI) more() int {
	if n.NoStarts {
		return 2
	}
	return 3
}

// stream is the JPEG. Every interval is a picture of its own from the standard library, whose tables are
// always the same, so that its scan is also an interval of the whole.
func (n NDPI) stream(t testing.TB) (out []byte, starts []int) {
	for y := 0; y < n.Size.H; y += ndpiUnitH {
		for x := 0; x < n.Size.W; x += ndpiUnitW {
			var one bytes.Buffer
			if err := jpeg.Encode(&one, Raster(image.Rect(x, y, x+ndpiUnitW, y+ndpiUnitH), 0, Smooth), &jpeg.Options{Quality: 90}); err != nil {
				t.Fatal(err)
			}
			data := one.Bytes()
			sos := bytes.Index(data, []byte{0xFF, 0xDA})
			scan := sos + 2 + int(binary.BigEndian.Uint16(data[sos+2:]))
			if out == nil {
				out = n.header(data, sos, scan)
			} else {
				out = append(out, 0xFF, 0xD0+byte(len(starts)-1)&7)
			}
			starts = append(starts, len(out))
			out = append(out, data[scan:len(data)-2]...)
		}
	}
	return append(out, 0xFF, 0xD9), starts
}

// header is the first interval's, of the whole picture's size and with the restart interval.
func (n NDPI) header(data []byte, sos, scan int) []byte {
	out := bytes.Clone(data[:sos])
	sof := bytes.Index(out, []byte{0xFF, 0xC0})
	if size := out[sof+5:]; n.Unsized {
		clear(size[:4])
	} else {
		binary.BigEndian.PutUint16(size, uint16(n.Size.H))
		binary.BigEndian.PutUint16(size[2:], uint16(n.Size.W))
	}
	out = append(out, 0xFF, 0xDD, 0, 4, 0, ndpiUnitW/16*(ndpiUnitH/16)) // units of 16 by 16 in an interval
	return append(out, data[sos:scan]...)
}
