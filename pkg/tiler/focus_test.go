package tiler

import (
	"image/color"
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
