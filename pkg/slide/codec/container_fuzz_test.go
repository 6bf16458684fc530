package codec

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
)

// FuzzStandalone: whatever tables and tile are, what comes out is a stream of the tile's size with the same scan,
// and making it standalone again changes nothing.
func FuzzStandalone(f *testing.F) {
	for _, stream := range golden(f) {
		f.Add([]byte(nil), stream, byte(YCbCr))
		if tables, tile, ok := torn(stream); ok {
			f.Add(tables, tile, byte(RGB))
		}
	}
	f.Fuzz(func(t *testing.T, tables, tile []byte, model byte) {
		m := Model(model % 4)
		out, err := Standalone([]byte("before"), tables, tile, m)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(out, []byte("before")) || len(out) > len("before")+len(tables)+len(tile)+64 {
			t.Fatalf("%d bytes of %d and %d", len(out), len(tables), len(tile))
		}
		out = out[len("before"):]
		want, err := JPEGSize(tile)
		if got, err2 := JPEGSize(out); (err == nil) != (err2 == nil) || got != want {
			t.Fatalf("size %v %v, was %v %v", got, err2, want, err)
		}
		again, err := Standalone(nil, nil, out, m)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("again: %d bytes, then %d, %v", len(out), len(again), err)
		}
	})
}

// torn parts a stream into its tables and the rest, as TIFF keeps them.
func torn(stream []byte) (tables, tile []byte, ok bool) {
	segs, rest, err := segments(stream, nil)
	if err != nil || rest == nil {
		return nil, nil, false
	}
	tables, tile = []byte{0xFF, mSOI}, []byte{0xFF, mSOI}
	for _, s := range segs {
		to := &tile
		if s.marker == mDQT || s.marker == mDHT {
			to = &tables
		}
		*to = appendSegments(*to, []segment{s}, Unknown)
	}
	return append(tables, 0xFF, mEOI), append(tile, rest...), true
}

// FuzzIntervals: whatever a stream begins with, its parts are streams of the size that was asked for.
func FuzzIntervals(f *testing.F) {
	for _, stream := range golden(f) {
		f.Add(stream, uint16(48), uint16(16))
	}
	f.Fuzz(func(t *testing.T, begin []byte, w, h uint16) {
		p, err := ParseIntervals(begin, YCbCr)
		if err != nil {
			return
		}
		if p.Header > len(begin) || p.MCU.X < 8 || p.MCU.Y < 8 || p.MCU.X > 32 || p.MCU.Y > 32 || p.MCUs < 0 {
			t.Fatalf("%+v", p)
		}
		if w == 0 || h == 0 {
			return
		}
		stream := p.Append(nil, image.Pt(int(w), int(h)), [][]byte{begin[p.Header:], {1, 2}})
		if size, err := JPEGSize(stream); err != nil || size != image.Pt(int(w), int(h)) {
			t.Fatalf("size %v, %v, want %d by %d", size, err, w, h)
		}
	})
}

// FuzzEncode: any pixels at any quality make a stream that both decoders read, of the same size, and at the best
// quality give the pixels back but for rounding. libjpeg-turbo, where there is one, writes the same bytes.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 250, 251, 252, 253}, byte(3), byte(100))
	f.Add(bytes.Repeat([]byte{255, 0}, 300), byte(17), byte(1))
	turbo, none := FindTurbo()
	f.Fuzz(func(t *testing.T, pix []byte, width, quality byte) {
		w, q := int(width)+1, 1+int(quality)%100
		h := len(pix) / 3 / w
		if h < 1 || h > 64 {
			return
		}
		im := image.NewRGBA(image.Rect(0, 0, w, h))
		for i := range w * h {
			copy(im.Pix[4*i:], append(pix[3*i:3*i+3:3*i+3], 255))
		}
		stream, err := EncodeJPEG(nil, im, q)
		if err != nil {
			t.Fatal(err)
		}
		if none == nil {
			if theirs, err := turbo.Encode(nil, im, q); err != nil || !bytes.Equal(theirs, stream) {
				t.Fatalf("libjpeg-turbo writes %d other bytes than these %d, %v", len(theirs), len(stream), err)
			}
		}
		got := image.NewRGBA(im.Rect)
		if err := DecodeJPEG(got, stream, w*h); err != nil {
			t.Fatal(err)
		}
		if cfg, err := jpeg.DecodeConfig(bytes.NewReader(stream)); err != nil || cfg.Width != w || cfg.Height != h {
			t.Fatalf("%+v, %v", cfg, err)
		}
		if q == 100 {
			within(t, got.Pix, im.Pix, 8)
		}
	})
}

// within fails where bytes differ by more.
func within(t *testing.T, got, want []byte, most int) {
	t.Helper()
	for i := range got {
		if d := int(got[i]) - int(want[i]); d < -most || d > most {
			t.Fatalf("byte %d is %d, was %d", i, got[i], want[i])
		}
	}
}
