package synth

import (
	"image"
	"math"
)

// gland is a pattern placed on the slide.
type gland struct {
	pattern    *pattern
	x, y       float64 // centre in microns
	turn       float64 // radians
	long, wide float64 // scale along and across
	radius     float64 // of the pattern, microns
	cancer     bool
}

// Crypts stand in a loose hexagonal grid; malignant glands crowd.
const (
	cryptCols, cryptRows = 97.0, 85.0 // microns from crypt to crypt
	cancerPitch          = 102.0
	cryptReach           = 70
	cancerReach          = 190
)

// glands draws the benign crypts and then the malignant glands over them, each grid row by row, so
// that those that overlap do so alike in every tile.
func (r *renderer) glands(s *sheet) {
	mpp := r.mpp
	first := func(px int, pitch float64) int { return int(math.Floor((float64(px)*mpp-cryptReach)/pitch)) - 1 }
	last := func(px int, pitch float64) int { return int(math.Floor((float64(px)*mpp+cryptReach)/pitch)) + 1 }
	for row := first(s.r.Min.Y, cryptRows); row <= last(s.r.Max.Y, cryptRows); row++ {
		for col := first(s.r.Min.X, cryptCols); col <= last(s.r.Max.X, cryptCols); col++ {
			if g, ok := r.crypt(col, row); ok {
				r.place(s, g)
			}
		}
	}
	eachCell(s.r, mpp, cancerPitch, cancerReach, func(col, row int) {
		if g, ok := r.cancer(col, row); ok {
			r.place(s, g)
		}
	})
}

// crypt is the benign crypt of a cell of its grid, if one stands there.
func (r *renderer) crypt(col, row int) (g gland, ok bool) {
	d := newDice(r.seed, col, row, 80)
	g = gland{
		x:    (float64(col) + 0.5*float64(row&1) + d.between(-0.13, 0.13)) * cryptCols,
		y:    (float64(row) + d.between(-0.13, 0.13)) * cryptRows,
		turn: d.between(0, 2*math.Pi), radius: 1.13 * cryptRadius * 1.12,
	}
	scale, stretch := d.between(0.86, 1.04), d.between(1, 1.16)
	g.long, g.wide = scale*stretch, scale/stretch
	g.pattern = r.lib.crypts[int(d.between(0, cryptKinds))]
	at := r.world.at(g.x, g.y)
	return g, at.depth > 62 && at.deep < 0.3 && at.tumour < -62 && d.next() < 0.97
}

// cancer is the malignant gland of a cell of its grid, if one grows there.
func (r *renderer) cancer(col, row int) (g gland, ok bool) {
	d := newDice(r.seed, col, row, 81)
	g = gland{
		x: (float64(col) + d.between(0.2, 0.8)) * cancerPitch, y: (float64(row) + d.between(0.2, 0.8)) * cancerPitch,
		turn: d.between(0, 2*math.Pi), radius: 1.06 * 1.37 * cancerRadius, cancer: true,
	}
	scale, stretch := d.between(0.55, 1.05), d.between(1, 1.4)
	g.long, g.wide = scale*stretch, scale/stretch
	g.pattern = r.lib.cancers[int(d.between(0, cancerKinds))]
	at := r.world.at(g.x, g.y)
	return g, at.tumour > 0 && at.depth > 55 && d.next() < 0.93
}

// place stamps a gland onto the sheet.
func (r *renderer) place(s *sheet, g gland) {
	reach := g.radius * max(g.long, g.wide)
	box := image.Rect(
		int(math.Floor((g.x-reach)/r.mpp)), int(math.Floor((g.y-reach)/r.mpp)),
		int(math.Ceil((g.x+reach)/r.mpp)), int(math.Ceil((g.y+reach)/r.mpp)),
	).Intersect(s.r)
	if box.Empty() {
		return
	}
	// Positions in the pattern are integers counted from the gland's centre, so that no rectangle's
	// corner has a say in how they are rounded.
	sin, cos := math.Sincos(g.turn)
	unit := r.mpp / patternMPP * (1 << coordBits)
	rightX, rightY := int(unit*cos/g.long), int(-unit*sin/g.wide)
	downX, downY := int(unit*sin/g.long), int(unit*cos/g.wide)
	middle := image.Pt(int(math.Floor(g.x/r.mpp)), int(math.Floor(g.y/r.mpp)))
	half, limit := g.pattern.side<<coordBits/2, g.pattern.side<<coordBits
	for y := box.Min.Y; y < box.Max.Y; y++ {
		dx, dy := box.Min.X-middle.X, y-middle.Y
		px, py := half+dx*rightX+dy*downX, half+dx*rightY+dy*downY
		i := (y-s.r.Min.Y)*s.r.Dx() + box.Min.X - s.r.Min.X
		for range box.Dx() {
			if uint(px) < uint(limit) && uint(py) < uint(limit) {
				s.blend(i, g, px, py)
			}
			px, py, i = px+rightX, py+rightY, i+1
		}
	}
}

func (s *sheet) blend(i int, g gland, px, py int) {
	cover, h, e := g.pattern.sample(px, py)
	if cover = cover * uint32(s.tissue[i]) / 255; cover == 0 {
		return
	}
	s.h[i] = uint8((uint32(s.h[i])*(255-cover) + h*cover + 127) / 255)
	s.e[i] = uint8((uint32(s.e[i])*(255-cover) + e*cover + 127) / 255)
	if g.cancer && cover >= 128 {
		s.cancer[i] = 255
	}
}
