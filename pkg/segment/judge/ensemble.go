package judge

import "image"

// ensemble is the mean of the probabilities over the eight turns and mirror images of a picture: eight
// times the work, and an answer that does not depend on how the glass lay. Planes are as much smaller
// than the picture on each side as the network's halo is wide.
func ensemble(img *image.RGBA, halo int, segment func(*image.RGBA) ([][]uint8, error)) ([][]uint8, error) {
	w, h := img.Rect.Dx()-2*halo, img.Rect.Dy()-2*halo
	var sums [][]int32
	for d := range 8 {
		planes, err := segment(turned(img, d))
		if err != nil {
			return nil, err
		}
		if sums == nil {
			sums = make([][]int32, len(planes))
		}
		for k, plane := range planes {
			if sums[k] == nil {
				sums[k] = make([]int32, w*h)
			}
			for i := range sums[k] {
				sums[k][i] += int32(plane[turnedAt(i, w, h, d)])
			}
		}
	}
	out := make([][]uint8, len(sums))
	for k, sum := range sums {
		out[k] = make([]uint8, len(sum))
		for i, v := range sum {
			out[k][i] = uint8((v + 4) / 8)
		}
	}
	return out, nil
}

// turnedAt is where pixel i of a picture of w×h lies after element d of the square's symmetries: bit 0
// swaps the axes, bits 1 and 2 then mirror them.
func turnedAt(i, w, h, d int) int {
	x, y := i%w, i/w
	if d&1 != 0 {
		x, y, w, h = y, x, h, w
	}
	if d&2 != 0 {
		x = w - 1 - x
	}
	if d&4 != 0 {
		y = h - 1 - y
	}
	return y*w + x
}

func turned(img *image.RGBA, d int) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if d&1 != 0 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for i := range w * h {
		at := turnedAt(i, w, h, d)
		copy(out.Pix[4*at:4*at+4], img.Pix[(i/w)*img.Stride+4*(i%w):])
	}
	return out
}
