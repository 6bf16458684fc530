package main

import (
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/train"
)

// TestTrainingPixelsAreThoseOfTheStandardDecoder: this program links another JPEG decoder, which offers
// itself to image.Decode, and other pixels are other weights.
func TestTrainingPixelsAreThoseOfTheStandardDecoder(t *testing.T) {
	dir := t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for i := range 48 * 32 {
		x, y := i%48, i/48
		img.SetRGBA(x, y, color.RGBA{uint8(37 * x), uint8(91 * y), uint8(13 * (x ^ y)), 255})
	}
	for _, sub := range []string{"image", "mask"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "image", "P1-a.jpg")
	encode(t, path, func(f *os.File) error { return jpeg.Encode(f, img, nil) })
	encode(t, filepath.Join(dir, "mask", "P1-a.png"), func(f *os.File) error { return png.Encode(f, image.NewGray(img.Rect)) })
	set, err := train.Load(t.Context(), train.Source{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := jpeg.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 48 * 32 {
		r, g, b, _ := want.At(i%48, i/48).RGBA()
		if got := set.Cases[0].RGB[3*i:][:3]; got[0] != uint8(r>>8) || got[1] != uint8(g>>8) || got[2] != uint8(b>>8) {
			t.Fatalf("pixel %d is %v, want %d %d %d", i, got, r>>8, g>>8, b>>8)
		}
	}
}

func encode(t *testing.T, path string, write func(*os.File) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
