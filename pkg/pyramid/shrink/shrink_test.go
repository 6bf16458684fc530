package shrink

import (
	"image"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestRGBA compares with the plain mean of the pixels that are there.
func TestRGBA(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tile := rapid.IntRange(1, 9).Draw(t, "tile")
		side := rapid.IntRange(1, 2*tile)
		whole := image.NewRGBA(image.Rect(0, 0, side.Draw(t, "w"), side.Draw(t, "h")))
		copy(whole.Pix, rapid.SliceOfN(rapid.Byte(), len(whole.Pix), len(whole.Pix)).Draw(t, "pixels"))
		var child [2][2]*image.RGBA
		for x := range 2 {
			for y := range 2 {
				r := image.Rect(x*tile, y*tile, (x+1)*tile, (y+1)*tile).Intersect(whole.Rect)
				if !r.Empty() {
					child[x][y] = whole.SubImage(r).(*image.RGBA)
				}
			}
		}
		got := image.NewRGBA(image.Rect(0, 0, (whole.Rect.Dx()+1)/2, (whole.Rect.Dy()+1)/2))
		RGBA(got, child, tile)
		if diff := cmp.Diff(plain(whole).Pix, got.Pix); diff != "" {
			t.Fatal(diff)
		}
	})
}

func plain(src *image.RGBA) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, (src.Rect.Dx()+1)/2, (src.Rect.Dy()+1)/2))
	for i := range dst.Pix {
		x, y, c := i/4%dst.Rect.Dx(), i/4/dst.Rect.Dx(), i%4
		r := image.Rect(2*x, 2*y, 2*x+2, 2*y+2).Intersect(src.Rect)
		sum, n := 0, r.Dx()*r.Dy()
		for v := r.Min.Y; v < r.Max.Y; v++ {
			for u := r.Min.X; u < r.Max.X; u++ {
				sum += int(src.Pix[src.PixOffset(u, v)+c])
			}
		}
		dst.Pix[i] = uint8((sum + n/2) / n)
	}
	return dst
}

func BenchmarkRGBA(b *testing.B) {
	src, dst := image.NewRGBA(image.Rect(0, 0, 240, 240)), image.NewRGBA(image.Rect(0, 0, 240, 240))
	b.SetBytes(4 * 240 * 240)
	for b.Loop() {
		RGBA(dst, [2][2]*image.RGBA{{src, src}, {src, src}}, 240)
	}
}
