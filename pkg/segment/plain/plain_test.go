package plain

import (
	"image"
	"testing"
)

func TestReflect(t *testing.T) {
	want := []int{1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1}
	for i, w := range want {
		if got := reflect(i-5, 3); got != w {
			t.Errorf("reflect(%d, 3) = %d, want %d", i-5, got, w)
		}
	}
	for i := -7; i < 7; i++ {
		if got := reflect(i, 1); got != 0 {
			t.Errorf("reflect(%d, 1) = %d", i, got)
		}
	}
}

// TestMirror: inside, the picture is itself; outside, it is its own reflection.
func TestMirror(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 4, 3))
	for i := range img.Pix {
		img.Pix[i] = uint8(i)
	}
	m := mirror(img, image.Rect(-2, -1, 6, 5))
	for y := m.Rect.Min.Y; y < m.Rect.Max.Y; y++ {
		for x := m.Rect.Min.X; x < m.Rect.Max.X; x++ {
			r := m.RGBAAt(x, y)
			n := img.NRGBAAt(reflect(x, 4), reflect(y, 3))
			if r.R != n.R || r.G != n.G || r.B != n.B {
				t.Fatalf("at %d,%d: %v, want %v", x, y, r, n)
			}
		}
	}
}
