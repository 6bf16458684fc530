package codec

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"pgregory.net/rapid"
)

// TestGreyAgainstPeer decodes grey pictures of any size, quality and roughness, among them flat ones with
// a few dots (whose other blocks take six bits each), and compares with the standard library, whose transform may be off by one.
func TestGreyAgainstPeer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 90).Draw(t, "w"), rapid.IntRange(1, 90).Draw(t, "h")
		step := rapid.IntRange(0, 60).Draw(t, "step")
		patch := rapid.IntRange(1, 40).Draw(t, "patch")
		dots := rapid.IntRange(0, 6).Draw(t, "dots")
		im := image.NewGray(image.Rect(0, 0, w, h))
		for i := range im.Pix {
			im.Pix[i] = byte(128 + step*((i%w/patch+i/w/patch)%3) - i%(step+1))
		}
		for i := range dots {
			im.Pix[(i+1)*7919%len(im.Pix)] ^= 0xFF
		}
		var stream bytes.Buffer
		if err := jpeg.Encode(&stream, im, &jpeg.Options{Quality: rapid.IntRange(1, 100).Draw(t, "quality")}); err != nil {
			t.Fatal(err)
		}
		got, err := decodeAll(stream.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		want, err := jpeg.Decode(&stream)
		if err != nil {
			t.Fatal(err)
		}
		peer := want.(*image.Gray)
		for y := range h {
			for x := range w {
				if d := int(peer.GrayAt(x, y).Y) - int(got.RGBAAt(x, y).R); d < -1 || d > 1 {
					t.Fatalf("pixel %d,%d differs by %d", x, y, d)
				}
			}
		}
	})
}
