package tiff_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide/slidetest"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// A tiny world: 20 by 19 pixels in tiles of 16 by 16, or strips of 5 rows.
const (
	worldW, worldH = 20, 19
	worldTile      = 16
	worldStrip     = 5
)

// layout is one way to write the world.
type layout struct {
	order       slidetest.Order
	big, strips bool
	compression tiff.Compression
	predictor   bool
	planar      bool
	bits        int
	kind        tiff.Photometric
	counts      func(uint16, ...uint64) slidetest.Field
}

func (l layout) String() string {
	return fmt.Sprintf("%v,big=%t,strips=%t,compression=%d,predictor=%t,planar=%t,bits=%d,kind=%d", l.order, l.big, l.strips, l.compression, l.predictor, l.planar, l.bits, l.kind)
}

func little() layout {
	return layout{order: binary.LittleEndian, compression: tiff.None, bits: 8, kind: tiff.RGB, counts: slidetest.Long}
}

// layouts are the base layout with one thing changed at a time, and pairs that interact.
func layouts() []layout {
	var all []layout
	for _, order := range []slidetest.Order{binary.LittleEndian, binary.BigEndian} {
		for _, strips := range []bool{false, true} {
			for _, c := range []tiff.Compression{tiff.None, tiff.LZW, tiff.Deflate, tiff.DeflateAdobe, tiff.PackBits} {
				for _, bits := range []int{8, 16} {
					l := little()
					l.order, l.strips, l.compression, l.bits = order, strips, c, bits
					l.big = c == tiff.LZW
					l.predictor = c == tiff.Deflate || c == tiff.LZW
					all = append(all, l)
					l.planar = true
					all = append(all, l)
				}
			}
			for _, kind := range []tiff.Photometric{tiff.WhiteIsZero, tiff.BlackIsZero, tiff.Palette} {
				for _, bits := range []int{1, 2, 4, 8} {
					l := little()
					l.order, l.strips, l.kind, l.bits = order, strips, kind, bits
					all = append(all, l)
				}
			}
		}
	}
	for _, counts := range []func(uint16, ...uint64) slidetest.Field{slidetest.Short, slidetest.Long, slidetest.Long8} {
		l := little()
		l.big, l.counts = true, counts
		all = append(all, l)
	}
	return all
}

func TestReadLayouts(t *testing.T) {
	for _, l := range layouts() {
		t.Run(l.String(), func(t *testing.T) {
			data := l.build(t)
			f, err := tiff.Parse(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			im, err := f.Image(f.Directories[0])
			if err != nil {
				t.Fatal(err)
			}
			l.compare(t, im)
		})
	}
}

// compare reads all tiles and compares each pixel with what build wrote.
func (l layout) compare(t *testing.T, im *tiff.Image) {
	var tile image.RGBA
	for row := range im.Rows() {
		for col := range im.Cols() {
			if err := im.ReadTile(col, row, &tile); err != nil {
				t.Fatal(err)
			}
			for y := tile.Rect.Min.Y; y < tile.Rect.Max.Y; y++ {
				for x := tile.Rect.Min.X; x < tile.Rect.Max.X; x++ {
					if got, want := tile.RGBAAt(x, y), l.want(x, y); got != want {
						t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
					}
				}
			}
		}
	}
}

// samples are the stored values of a pixel.
func (l layout) samples(x, y int) []int {
	c := slidetest.Colour(0, x, y)
	if l.kind == tiff.RGB {
		out := []int{int(c.R), int(c.G), int(c.B)}
		if l.bits == 16 {
			for i := range out {
				out[i] = out[i]*257 + (i*40-50)*btoi(out[i] > 0 && out[i] < 255) // near the 8-bit value, not on it
			}
		}
		return out
	}
	return []int{(x + 3*y) & (1<<l.bits - 1)}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// want is the colour that a pixel must have.
func (l layout) want(x, y int) color.RGBA {
	if l.kind == tiff.RGB {
		return slidetest.Colour(0, x, y)
	}
	v := l.samples(x, y)[0]
	grey := uint8(v * 255 / (1<<l.bits - 1))
	switch l.kind {
	case tiff.WhiteIsZero:
		grey = 255 - grey
	case tiff.Palette:
		return color.RGBA{uint8(v), uint8(255 - v), uint8(v * 3), 255}
	}
	return color.RGBA{grey, grey, grey, 255}
}

// build writes the world.
func (l layout) build(t *testing.T) []byte {
	b := slidetest.NewBuilder(l.order, l.big)
	tileW, tileH := worldTile, worldTile
	if l.strips {
		tileW, tileH = worldW, worldStrip
	}
	planes, perPixel := 1, len(l.samples(0, 0))
	if l.planar {
		planes, perPixel = perPixel, 1
	}
	var offsets, counts []uint64
	for plane := range planes {
		for y := 0; y < worldH; y += tileH {
			for x := 0; x < worldW; x += tileW {
				rows := tileH
				if l.strips {
					rows = min(tileH, worldH-y)
				}
				data := l.compress(t, l.pack(image.Rect(x, y, x+tileW, y+rows), plane, perPixel), perPixel, tileW)
				offsets = append(offsets, b.Append(data))
				counts = append(counts, uint64(len(data)))
			}
		}
	}
	b.Directory(l.fields(offsets, counts)...)
	return b.Bytes()
}

func (l layout) fields(offsets, counts []uint64) []slidetest.Field {
	n := len(l.samples(0, 0))
	bits := make([]uint64, n)
	for i := range bits {
		bits[i] = uint64(l.bits)
	}
	fields := []slidetest.Field{
		slidetest.Long(256, worldW), slidetest.Short(257, worldH), slidetest.Short(258, bits...),
		slidetest.Short(259, uint64(l.compression)), slidetest.Short(262, uint64(l.kind)), slidetest.Short(277, uint64(n)),
		slidetest.Short(284, uint64(1+btoi(l.planar))), slidetest.Short(317, uint64(1+btoi(l.predictor))),
	}
	if l.kind == tiff.Palette {
		fields = append(fields, l.colourMap())
	}
	if l.strips {
		return append(fields, slidetest.Long(273, offsets...), slidetest.Short(278, worldStrip), l.counts(279, counts...))
	}
	return append(fields, slidetest.Short(322, worldTile), slidetest.Short(323, worldTile), slidetest.Long(324, offsets...), l.counts(325, counts...))
}

func (l layout) colourMap() slidetest.Field {
	n := 1 << l.bits
	values := make([]uint64, 3*n)
	for v := range n {
		values[v], values[n+v], values[2*n+v] = uint64(v&255)<<8, uint64(255-v)<<8, uint64(v*3&255)<<8
	}
	return slidetest.Short(320, values...)
}

// pack lays out the samples of a rectangle as TIFF does: rows begin on whole bytes. Pixels outside the
// world are noise that must never show.
func (l layout) pack(r image.Rectangle, plane, perPixel int) []byte {
	var out []byte
	for y := r.Min.Y; y < r.Max.Y; y++ {
		acc, n := 0, 0
		for x := r.Min.X; x < r.Max.X; x++ {
			for i, v := range l.samples(x, y) {
				if perPixel == 1 && i != plane {
					continue
				}
				if x >= worldW || y >= worldH {
					v ^= 1
				}
				if l.bits == 16 {
					out = l.order.AppendUint16(out, uint16(v))
					continue
				}
				acc = acc<<l.bits | v
				for n += l.bits; n >= 8; n -= 8 {
					out = append(out, byte(acc>>(n-8)))
				}
			}
		}
		if n > 0 {
			out = append(out, byte(acc<<(8-n)))
		}
	}
	return out
}

func (l layout) compress(t *testing.T, raw []byte, perPixel, width int) []byte {
	if l.predictor {
		raw = l.difference(raw, perPixel, width)
	}
	switch l.compression {
	case tiff.LZW:
		return slidetest.LiteralLZW(raw)
	case tiff.Deflate, tiff.DeflateAdobe:
		var out bytes.Buffer
		z := zlib.NewWriter(&out)
		if _, err := z.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	case tiff.PackBits:
		return packBits(raw)
	}
	return raw
}

// packBits uses both kinds of run, and the code that means nothing.
func packBits(raw []byte) []byte {
	out := []byte{0x80}
	for len(raw) > 0 {
		run := 1
		for run < min(len(raw), 128) && raw[run] == raw[0] {
			run++
		}
		if run > 1 {
			out = append(out, byte(1-run), raw[0])
			raw = raw[run:]
			continue
		}
		n := min(len(raw), 3)
		out = append(append(out, byte(n-1)), raw[:n]...)
		raw = raw[n:]
	}
	return out
}

// difference is predictor 2, from the right so that each value is still the original.
func (l layout) difference(raw []byte, perPixel, width int) []byte {
	size := l.bits / 8
	stride := width * perPixel * size
	for y := 0; y+stride <= len(raw); y += stride {
		row := raw[y : y+stride]
		for i := len(row) - size; i >= perPixel*size; i -= size {
			if l.bits == 16 {
				l.order.PutUint16(row[i:], l.order.Uint16(row[i:])-l.order.Uint16(row[i-perPixel*size:]))
			} else {
				row[i] -= row[i-perPixel]
			}
		}
	}
	return raw
}
