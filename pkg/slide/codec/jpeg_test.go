package codec

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden are the pictures of testdata: a JPEG and libjpeg-turbo's pixels for it (make.sh).
func golden(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.jpeg")
	if err != nil || len(files) < 10 {
		t.Fatalf("testdata: %d pictures (%v)", len(files), err)
	}
	out := make(map[string][]byte)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".jpeg")] = data
	}
	return out
}

// readPNM reads the pixels that djpeg wrote.
func readPNM(t *testing.T, name string) *image.RGBA {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".pnm"))
	if err != nil {
		t.Fatal(err)
	}
	var kind byte
	var w, h, depth int
	if _, err := fmt.Sscanf(string(data), "P%c\n%d %d\n%d\n", &kind, &w, &h, &depth); err != nil {
		t.Fatal(err)
	}
	im := image.NewRGBA(image.Rect(0, 0, w, h))
	n := 1
	if kind == '6' {
		n = 3
	}
	pix := data[len(data)-n*w*h:]
	for i := range w * h {
		p := pix[i*n : i*n+n]
		copy(im.Pix[4*i:], []byte{p[0], p[n/2], p[n-1], 255})
	}
	return im
}

// decodeAll decodes a stream in its own size.
func decodeAll(stream []byte) (*image.RGBA, error) {
	size, err := JPEGSize(stream)
	if err != nil {
		return nil, err
	}
	if size.X*size.Y > 1<<22 {
		return nil, errors.New("too large for a test")
	}
	im := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
	return im, DecodeJPEG(im, stream, 1<<22)
}

// Sequential streams have libjpeg's pixels to the bit, whatever the sampling; progressive ones go
// through the standard library's inverse transform.
func TestDecodeEqualsLibjpeg(t *testing.T) {
	for name, stream := range golden(t) {
		t.Run(name, func(t *testing.T) {
			got, err := decodeAll(stream)
			if err != nil {
				t.Fatal(err)
			}
			allowed := 0
			if name == "progressive" {
				allowed = 3
			}
			want := readPNM(t, name)
			if d := maxDifference(got, want); d > allowed {
				t.Errorf("largest difference %d, allowed %d", d, allowed)
			}
		})
	}
}

func maxDifference(a, b *image.RGBA) (d int) {
	for i := range a.Pix {
		d = max(d, int(a.Pix[i])-int(b.Pix[i]), int(b.Pix[i])-int(a.Pix[i]))
	}
	return d
}

// A tile may be clipped: any left upper part of the stream has the pixels that the whole has there.
func TestDecodeClips(t *testing.T) {
	for name, stream := range golden(t) {
		whole, err := decodeAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		part := image.NewRGBA(image.Rect(100, 200, 100+11, 200+23))
		if err := DecodeJPEG(part, stream, 1<<20); err != nil {
			t.Fatal(err)
		}
		for y := range 23 {
			if !bytes.Equal(part.Pix[y*part.Stride:][:44], whole.Pix[y*whole.Stride:][:44]) {
				t.Fatalf("%s: row %d differs", name, y)
			}
		}
	}
}

// TestStandalone takes streams apart as scanners do and puts them together again.
func TestStandalone(t *testing.T) {
	for name, model := range map[string]Model{"444": YCbCr, "420": YCbCr, "restart": YCbCr, "rgb": RGB, "grey": Grey} {
		t.Run(name, func(t *testing.T) {
			stream := golden(t)[name]
			tables, tile := takeApart(t, stream)
			joined, err := Standalone(nil, tables, tile, model)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeAll(joined)
			if err != nil {
				t.Fatal(err)
			}
			if want := readPNM(t, name); maxDifference(got, want) != 0 {
				t.Error("pixels differ from the whole stream's")
			}
			_, scan, _ := segments(stream, nil)
			if !bytes.HasSuffix(joined, scan) {
				t.Error("the scan is not the same bytes")
			}
			if _, err := jpeg.Decode(bytes.NewReader(joined)); err != nil {
				t.Errorf("the standard library: %v", err)
			}
		})
	}
}

// takeApart moves a stream's tables into a stream of their own and drops its colour markers.
func takeApart(t *testing.T, stream []byte) (tables, tile []byte) {
	t.Helper()
	segs, scan, err := segments(stream, nil)
	if err != nil {
		t.Fatal(err)
	}
	tables, tile = []byte{0xFF, mSOI}, []byte{0xFF, mSOI}
	for _, s := range segs {
		switch s.marker {
		case mDQT, mDHT:
			tables = append(tables, s.raw...)
		case mAPP0, mAPP14:
		default:
			tile = append(tile, s.raw...)
		}
	}
	return append(tables, 0xFF, mEOI), append(tile, scan...)
}

// TestStandaloneOverrulesMarkers: the container knows the colour model; a JFIF marker that says
// otherwise must not win.
func TestStandaloneOverrulesMarkers(t *testing.T) {
	stream := golden(t)["444"]
	asRGB, err := Standalone(nil, nil, stream, RGB)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeAll(asRGB)
	if err != nil {
		t.Fatal(err)
	}
	std, err := jpeg.Decode(bytes.NewReader(asRGB))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := std.(*image.RGBA); !ok {
		t.Errorf("the standard library sees %T, want RGB", std)
	}
	if plain, _ := decodeAll(stream); maxDifference(got, plain) == 0 {
		t.Error("the colours did not change")
	}
}

// FuzzJPEG: no panic, and what decodes is what the standard library decodes, as far as it is as strict.
func FuzzJPEG(f *testing.F) {
	for _, stream := range golden(f) {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := decodeAll(data)
		if err != nil {
			if strings.Contains(err.Error(), "runtime error") {
				t.Fatalf("a recovered panic: %v", err)
			}
			return
		}
		if size := im.Bounds().Size(); size.X*size.Y == 0 {
			t.Fatal("no pixels and no error")
		}
	})
}

// BenchmarkDecode is the price of a slide's tile, with the peers beside it.
func BenchmarkDecode(b *testing.B) {
	var tile bytes.Buffer
	if err := jpeg.Encode(&tile, softNoise(), &jpeg.Options{Quality: 80}); err != nil {
		b.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
	b.Run("tile", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(256 * 256 * 4)
		for b.Loop() {
			if err := DecodeJPEG(dst, tile.Bytes(), 1<<20); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image/jpeg without conversion", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(256 * 256 * 4)
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(tile.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// softNoise has about the entropy of tissue: 17 kB at quality 80.
func softNoise() image.Image {
	rng := rand.New(rand.NewPCG(5, 6))
	im := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for i := range im.Pix {
		im.Pix[i] = byte(150 + rng.IntN(40) + i/4%256/8)
	}
	return im
}
