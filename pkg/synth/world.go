package synth

import (
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// world is the slide at large, in microns: where tissue lies and of what kind. All its methods are
// pure functions of the coordinates.
type world struct {
	seed       uint64
	w, h       float64 // of the slide
	cols, rows int     // of the grid of pieces
	top        float64 // glass above the pieces, for the lettering
	grown      float64 // sides of the pieces against those that their dice threw
}

// pieceSide is the side in microns of the part of the slide that holds one piece of tissue.
const pieceSide = 6500

func newWorld(size pyramid.Size, mpp float64, seed uint64) *world {
	w := &world{seed: seed, w: float64(size.W) * mpp, h: float64(size.H) * mpp, grown: 1}
	w.top = 0.09 * w.h
	w.cols = max(1, int(w.w/pieceSide+0.5))
	w.rows = max(1, int(w.h/pieceSide+0.5))
	return w
}

// grow makes the pieces so large that they cover this share of the slide.
func (w *world) grow(share float64) {
	small, large := 0.0, 2.0
	for range 12 { // halves each time: 1/4096 of 2 is less than the probes can tell
		if w.grown = (small + large) / 2; w.covered() < share {
			small = w.grown
		} else {
			large = w.grown
		}
	}
}

// covered is the share of the slide that is tissue, by probes on a grid.
func (w *world) covered() float64 {
	const side = 200
	tissue := 0
	for i := range side * side {
		u, v := (float64(i%side)+0.5)/side*w.w, (float64(i/side)+0.5)/side*w.h
		if p, ok := w.piece(u, v); ok && p.depth(u, v) > 0 {
			tissue++
		}
	}
	return float64(tissue) / (side * side)
}

// piece is one piece of tissue: an ellipse with a wobbling border.
type piece struct {
	x, y, a, b float64 // centre and semi-axes
	sin, cos   float64
	tumour     bool
	tx, ty, tr float64 // centre and radius of its carcinoma
	seed       uint64
}

// piece finds the piece that a point may belong to. There is none above the top and beyond the edges.
func (w *world) piece(u, v float64) (p piece, ok bool) {
	cw, ch := w.w/float64(w.cols), (w.h-w.top)/float64(w.rows)
	col, row := int(math.Floor(u/cw)), int(math.Floor((v-w.top)/ch))
	if col < 0 || row < 0 || col >= w.cols || row >= w.rows {
		return p, false
	}
	d := newDice(w.seed, col, row, 10)
	angle := d.between(-0.2, 0.2)
	p = piece{
		x: (float64(col) + d.between(0.47, 0.53)) * cw, y: w.top + (float64(row)+d.between(0.47, 0.53))*ch,
		a: w.grown * cw * d.between(0.3, 0.38), b: w.grown * ch * d.between(0.28, 0.38),
		sin: math.Sin(angle), cos: math.Cos(angle), seed: d.state,
	}
	p.tumour = w.cols*w.rows == 1 || d.next() < 0.65 || col == 0 && row == 0
	to, off := d.between(0, 2*math.Pi), d.between(0.35, 0.5)
	p.tx, p.ty = p.x+off*p.a*math.Cos(to), p.y+off*p.b*math.Sin(to)
	p.tr = min(p.a, p.b) * d.between(0.42, 0.6)
	return p, true
}

// place says what a point of the slide is.
type place struct {
	depth  float64 // microns from the border of the tissue, negative on glass
	tumour float64 // microns from the border of the carcinoma, negative outside
	deep   float64 // 0 in the mucosa, 1 in the pale tissue below it
	fat    float64 // 1 in fat
}

func (w *world) at(u, v float64) place {
	p, ok := w.piece(u, v)
	if !ok {
		return place{depth: -1000, tumour: -1000}
	}
	depth := p.depth(u, v)
	if depth < -60 {
		return place{depth: depth, tumour: -1000}
	}
	depth += 14*noise(w.seed^11, u/70, v/70) + 4*noise(w.seed^12, u/19, v/19)
	at := place{depth: depth, tumour: -1000}
	if p.tumour {
		at.tumour = p.tr - distance(u-p.tx, v-p.ty) + 0.35*p.tr*noise(w.seed^13, u/(0.7*p.tr), v/(0.7*p.tr)) + 70*noise(w.seed^14, u/170, v/170)
		at.tumour = min(at.tumour, depth-25)
	}
	mucosa := min(680, 0.45*min(p.a, p.b)) + 130*noise(w.seed^15, u/500, v/500)
	at.deep = step(mucosa, mucosa+120, depth)
	at.fat = at.deep * step(0.15, 0.3, noise(w.seed^16, u/800, v/800)) * (1 - step(-200, -80, at.tumour))
	return at
}

// depth is about the distance to the border, positive inside.
func (p *piece) depth(u, v float64) float64 {
	x, y := u-p.x, v-p.y
	x, y = x*p.cos+y*p.sin, y*p.cos-x*p.sin
	small := min(p.a, p.b)
	q := distance(x/p.a, y/p.b)
	return (1-q)*small + 0.15*small*noise(p.seed, u/(0.7*small), v/(0.7*small)) + 0.04*small*noise(p.seed^1, u/(0.2*small), v/(0.2*small))
}
