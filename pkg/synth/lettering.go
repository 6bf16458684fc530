package synth

import (
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// lettering writes "SYNTHETIC" on the glass, so that nobody takes the slide for a person's.
type lettering struct {
	unit int // side of a dot in pixels
	x, y int
}

// glyphs of 5 × 7 dots, a byte a row, the leftmost dot in bit 4.
var glyphs = map[rune][7]uint8{
	'S': {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e},
	'Y': {0x11, 0x11, 0x0a, 0x04, 0x04, 0x04, 0x04},
	'N': {0x11, 0x19, 0x15, 0x15, 0x13, 0x11, 0x11},
	'T': {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04},
	'H': {0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11},
	'E': {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f},
	'I': {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e},
	'C': {0x0f, 0x10, 0x10, 0x10, 0x10, 0x10, 0x0f},
}

const inscription = "SYNTHETIC"

// newLettering fits the inscription into the glass above the tissue: 7 dots in 5 % of the height, and
// 6 dots a letter in half of the width.
func newLettering(size pyramid.Size) lettering {
	unit := max(1, min(size.H/140, size.W/2/(6*len(inscription))))
	return lettering{unit: unit, x: 3 * unit, y: 2 * unit}
}

// ink is the lettering's grey: a tissue detector must take it for dirt.
const ink = 120

func (l lettering) draw(r image.Rectangle, dst *image.RGBA) {
	all := image.Rect(l.x, l.y, l.x+6*len(inscription)*l.unit, l.y+7*l.unit).Intersect(r)
	for y := all.Min.Y; y < all.Max.Y; y++ {
		for x := all.Min.X; x < all.Max.X; x++ {
			col, row := (x-l.x)/l.unit, (y-l.y)/l.unit
			if dot := col % 6; dot < 5 && glyphs[rune(inscription[col/6])][row]>>(4-dot)&1 == 1 {
				darken(dst.Pix[4*((y-r.Min.Y)*r.Dx()+x-r.Min.X):][:3], ink)
			}
		}
	}
}
