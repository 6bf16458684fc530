package tiler

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// TestBlurIsSeen: nuclei with sharp borders are in focus, the same spread over 8 µm are not.
func TestBlurIsSeen(t *testing.T) {
	for name, c := range map[string]struct{ soft, want int }{"sharp": {1, 0}, "blurred": {8, 1}} {
		f := newFake(480, 480, 120, func(x, y int) color.RGBA {
			dx, dy := x%24-12, y%24-12
			dark := min(max((36-dx*dx-dy*dy)*8/c.soft, 0), 100)
			return color.RGBA{uint8(200 - dark), uint8(150 - dark), uint8(190 - dark/2), 255}
		})
		f.mpp = 1
		r, _ := cut(t, Config{Slide: f})
		_, sum := FindTissue(&r, frameOf(t, f, pyramid.MPP{X: 1, Y: 1}, 1.3), DefaultTissue())
		if sum.Blurred != float64(c.want) {
			t.Errorf("%s: %g blurred, want %d; %v", name, sum.Blurred, c.want, r.Overview.focus.sharp)
		}
	}
}

// TestLaplacianAsWrittenDown: the variance is that of every second row's pixels, one at a time, also of pictures
// that hardly have any.
func TestLaplacianAsWrittenDown(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	for w := 1; w < 9; w++ {
		for h := 1; h < 9; h++ {
			img := image.NewRGBA(image.Rect(0, 0, w, h))
			for i := range img.Pix {
				img.Pix[i] = uint8(r.IntN(256))
			}
			if got, want := laplacianVariance(img), plainVariance(img); got != want {
				t.Errorf("%dx%d: %g, want %g", w, h, got, want)
			}
		}
	}
}

func plainVariance(img *image.RGBA) float64 {
	green := func(x, y int) int { return int(img.RGBAAt(x, y).G) }
	var n, sum, squares int
	for y := 1; y < img.Rect.Dy()-1; y += 2 {
		for x := 1; x < img.Rect.Dx()-1; x++ {
			v := 4*green(x, y) - green(x-1, y) - green(x+1, y) - green(x, y-1) - green(x, y+1)
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	if n == 0 {
		return 0
	}
	mean := float64(sum) / float64(n)
	return float64(squares)/float64(n) - mean*mean
}
