package segment

import (
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Turns is the number of symmetries of the square.
const Turns = 8

// Average segments a canvas in all eight turns and mirror images and averages the probabilities: an
// answer that does not depend on how the glass lay. run segments one canvas as a Segmenter would, halo
// cut off. The sum is of whole numbers, and a turned canvas begins and ends on the same grid as the
// plain one, so tiling leaves no trace here either.
//
// # Memory
//
// A turned copy of the canvas and, per class, two bytes a pixel.
func Average(canvas *image.RGBA, halo int, run func(*image.RGBA) ([][]uint8, error)) ([][]uint8, error) {
	size := pyramid.Size{W: canvas.Rect.Dx(), H: canvas.Rect.Dy()}
	inner := pyramid.Size{W: size.W - 2*halo, H: size.H - 2*halo}
	var sum [][]uint16
	for _, d := range [Turns]int{0, 2, 4, 6, 1, 3, 5, 7} { // those that change the size come last: networks are kept for one
		planes, err := run(turned(canvas, d))
		if err != nil {
			return nil, err
		}
		if sum == nil {
			sum = make([][]uint16, len(planes))
		}
		for k, plane := range planes {
			if plane == nil {
				continue // nobody asks for the class
			}
			if sum[k] == nil {
				sum[k] = make([]uint16, inner.W*inner.H)
			}
			for i, v := range TurnBack(plane, inner, d) {
				sum[k][i] += uint16(v)
			}
		}
	}
	return means(sum), nil
}

func means(sum [][]uint16) [][]uint8 {
	out := make([][]uint8, len(sum))
	for k := range sum {
		if sum[k] == nil {
			continue
		}
		out[k] = make([]uint8, len(sum[k]))
		for i, v := range sum[k] {
			out[k][i] = uint8((v + Turns/2) / Turns)
		}
	}
	return out
}

// turned is a copy of the canvas, turned, with its corner at 0, 0.
func turned(canvas *image.RGBA, d int) *image.RGBA {
	w, h := canvas.Rect.Dx(), canvas.Rect.Dy()
	flat := make([]uint8, 0, 4*w*h)
	for y := range h {
		flat = append(flat, canvas.Pix[y*canvas.Stride:][:4*w]...)
	}
	pix, size := Turn(flat, pyramid.Size{W: w, H: h}, 4, d)
	return &image.RGBA{Pix: pix, Stride: 4 * size.W, Rect: size.Bounds()}
}

// Turn applies element d of the square's symmetries to an image of the given number of bytes a pixel: a
// mirror image for d ≥ 4, then d%4 quarter turns clockwise.
func Turn(pix []uint8, s pyramid.Size, bytes, d int) ([]uint8, pyramid.Size) {
	to := s
	if d%2 == 1 {
		to = pyramid.Size{W: s.H, H: s.W}
	}
	out := make([]uint8, len(pix))
	for y := range to.H {
		for x := range to.W {
			sx, sy := x, y
			switch d % 4 {
			case 1:
				sx, sy = y, s.H-1-x
			case 2:
				sx, sy = s.W-1-x, s.H-1-y
			case 3:
				sx, sy = s.W-1-y, x
			}
			if d >= 4 {
				sx = s.W - 1 - sx
			}
			copy(out[bytes*(y*to.W+x):bytes*(y*to.W+x+1)], pix[bytes*(sy*s.W+sx):])
		}
	}
	return out, to
}

// TurnBack undoes Turn for a plane of an image that had the given size before: a mirror image followed
// by turns is its own inverse, turns alone go back.
func TurnBack(plane []uint8, s pyramid.Size, d int) []uint8 {
	if d%2 == 1 {
		s = pyramid.Size{W: s.H, H: s.W}
	}
	if d < 4 {
		d = (4 - d) % 4
	}
	back, _ := Turn(plane, s, 1, d)
	return back
}
