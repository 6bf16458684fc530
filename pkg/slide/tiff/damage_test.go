package tiff_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/slide/fault"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// base is a whole file of one 16 by 16 grey tile whose fields a case replaces.
func base(big bool, replace ...slidetest.Field) []byte {
	b := slidetest.NewBuilder(binary.LittleEndian, big)
	at := b.Append(make([]byte, 256))
	b.Directory(patched(at, replace)...)
	return b.Bytes()
}

func patched(at uint64, replace []slidetest.Field) []slidetest.Field {
	fields := []slidetest.Field{
		slidetest.Long(256, 16), slidetest.Long(257, 16), slidetest.Short(258, 8), slidetest.Short(259, 1),
		slidetest.Short(262, 1), slidetest.Short(277, 1), slidetest.Short(322, 16), slidetest.Short(323, 16),
		slidetest.Long(324, at), slidetest.Long(325, 256),
	}
	for _, r := range replace {
		found := false
		for i, f := range fields {
			if f.Tag == r.Tag {
				fields[i], found = r, true
			}
		}
		if !found {
			fields = append(fields, r)
		}
	}
	return fields
}

// claim is a field that says it has more values than it has.
func claim(f slidetest.Field, count uint64) slidetest.Field {
	f.Count = count
	return f
}

func TestDamage(t *testing.T) {
	cases := []struct {
		name   string
		data   []byte
		format bool   // a FormatError, else an UnsupportedError
		want   string // in the message
	}{
		// The link after the last directory points back to it: google/tiff alone would never end.
		{"directory loop", func() []byte {
			b := slidetest.NewBuilder(binary.LittleEndian, false)
			at := b.Directory(patched(b.Append(make([]byte, 256)), nil)...)
			b.Link(at)
			return b.Bytes()
		}(), true, "loop"},
		// 1025 directories that each link to the next.
		{"endless chain", func() []byte {
			b := slidetest.NewBuilder(binary.LittleEndian, false)
			for range 1025 {
				b.Directory(slidetest.Long(256, 1))
			}
			return b.Bytes()
		}(), false, "more than 1024 directories"},
		// A classic file of some 400 bytes whose ImageDescription claims 3 GB.
		{"3 GB of text", base(false, claim(slidetest.Text(270, "Aperio"), 3_000_000_000)), true, "tag 270"},
		// 2^61 values of 8 bytes are 2^64 bytes, which is 0 in 64 bits.
		{"count overflow", base(true, claim(slidetest.Long8(324, 16), 1<<61)), true, "tag 324"},
		{"negative count", base(true, claim(slidetest.Long8(324, 16), 1<<63)), true, "tag 324"},
		// 600 entries that all point to the same 128 kB: small in the file, 75 MB when loaded.
		{"shared value", func() []byte {
			b := slidetest.NewBuilder(binary.LittleEndian, false)
			at := b.Append(make([]byte, 128<<10))
			fields := patched(b.Append(make([]byte, 256)), nil)
			for i := range uint16(600) {
				fields = append(fields, slidetest.Field{Tag: 40000 + i, Type: 7, Count: 4, Raw: func(o slidetest.Order) []byte { return o.AppendUint32(nil, uint32(at)) }})
			}
			first := b.Directory(fields...)
			data := b.Bytes()
			for i := 10; i < len(fields); i++ {
				binary.LittleEndian.PutUint32(data[int(first)+2+12*i+4:], 128<<10)
			}
			return data
		}(), false, "bytes of tag values"},
		{"5000 entries", func() []byte {
			b := slidetest.NewBuilder(binary.LittleEndian, false)
			var fields []slidetest.Field
			for i := range uint16(5000) {
				fields = append(fields, slidetest.Short(i, 1))
			}
			b.Directory(fields...)
			return b.Bytes()
		}(), true, "5000 entries"},
		{"no entries", append([]byte("II*\x00\x08\x00\x00\x00"), make([]byte, 8)...), true, "0 entries"},
		{"first directory past the end", []byte("II*\x00\xff\x00\x00\x00"), true, "cut short"},
		{"first directory inside the header", []byte("II*\x00\x04\x00\x00\x00\x00\x00\x00\x00"), true, "directory at offset 4"},
		{"no directory at all", []byte("II*\x00\x00\x00\x00\x00"), true, "did not finish"},
		{"BigTIFF with 4-byte offsets", append([]byte("II+\x00\x04\x00\x00\x00"), make([]byte, 24)...), true, "8-byte offsets"},
		{"header cut short", []byte("II*\x00\x08"), true, "inside its header"},
		{"no width", base(false, slidetest.Long(256, 0)), true, "tag 256 says 0 pixels"},
		{"width of four billion", base(false, slidetest.Long(256, 4_000_000_000)), true, "tag 256"},
		{"tile of no rows", base(false, slidetest.Short(323, 0)), true, "tag 323"},
		{"tile of a gigapixel", base(false, slidetest.Long(322, 1<<15), slidetest.Long(323, 1<<15)), false, "in one piece"},
		{"one offset for 63 million tiles", base(false, slidetest.Long(256, 1<<16*16), slidetest.Long(257, 1<<10*16)), true, "1 tile offsets"},
		{"strips of no rows", base(false, slidetest.Short(322+1000, 0), slidetest.Field{Tag: 322, Type: 3, Count: 0, Raw: func(slidetest.Order) []byte { return nil }}), true, "tag 322"},
		{"samples of 12 bits", base(false, slidetest.Short(258, 12)), false, "12 bits"},
		{"samples of different sizes", base(false, slidetest.Short(277, 3), slidetest.Short(258, 5, 6, 5), slidetest.Short(262, 2)), false, "different sizes"},
		{"floating point", base(false, slidetest.Short(339, 3)), false, "sample format 3"},
		{"no samples", base(false, slidetest.Short(277, 0)), false, "0 samples"},
		{"one sample for RGB", base(false, slidetest.Short(262, 2)), true, "1 samples per pixel"},
		{"CMYK", base(false, slidetest.Short(262, 5)), false, "photometric interpretation 5"},
		{"palette without colours", base(false, slidetest.Short(262, 3)), true, "colour map of 0 values"},
		{"uncompressed YCbCr", base(false, slidetest.Short(262, 6), slidetest.Short(277, 3), slidetest.Short(258, 8, 8, 8)), false, "YCbCr samples"},
		{"JPEG 2000", base(false, slidetest.Short(259, 33005)), true, "no start of codestream"},
		{"JPEG of 1992", base(false, slidetest.Short(259, 6)), false, "withdrawn"},
		{"fax", base(false, slidetest.Short(259, 4)), false, "fax"},
		{"floating point predictor", base(false, slidetest.Short(317, 3)), false, "predictor 3"},
		{"planar configuration 9", base(false, slidetest.Short(284, 9), slidetest.Short(277, 3), slidetest.Short(258, 8, 8, 8), slidetest.Short(262, 2)), true, "planar"},
		{"focal planes", base(false, slidetest.Long(32997, 7)), false, "focal planes"},
		{"offsets that are text", base(false, slidetest.Text(324, "abc")), true, "no integers"},
		// What only shows when the tile is read.
		{"tile past the end", base(false, slidetest.Long(324, 1<<30)), true, "cut short"},
		{"tile runs past the end", base(false, slidetest.Long(325, 1<<20)), true, "cut short"},
		{"tile of 64-bit size", base(true, slidetest.Long8(325, 1<<63)), true, "cut short"},
		{"tile too short", base(false, slidetest.Long(325, 255)), true, "255 of 256 bytes"},
		{"LZW of zeros", base(false, slidetest.Short(259, 5)), true, "lzw"},
		{"deflate of zeros", base(false, slidetest.Short(259, 8)), true, "deflate"},
		{"JPEG of zeros", base(false, slidetest.Short(259, 7)), true, "start-of-image"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			err := readAll(c.data)
			var format *fault.FormatError
			var unsupported *fault.UnsupportedError
			switch {
			case err == nil:
				t.Fatal("no error")
			case !strings.Contains(err.Error(), c.want):
				t.Errorf("error %q, want %q in it", err, c.want)
			case errors.As(err, &format) != c.format, errors.As(err, &unsupported) == c.format:
				t.Errorf("error %T blames the wrong side: %v", err, err)
			}
			if d := time.Since(begin); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	if err := readAll(base(false)); err != nil {
		t.Errorf("the undamaged file: %v", err)
	}
	if err := readAll(base(true)); err != nil {
		t.Errorf("the undamaged BigTIFF: %v", err)
	}
}

// readAll reads every tile of every directory of a file, of which a fuzzer may have made many; it
// stops at the first error and after 64 tiles.
func readAll(data []byte) error {
	f, err := tiff.Parse(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	var tile image.RGBA
	left := 64
	for i, d := range f.Directories {
		im, err := f.Image(d)
		if err != nil {
			return fmt.Errorf("directory %d: %w", i, err)
		}
		for row := range im.Rows() {
			for col := range im.Cols() {
				if left--; left < 0 {
					return nil
				}
				if err := im.ReadTile(col, row, &tile); err != nil {
					return err
				}
				if _, err := im.RawTile(col, row, nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func TestNotTIFF(t *testing.T) {
	for _, data := range []string{"", "I", "II*", "hello, world", "II\x00*", "MM\x2a\x00"} {
		if _, err := tiff.Parse(strings.NewReader(data), int64(len(data))); !errors.Is(err, tiff.ErrNotTIFF) {
			t.Errorf("%q: %v, want ErrNotTIFF", data, err)
		}
	}
}

// A tile that the file does not hold is transparent, however it says so.
func TestMissingTileIsTransparent(t *testing.T) {
	for name, data := range map[string][]byte{
		"offset 0":     base(false, slidetest.Long(324, 0)),
		"size 0":       base(false, slidetest.Long(325, 0)),
		"jpeg, size 0": base(false, slidetest.Long(325, 0), slidetest.Short(259, 7)),
	} {
		f, err := tiff.Parse(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		im, err := f.Image(f.Directories[0])
		if err != nil {
			t.Fatal(err)
		}
		tile := slidetest.Raster(image.Rect(0, 0, 16, 16), 0, slidetest.Colour)
		if err := im.ReadTile(0, 0, tile); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(bytes.Trim(tile.Pix, "\x00")) > 0 {
			t.Errorf("%s: pixels are not transparent", name)
		}
	}
}

// FuzzTIFF: whatever the bytes, the walk ends, nothing panics, and the blame is clear.
func FuzzTIFF(f *testing.F) {
	for _, l := range layouts()[:12] {
		f.Add(l.build(nil))
	}
	f.Add(base(false))
	f.Add(base(true, slidetest.Short(259, 5)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		if err := readAll(data); err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Fatalf("a recovered panic: %v", err)
		}
	})
}
