package stitch

import (
	"bytes"
	"image/png"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// TestMinus: eight bytes at once are what eight single ones are, at every pair of bytes and beside any
// neighbours.
func TestMinus(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	row, above := make([]uint8, 256+5), make([]uint8, 256+5)
	for a := range 256 {
		for i := range row {
			row[i], above[i] = uint8(i), uint8(a)
			if r.IntN(4) == 0 {
				row[i] = uint8(r.IntN(256))
			}
		}
		got := make([]uint8, len(row))
		subtract(got, row, above)
		for i := range row {
			if got[i] != row[i]-above[i] {
				t.Fatalf("%d − %d is %d", row[i], above[i], got[i])
			}
		}
	}
}

// TestEncoderIsUsedAgain: tiles of different sizes and kinds in turn come out as they went in.
func TestEncoderIsUsedAgain(t *testing.T) {
	e := newPNGEncoder()
	r := rand.New(rand.NewPCG(3, 3))
	for _, size := range []pyramid.Size{{W: 256, H: 256}, {W: 13, H: 7}, {W: 1, H: 1}, {W: 256, H: 3}} {
		for _, colour := range []byte{pngGrey, pngRGBA} {
			n := size.W * size.H
			if colour == pngRGBA {
				n *= 4
			}
			pixels := make([]uint8, n)
			for i := range pixels {
				pixels[i] = uint8(r.IntN(256))
				if colour == pngRGBA && i%4 == 3 {
					pixels[i] = 255 // where alpha is less, the colour that Go gives back is a rounded one
				}
			}
			data, err := e.encode(size, colour, pixels)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			for i := range size.W * size.H {
				red, _, blue, _ := img.At(i%size.W, i/size.W).RGBA()
				want := [2]uint8{pixels[i*n/(size.W*size.H)], pixels[i*n/(size.W*size.H)+2*min(int(colour), 1)]}
				if got := [2]uint8{uint8(red >> 8), uint8(blue >> 8)}; got != want {
					t.Fatalf("%v, colour type %d, pixel %d: %v, want %v", size, colour, i, got, want)
				}
			}
		}
	}
}
