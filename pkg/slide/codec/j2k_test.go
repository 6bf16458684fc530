package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/slide/fault"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// j2kPicture is a small picture with a different value in each pixel and channel.
func j2kPicture(size image.Point) *image.RGBA {
	im := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			im.SetRGBA(x, y, color.RGBA{uint8(7 * x), uint8(5*y + x), uint8(200 - 3*x - 2*y), 255})
		}
	}
	return im
}

// j2kDecoders are both decoders, as far as the machine has them.
func j2kDecoders() map[string]codec.J2KDecoder {
	best, name := codec.FindJ2K()
	return map[string]codec.J2KDecoder{"pure Go": codec.DecodeJ2K, "found: " + name: best}
}

// Lossless pictures come back to the bit, also a tile's left upper part of a larger stream.
func TestJ2KLossless(t *testing.T) {
	im := j2kPicture(image.Pt(40, 24))
	stream := slidetest.J2K(t, im)
	for name, decode := range j2kDecoders() {
		for _, size := range []image.Point{{X: 40, Y: 24}, {X: 17, Y: 9}} {
			dst := image.NewRGBA(image.Rectangle{Max: size})
			if err := decode(dst, stream, codec.J2KConfig{Limit: 1 << 20}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for y := range size.Y {
				for x := range size.X {
					if got, want := dst.RGBAAt(x, y), im.RGBAAt(x, y); got != want {
						t.Fatalf("%s, %v: pixel %d,%d is %v, want %v", name, size, x, y, got, want)
					}
				}
			}
		}
	}
}

// The same stream as YCbCr gives libjpeg's colours of those samples.
func TestJ2KYCbCr(t *testing.T) {
	im := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range im.Pix {
		im.Pix[i] = [4]byte{120, 90, 200, 255}[i%4]
	}
	stream := slidetest.J2K(t, im)
	want := color.RGBA{221, 82, 53, 255} // 120 + 1.402·72, 120 + 0.344·38 − 0.714·72, 120 − 1.772·38
	for name, decode := range j2kDecoders() {
		dst := image.NewRGBA(im.Rect)
		if err := decode(dst, stream, codec.J2KConfig{Model: codec.YCbCr, Limit: 1 << 20}); err != nil {
			t.Fatal(err)
		}
		if got := dst.RGBAAt(3, 3); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// A stream that is cut anywhere is an error, never grey.
func TestJ2KTruncated(t *testing.T) {
	im := j2kPicture(image.Pt(40, 24))
	stream := slidetest.J2K(t, im)
	for name, decode := range j2kDecoders() {
		for n := range len(stream) - 2 {
			err := decode(image.NewRGBA(im.Rect), stream[:n], codec.J2KConfig{Limit: 1 << 20})
			var damage *fault.FormatError
			if !errors.As(err, &damage) {
				t.Fatalf("%s: %d of %d bytes: %v, want a FormatError", name, n, len(stream), err)
			}
		}
	}
}

// Headers that would make a decoder allocate without bound are refused before it sees them.
func TestJ2KHostileHeaders(t *testing.T) {
	im := j2kPicture(image.Pt(40, 24))
	whole := slidetest.J2K(t, im)
	siz := bytes.Index(whole, []byte{0xFF, 0x51}) + 4 // first byte after the length
	cod := bytes.Index(whole, []byte{0xFF, 0x52}) + 4
	long := func(at int, v uint32) func([]byte) { return func(s []byte) { binary.BigEndian.PutUint32(s[at:], v) } }
	for name, c := range map[string]struct {
		change func([]byte)
		want   string
	}{
		"width of 2^32-1":      {long(siz+2, 1<<32-1), "4294967295 by 24"},
		"tiles of one pixel":   {func(s []byte) { long(siz+18, 1)(s); long(siz+22, 1)(s) }, "tiles"},
		"no tile":              {long(siz+18, 0), "tiles of 0"},
		"origin beyond":        {long(siz+10, 1000), "image of"},
		"5000 components":      {func(s []byte) { binary.BigEndian.PutUint16(s[siz+34:], 5000) }, "5000 components"},
		"38 bits":              {func(s []byte) { s[siz+36] = 37 }, "38 bits"},
		"subsampling by 255":   {func(s []byte) { s[siz+40] = 255 }, "1/255"},
		"33 resolutions":       {func(s []byte) { s[cod+5] = 32 }, "33 resolutions"},
		"code blocks of 2^17":  {func(s []byte) { s[cod+6] = 15 }, "code blocks"},
		"65535 quality layers": {func(s []byte) { binary.BigEndian.PutUint16(s[cod+2:], 65535) }, "65535 layers"},
	} {
		t.Run(name, func(t *testing.T) {
			s := bytes.Clone(whole)
			c.change(s)
			for decoder, decode := range j2kDecoders() {
				err := decode(image.NewRGBA(im.Rect), s, codec.J2KConfig{Limit: 1 << 30})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, want %q", decoder, err, c.want)
				}
			}
		})
	}
}

// FuzzJ2K: any bytes end in pixels or in an error that blames someone.
func FuzzJ2K(f *testing.F) {
	f.Add(slidetest.J2K(f, j2kPicture(image.Pt(20, 12))))
	f.Add(slidetest.J2K(f, image.NewGray(image.Rect(0, 0, 9, 9))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		for name, decode := range j2kDecoders() {
			err := decode(image.NewRGBA(image.Rect(0, 0, 8, 8)), data, codec.J2KConfig{Limit: 1 << 14})
			var format *fault.FormatError
			var unsupported *fault.UnsupportedError
			if err != nil && !errors.As(err, &format) && !errors.As(err, &unsupported) {
				t.Fatalf("%s: %v blames nobody", name, err)
			}
		}
	})
}
