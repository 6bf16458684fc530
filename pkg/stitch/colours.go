package stitch

import (
	"image"
	"math/bits"
	"slices"
)

// The overlay's colours, not multiplied by alpha. Carcinoma is warm and the more opaque the surer;
// what is just below the threshold is a breath of yellow, so that the eye finds where the network
// hesitated. High-grade dysplasia is violet. What was not analysed is hatched, at every zoom: it must never
// look like healthy tissue. Its stripes are grey, and what lies between them says why it was not.
//
//	carcinoma  ½·cut … cut    yellow, alpha 0 … 60
//	           cut … 255      orange … red, alpha 90 … 140
//	high-grade cut … 255      violet, alpha 80 … 120
//	not analysed              grey stripes, between them the colour of the reason
//	uncertain                 blue stripes the other way, over everything: what is below them was seen,
//	                          but looks like nothing in training
type palette struct {
	cut     uint8
	colours []rgba // each once; everything else holds their numbers
	// by probability
	carcinoma, highGrade [256]uint16
	stripe, doubtful     uint16
	excluded             [len(excluded)]uint16
}

// maxColours bounds the numbers: two ramps, the stripes and the reasons.
const maxColours = 2*256 + 2 + len(excluded)

type rgba = [4]uint8

var (
	faint     = [2]rgba{{255, 214, 10, 0}, {255, 190, 0, 60}}
	certain   = [2]rgba{{255, 130, 0, 90}, {205, 0, 20, 140}}
	dysplasia = [2]rgba{{150, 90, 230, 80}, {110, 30, 200, 120}}
	stripe    = rgba{90, 90, 90, 170}
	doubtful  = rgba{40, 105, 160, 150}
)

// reason is why something was not analysed, as the overlay and the legends show it.
type reason struct {
	class  string // in style.css of the viewer
	words  string
	colour rgba
}

// excluded are the reasons by the number of their bit above flags, with their names in the legends. No colour is
// warm, violet or the blue of doubt, and they differ in lightness for those who do not see green.
var excluded = [6]reason{
	{"unplanned", "in no region that was computed", rgba{150, 150, 150, 60}}, // paler grey
	{"pen", "pen on the glass", rgba{70, 200, 90, 150}},                      // green
	{"bubble", "below an air bubble", rgba{0, 190, 210, 150}},                // cyan
	{"blurred", "far out of focus", rgba{165, 105, 45, 150}},                 // brown
	{"unreadable", "not readable in the file", rgba{15, 15, 15, 170}},        // black
	{"unscanned", "not scanned", rgba{240, 240, 240, 150}},                   // white
}

func newPalette(cut uint8) *palette {
	p := &palette{cut: cut}
	var carcinoma, highGrade [256]rgba
	ramp(carcinoma[cut/2:cut], faint)
	ramp(carcinoma[cut:], certain)
	ramp(highGrade[cut:], dysplasia)
	p.number(p.carcinoma[:], carcinoma[:])
	p.number(p.highGrade[:], highGrade[:])
	for i, e := range excluded {
		p.number(p.excluded[i:i+1], []rgba{e.colour})
	}
	var stripes [2]uint16
	p.number(stripes[:], []rgba{stripe, doubtful})
	p.stripe, p.doubtful = stripes[0], stripes[1]
	return p
}

// number gives colours their numbers, the next ones if they have none yet.
func (p *palette) number(to []uint16, colours []rgba) {
	for i, c := range colours {
		n := slices.Index(p.colours, c)
		if n < 0 {
			n = len(p.colours)
			p.colours = append(p.colours, c)
		}
		to[i] = uint16(n)
	}
}

// ramp fills entries from one colour to another.
func ramp(entries [][4]uint8, ends [2]rgba) {
	last := max(1, len(entries)-1)
	for i := range entries {
		for k := range entries[i] {
			a, b := int(ends[0][k]), int(ends[1][k])
			entries[i][k] = uint8(a + (b-a)*i/last)
		}
	}
}

// at is the colour of a pixel at (x, y) of its level.
func (p *palette) at(x, y int, probability, other uint8) rgba {
	return p.colours[p.numberAt(x, y, probability, other)]
}

// numberAt is the number of its colour. Carcinoma hides everything but the stripes of
// doubt, between which it stays visible; the grey stripes hide what is below the threshold. Of several
// reasons the first is shown.
func (p *palette) numberAt(x, y int, probability, other uint8) uint16 {
	switch {
	case other&unseen == 0:
		return p.seen(x, y, probability, other)
	case probability >= p.cut:
		return p.carcinoma[probability]
	case (x+y)>>2&1 == 0:
		return p.stripe
	}
	return p.excluded[bits.TrailingZeros8(other>>2)%8] // 8 where there is no reason, which no cell gives
}

// seen is numberAt for what was analysed. It is small enough to be inlined.
func (p *palette) seen(x, y int, probability, other uint8) uint16 {
	switch {
	case other&doubt != 0 && (x-y)&7 < 3:
		return p.doubtful
	case probability < p.cut && other >= p.cut:
		return p.highGrade[other]
	}
	return p.carcinoma[probability]
}

// row writes the numbers of a row of pixels, the first of which lies at the origin, as numberAt has them.
func (p *palette) row(dst []uint16, origin image.Point, probability, other []uint8) {
	other, dst = other[:len(probability)], dst[:len(probability)]
	for x, v := range probability {
		if o := other[x]; o&unseen == 0 {
			dst[x] = p.seen(origin.X+x, origin.Y, v, o)
		} else {
			dst[x] = p.numberAt(origin.X+x, origin.Y, v, o)
		}
	}
}
