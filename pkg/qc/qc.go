// Package qc judges a slide before its regions go to the queue: focus, ink, folds, air bubbles, stain, and
// whether there is anything to see at all. It sits beside tiler, which collects the small picture of the
// slide that is looked at here, and keeps all limits in one table (limits.go). It decides nothing about
// the queue: what is found stands in the report's "qc", and of what must not be analysed it gives the place.
//
// Everything here is classical image processing in integers: the same slide gives the same findings.
package qc

import (
	"image"
	"math"
)

// Picture is a slide at some 8 to 16 µm per pixel.
type Picture struct {
	Image  *image.RGBA // opaque, its bounds at 0, 0
	White  [3]uint8    // of empty glass
	MPP    float64     // µm per pixel
	Tissue []bool      // row-major
	Missed []bool      // not scanned
}

// Findings are shares of 1, and the places of bubbles.
type Findings struct {
	OffStain float64 // of the tissue: hues that haematoxylin and eosin do not make
	Folded   float64 // of the tissue
	Bubbles  float64 // of tissue and bubbles
	Bubble   []bool  // row-major, the bubbles with their rims
}

// Look looks for what is wrong.
//
// # Memory
//
// Some twenty bytes per pixel, of which a slide's small picture has at most four million.
func Look(p Picture) Findings {
	l := newLook(p)
	f := Findings{Bubble: l.bubbles()}
	var tissue, bubble, off int
	for i, on := range p.Tissue {
		switch {
		case f.Bubble[i]:
			bubble++
		case on:
			tissue++
			if l.offStain(i) {
				off++
			}
		}
	}
	f.OffStain = share(off, tissue)
	f.Bubbles = share(bubble, bubble+tissue)
	f.Folded = share(l.folded(f.Bubble), tissue)
	return f
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// look holds the optical densities of a picture, in thousandths.
type look struct {
	Picture
	size    image.Point
	r, g, b []int16
}

const unit = 1000

func newLook(p Picture) *look {
	l := &look{Picture: p, size: p.Image.Rect.Size()}
	var od [3][256]int16
	for c := range od {
		for v := range od[c] {
			od[c][v] = int16(math.Round(unit * max(0, math.Log(float64(p.White[c])/float64(max(v, 1))))))
		}
	}
	n := l.size.X * l.size.Y
	l.r, l.g, l.b = make([]int16, n), make([]int16, n), make([]int16, n)
	for y := range l.size.Y {
		row := p.Image.Pix[y*p.Image.Stride:]
		for x := range l.size.X {
			i := y*l.size.X + x
			l.r[i], l.g[i], l.b[i] = od[0][row[4*x]], od[1][row[4*x+1]], od[2][row[4*x+2]]
		}
	}
	return l
}

// offStain reports a hue outside H&E. Haematoxylin absorbs (0.65, 0.70, 0.29) of red, green and blue,
// eosin (0.07, 0.99, 0.11): whatever they mix, green is absorbed most and blue least or nearly so. DAB's
// brown (0.27, 0.57, 0.78), blue counterstains alone and fluorescence on black are none of that.
func (l *look) offStain(i int) bool {
	r, g, b := int(l.r[i]), int(l.g[i]), int(l.b[i])
	if max(r, g, b) < faint {
		return false // too faint to have a hue
	}
	return 10*b > 11*g || 10*r > 12*g || min(r, g, b) > blackest
}

const (
	faint    = 80
	blackest = 2300 // a tenth of the light in every channel: no stained section is as dark over 8 µm
)
