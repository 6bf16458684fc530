package train

import "context"

// ensemble is the mean of the probabilities over the eight turns and mirror images of an image: eight
// times the work, and an answer that does not depend on how the glass lay.
func (p *Predictor) ensemble(ctx context.Context, c *Case, temperature float64) ([][]uint8, error) {
	sum := make([][]int32, Classes)
	for k := range sum {
		sum[k] = make([]int32, c.W*c.H)
	}
	for d := range 8 {
		turned, w, h := turn(c.RGB, shape{c.W, c.H, 3}, d)
		logits, err := p.Logits(ctx, turned, w, h)
		if err != nil {
			return nil, err
		}
		for k, plane := range Probabilities(logits, temperature) {
			back, _, _ := turn(plane, shape{w, h, 1}, inverseTurn(d))
			for i, v := range back {
				sum[k][i] += int32(v)
			}
		}
	}
	planes := make([][]uint8, Classes)
	for k := range planes {
		planes[k] = make([]uint8, c.W*c.H)
		for i, v := range sum[k] {
			planes[k][i] = uint8((v + 4) / 8)
		}
	}
	return planes, nil
}

// shape is an image's width, height and interleaved channels.
type shape struct{ w, h, c int }

// turn applies element d of the square's symmetries: a mirror image for d ≥ 4, then d%4 quarter turns
// clockwise.
func turn(pix []uint8, s shape, d int) (out []uint8, w, h int) {
	w, h = s.w, s.h
	if d%2 == 1 {
		w, h = h, w
	}
	out = make([]uint8, len(pix))
	for y := range h {
		for x := range w {
			sx, sy := x, y
			switch d % 4 {
			case 1:
				sx, sy = y, s.h-1-x
			case 2:
				sx, sy = s.w-1-x, s.h-1-y
			case 3:
				sx, sy = s.w-1-y, x
			}
			if d >= 4 {
				sx = s.w - 1 - sx
			}
			copy(out[s.c*(y*w+x):s.c*(y*w+x+1)], pix[s.c*(sy*s.w+sx):])
		}
	}
	return out, w, h
}

// inverseTurn undoes turn: a mirror image followed by turns is its own inverse, turns alone go back.
func inverseTurn(d int) int {
	if d >= 4 {
		return d
	}
	return (4 - d) % 4
}
