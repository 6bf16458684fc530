package codec

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// drawPicture is a picture of any size whose pixels are smooth, noisy or saturated.
func drawPicture(t *rapid.T) *image.RGBA {
	side := rapid.IntRange(1, 70)
	img := image.NewRGBA(image.Rect(0, 0, side.Draw(t, "w"), side.Draw(t, "h")))
	seed, kind := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 2).Draw(t, "kind")
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range img.Pix {
		switch kind {
		case 0:
			img.Pix[i] = uint8(i/7 + int(seed%5)*i/img.Stride)
		case 1:
			img.Pix[i] = uint8(rng.IntN(256))
		default:
			img.Pix[i] = uint8(255 * rng.IntN(2))
		}
	}
	return img
}

// TestEncodeEqualsTurbo: the library's bytes are the oracle, for any size and quality.
func TestEncodeEqualsTurbo(t *testing.T) {
	turbo := needTurbo(t)
	rapid.Check(t, func(t *rapid.T) {
		img, quality := drawPicture(t), rapid.IntRange(1, 100).Draw(t, "quality")
		ours, err := EncodeJPEG([]byte("front"), img, quality)
		if err != nil {
			t.Fatal(err)
		}
		theirs, ok := turbo.lib.compress([]byte("front"), img, quality)
		if !ok {
			t.Fatal("the library refuses")
		}
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("%v at quality %d: %d and %d bytes differ", img.Rect, quality, len(ours), len(theirs))
		}
	})
}

// TestEncodeIsRead: the standard library and our own decoder read the picture back, at quality 100 nearly
// unchanged.
func TestEncodeIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		img := drawPicture(t)
		stream, err := EncodeJPEG(nil, img, 100)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jpeg.Decode(bytes.NewReader(stream)); err != nil || got.Bounds() != img.Rect {
			t.Fatalf("standard library: %v", err)
		}
		got := image.NewRGBA(img.Rect)
		if err := DecodeJPEG(got, stream, 1<<20); err != nil {
			t.Fatal(err)
		}
		for i, v := range got.Pix {
			if d := int(v) - int(img.Pix[i]); i%4 != 3 && (d > 6 || d < -6) {
				t.Fatalf("byte %d is %d, was %d", i, v, img.Pix[i])
			}
		}
	})
}

func TestEncodeRefuses(t *testing.T) {
	one := image.NewRGBA(image.Rect(0, 0, 1, 1))
	for name, f := range map[string]func() ([]byte, error){
		"empty":       func() ([]byte, error) { return EncodeJPEG(nil, image.NewRGBA(image.Rectangle{}), 85) },
		"quality 0":   func() ([]byte, error) { return EncodeJPEG(nil, one, 0) },
		"quality 101": func() ([]byte, error) { return EncodeJPEG(nil, one, 101) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	img := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for i := range img.Pix {
		img.Pix[i] = uint8(i/9 + i*i>>12)
	}
	encoders := map[string]JPEGEncoder{"ours": EncodeJPEG}
	if turbo, err := FindTurbo(); err == nil {
		encoders["turbo"] = turbo.Encode
	}
	for name, encode := range encoders {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(img.Pix)))
			var out []byte
			for b.Loop() {
				var err error
				if out, err = encode(out[:0], img, 85); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
