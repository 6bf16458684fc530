package qc

import "image"

// Air bubbles under the coverslip have a dark, grey, thin rim, which bends the light, around an inside that
// is about as light as its surroundings. They are round unless they touch an edge.
const (
	rimDensity   = 120  // the rim's least density of each channel
	rimGrey      = 4    // its densities differ by less than 1/rimGrey of the largest
	bubbleMM2    = 0.03 // 0.2 mm across; smaller ones hide little
	bubbleAspect = 1.6  // of its box
	bubbleFill   = 0.65 // of its box; a disc fills 0.79
	rimShare     = 0.45 // of the whole, at most: a speck of dust is dark inside, too
)

// bubbles marks bubbles with their rims.
func (l *look) bubbles() []bool {
	rim := make([]bool, len(l.r))
	for i := range rim {
		r, g, b := int(l.r[i]), int(l.g[i]), int(l.b[i])
		low, high := min(r, g, b), max(r, g, b)
		rim[i] = low >= rimDensity && rimGrey*(high-low) < high && (l.Missed == nil || !l.Missed[i])
	}
	out := make([]bool, len(rim))
	least := l.pixels(bubbleMM2)
	l.pieces(rim, func(p piece) {
		w, h := p.box.Dx(), p.box.Dy()
		if w*h < least || float64(max(w, h)) > bubbleAspect*float64(min(w, h)) {
			return
		}
		inside := enclosed(p, l.size.X)
		n := len(p.pixels) + len(inside)
		if n >= least && float64(n) >= bubbleFill*float64(w*h) && float64(len(p.pixels)) <= rimShare*float64(n) {
			for _, i := range append(inside, p.pixels...) {
				out[i] = true
			}
		}
	})
	return out
}

// enclosed are the pixels within a piece's box that cannot be reached from outside the box without crossing
// the piece, sideways or up and down.
func enclosed(p piece, width int) (inside []int32) {
	box := p.box.Inset(-1)
	w := box.Dx()
	wall := make([]bool, w*box.Dy()) // also what has been reached
	at := func(i int32) int {
		return (int(i)/width-box.Min.Y)*w + int(i)%width - box.Min.X
	}
	for _, i := range p.pixels {
		wall[at(i)] = true
	}
	list := []int{0}
	wall[0] = true
	for next := 0; next < len(list); next++ {
		x, y := list[next]%w, list[next]/w
		for _, d := range []image.Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}} {
			nx, ny := x+d.X, y+d.Y
			if nx < 0 || ny < 0 || nx >= w || ny >= box.Dy() || wall[ny*w+nx] {
				continue
			}
			wall[ny*w+nx] = true
			list = append(list, ny*w+nx)
		}
	}
	for k, reached := range wall {
		if !reached {
			inside = append(inside, int32((k/w+box.Min.Y)*width+k%w+box.Min.X))
		}
	}
	return inside
}

// piece is a connected part of a mask.
type piece struct {
	pixels []int32
	box    image.Rectangle
}

// pieces visits the parts of a mask that are connected, also over corners. A piece is valid during the
// call only.
func (l *look) pieces(on []bool, visit func(piece)) {
	seen := make([]bool, len(on))
	var list []int32
	for i := range on {
		if !on[i] || seen[i] {
			continue
		}
		seen[i] = true
		list = append(list[:0], int32(i))
		box := image.Rectangle{}
		for next := 0; next < len(list); next++ {
			x, y := int(list[next])%l.size.X, int(list[next])/l.size.X
			box = box.Union(image.Rect(x, y, x+1, y+1))
			for ny := max(y-1, 0); ny <= min(y+1, l.size.Y-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, l.size.X-1); nx++ {
					if k := ny*l.size.X + nx; on[k] && !seen[k] {
						seen[k] = true
						list = append(list, int32(k))
					}
				}
			}
		}
		visit(piece{list, box})
	}
}
