package codec

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"sync"
	"testing"
)

func needTurbo(t testing.TB) *Turbo {
	t.Helper()
	turbo, err := FindTurbo()
	if err != nil {
		t.Skipf("needs libjpeg-turbo (Debian's libturbojpeg0): %v", err)
	}
	return turbo
}

// TestTurboEqualsOurs: the library changes the time and no pixel, whole streams and clipped ones.
func TestTurboEqualsOurs(t *testing.T) {
	turbo := needTurbo(t)
	for name, stream := range golden(t) {
		whole, err := decodeAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []image.Point{whole.Rect.Max, {X: 11, Y: 23}, {X: 37, Y: 1}} {
			ours, theirs := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
			if err := DecodeJPEG(ours, stream, 1<<20); err != nil {
				t.Fatal(err)
			}
			if err := turbo.Decode(theirs, stream, 1<<20); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(ours.Pix, theirs.Pix) {
				t.Errorf("%s at %v: pixels differ", name, size)
			}
		}
	}
}

// TestTurboNoticesDamage: what our decoder refuses, the library's warnings send there.
func TestTurboNoticesDamage(t *testing.T) {
	turbo := needTurbo(t)
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, noise(96, 96), nil); err != nil {
		t.Fatal(err)
	}
	_, scan, err := segments(plain.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	head := plain.Len() - len(scan)
	dst := image.NewRGBA(image.Rect(0, 0, 96, 96))
	for name, stream := range map[string][]byte{
		"half":        plain.Bytes()[:head+len(scan)/2],
		"nothing":     plain.Bytes()[:head],
		"marker only": append(bytes.Clone(plain.Bytes()[:head]), 0xFF, mEOI),
		"twice":       append(bytes.Clone(plain.Bytes()[:plain.Len()-2]), scan...),
	} {
		if err := turbo.Decode(dst, stream, 1<<20); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ours, theirs := 0, 0
	for range 100 {
		stream := bytes.Clone(plain.Bytes())
		at := head + rng.IntN(len(scan)-600)
		for i := range 512 {
			stream[at+i] = byte(rng.IntN(255))
		}
		if DecodeJPEG(dst, stream, 1<<20) != nil {
			ours++
		}
		if turbo.Decode(dst, stream, 1<<20) != nil {
			theirs++
		}
	}
	t.Logf("of 100 overwritten scans, ours notices %d, with the library %d", ours, theirs)
	if theirs < ours-5 {
		t.Errorf("of 100 overwritten scans, ours notices %d, with the library only %d", ours, theirs)
	}
}

// TestTurboConcurrent decodes in more goroutines than there are decompressors kept.
func TestTurboConcurrent(t *testing.T) {
	turbo := needTurbo(t)
	stream := golden(t)["420"]
	want, err := decodeAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			got := image.NewRGBA(want.Rect)
			for range 20 {
				if err := turbo.Decode(got, stream, 1<<20); err != nil || !bytes.Equal(got.Pix, want.Pix) {
					t.Errorf("pixels differ, or %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzTurbo: whatever the bytes, the library's way neither crashes nor refuses what ours decodes. On
// damage that both let pass their pixels may differ: integers of different width overflow differently.
func FuzzTurbo(f *testing.F) {
	turbo := needTurbo(f)
	for _, stream := range golden(f) {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		size, err := JPEGSize(data)
		if err != nil || size.X*size.Y > 1<<20 {
			return
		}
		ours, theirs := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
		oursErr, theirsErr := DecodeJPEG(ours, data, 1<<20), turbo.Decode(theirs, data, 1<<20)
		if oursErr == nil && theirsErr != nil {
			t.Fatalf("ours decodes, with the library: %v", theirsErr)
		}
	})
}
