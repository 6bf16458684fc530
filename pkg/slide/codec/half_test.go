package codec

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// TestHalfEqualsTurbo: libjpeg-turbo's pictures at half size are the oracle, for every way to store
// chroma, for sizes that fill no block, and clipped.
func TestHalfEqualsTurbo(t *testing.T) {
	turbo := needTurbo(t)
	for name, stream := range golden(t) {
		size, err := JPEGSize(stream)
		if err != nil {
			t.Fatal(err)
		}
		size = image.Pt(ceilDiv(size.X, 2), ceilDiv(size.Y, 2))
		for _, size := range []image.Point{size, {X: 5, Y: 11}} {
			ours, theirs := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
			err := DecodeHalf(ours, stream, 1<<20)
			if name == "progressive" && errors.Is(err, ErrNoHalf) {
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := turbo.DecodeHalf(theirs, stream, 1<<20); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(ours.Pix, theirs.Pix) {
				t.Errorf("%s at %v: pixels differ", name, size)
			}
		}
	}
}

// TestHalfIsNearTheMean: without any library, a half-size picture of something smooth is the mean of 2 by
// 2 pixels, at the same place.
func TestHalfIsNearTheMean(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 83, 61))
	for y := range 61 {
		for x := range 83 {
			picture.SetRGBA(x, y, color.RGBA{uint8(40 + 2*x), uint8(200 - 2*y), uint8(90 + x + y), 255})
		}
	}
	var stream bytes.Buffer
	if err := jpeg.Encode(&stream, picture, &jpeg.Options{Quality: 98}); err != nil {
		t.Fatal(err)
	}
	half := image.NewRGBA(image.Rect(0, 0, 41, 30))
	if err := DecodeHalf(half, stream.Bytes(), 1<<20); err != nil {
		t.Fatal(err)
	}
	for i, got := range half.Pix {
		x, y, c := i/4%41, i/4/41, i%4
		mean := 0
		for k := range 4 {
			mean += int(picture.Pix[picture.PixOffset(2*x+k%2, 2*y+k/2)+c])
		}
		if d := 4*int(got) - mean; d > 4*4 || d < -4*4 {
			t.Fatalf("pixel %d,%d channel %d is %d, the mean %.2f", x, y, c, got, float64(mean)/4)
		}
	}
}

// TestHalfNoticesDamage: a cut or overwritten scan is an error at half size too, in both decoders.
func TestHalfNoticesDamage(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, noise(96, 96), nil); err != nil {
		t.Fatal(err)
	}
	_, scan, err := segments(plain.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	head := plain.Len() - len(scan)
	half, whole := image.NewRGBA(image.Rect(0, 0, 48, 48)), image.NewRGBA(image.Rect(0, 0, 96, 96))
	decoders := map[string]JPEGDecoder{"ours": DecodeHalf}
	if turbo, err := FindTurbo(); err == nil {
		decoders["turbo"] = turbo.DecodeHalf
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		stream := bytes.Clone(plain.Bytes())
		at := head + rng.IntN(len(scan)-600)
		for i := range 512 {
			stream[at+i] = byte(rng.IntN(255))
		}
		if DecodeJPEG(whole, stream, 1<<20) == nil {
			continue
		}
		if DecodeHalf(half, stream, 1<<20) == nil {
			t.Error("no error where the whole picture has one")
		}
	}
	for name, decode := range decoders {
		if err := decode(half, plain.Bytes()[:head+len(scan)/2], 1<<20); err == nil {
			t.Errorf("%s: no error for half a scan", name)
		}
		if err := decode(half, plain.Bytes(), 100); err == nil {
			t.Errorf("%s: no error beyond the limit", name)
		}
	}
}

// FuzzHalf: whatever the bytes, DecodeHalf does not panic and finds a picture only where DecodeJPEG does, and
// CheckJPEG says just what DecodeJPEG says.
func FuzzHalf(f *testing.F) {
	for _, stream := range golden(f) {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		size, err := JPEGSize(stream)
		if err != nil || size.X*size.Y > 1<<16 {
			return
		}
		dst := image.NewRGBA(image.Rect(0, 0, ceilDiv(size.X, 2), ceilDiv(size.Y, 2)))
		whole := image.NewRGBA(image.Rectangle{Max: size})
		err = DecodeJPEG(whole, stream, 1<<16)
		if check := CheckJPEG(stream, 1<<16); (check == nil) != (err == nil) {
			t.Fatalf("the check says %v, decoding %v", check, err)
		}
		if DecodeHalf(dst, stream, 1<<16) == nil && err != nil {
			t.Fatalf("half decodes, the whole does not: %v", err)
		}
	})
}
