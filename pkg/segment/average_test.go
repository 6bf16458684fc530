package segment

import (
	"image"
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func TestTurnByHand(t *testing.T) {
	// 1 2 3      4 1
	// 4 5 6  →   5 2
	//            6 3
	got, size := Turn([]uint8{1, 2, 3, 4, 5, 6}, pyramid.Size{W: 3, H: 2}, 1, 1)
	if want := []uint8{4, 1, 5, 2, 6, 3}; size != (pyramid.Size{W: 2, H: 3}) || !slices.Equal(got, want) {
		t.Errorf("a quarter turn gives %v of %v", got, size)
	}
}

func TestTurnsGoBack(t *testing.T) {
	pix, size := []uint8{1, 2, 3, 4, 5, 6}, pyramid.Size{W: 3, H: 2}
	seen := map[string]bool{}
	for d := range Turns {
		turned, to := Turn(pix, size, 1, d)
		seen[string(turned)+to.String()] = true
		if back := TurnBack(turned, size, d); !slices.Equal(back, pix) {
			t.Errorf("element %d does not go back: %v", d, back)
		}
	}
	if len(seen) != Turns {
		t.Errorf("%d different images of %d elements", len(seen), Turns)
	}
}

// TestAverageByHand: a segmenter that answers with a pixel's red value gives it back after all turns,
// and one that answers with the turned column gives the mean of the eight places.
func TestAverageByHand(t *testing.T) {
	canvas := image.NewRGBA(image.Rect(-1, 7, 4, 10)) // 3×1 within a halo of 1
	for x := -1; x < 4; x++ {
		for y := 7; y < 10; y++ {
			canvas.Pix[canvas.PixOffset(x, y)] = uint8(10*(x+1) + y)
		}
	}
	red := func(c *image.RGBA) ([][]uint8, error) {
		var plane []uint8
		for y := 1; y < c.Rect.Dy()-1; y++ {
			for x := 1; x < c.Rect.Dx()-1; x++ {
				plane = append(plane, c.Pix[c.PixOffset(c.Rect.Min.X+x, c.Rect.Min.Y+y)])
			}
		}
		return [][]uint8{plane}, nil
	}
	got, err := Average(canvas, 1, red)
	if err != nil || !slices.Equal(got[0], []uint8{18, 28, 38}) {
		t.Errorf("red after eight turns %v, %v", got, err)
	}
	calls := 0
	place := func(c *image.RGBA) ([][]uint8, error) {
		calls++
		if c.Rect.Dx() == 3 {
			return [][]uint8{{0, 0, 0}}, nil // turned on its side: one column
		}
		return [][]uint8{{0, 100, 200}}, nil
	}
	got, err = Average(canvas, 1, place)
	if err != nil || calls != Turns || !slices.Equal(got[0], []uint8{50, 50, 50}) {
		t.Errorf("the mean of the places is %v after %d calls, %v", got, calls, err)
	}
}
