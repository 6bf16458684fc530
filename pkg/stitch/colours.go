package stitch

// The overlay's colours, not multiplied by alpha. Carcinoma is warm and the more opaque the surer;
// what is just below the threshold is a breath of yellow, so that the eye finds where the network
// hesitated. High-grade dysplasia is violet. What was not analysed is hatched grey, at every zoom: it
// must never look like healthy tissue.
//
//	carcinoma  ½·cut … cut    yellow, alpha 0 … 60
//	           cut … 255      orange … red, alpha 90 … 140
//	high-grade cut … 255      violet, alpha 80 … 120
//	not analysed              grey stripes
//	uncertain                 blue stripes the other way, over everything: what is below them was seen,
//	                          but looks like nothing in training
type palette struct {
	carcinoma [256][4]uint8
	highGrade [256][4]uint8
	cut       uint8
}

type rgba = [4]uint8

var (
	faint     = [2]rgba{{255, 214, 10, 0}, {255, 190, 0, 60}}
	certain   = [2]rgba{{255, 130, 0, 90}, {205, 0, 20, 140}}
	dysplasia = [2]rgba{{150, 90, 230, 80}, {110, 30, 200, 120}}
	stripe    = [2]rgba{{90, 90, 90, 170}, {150, 150, 150, 60}}
	doubtful  = rgba{40, 105, 160, 150}
)

func newPalette(cut uint8) *palette {
	p := &palette{cut: cut}
	ramp(p.carcinoma[cut/2:cut], faint)
	ramp(p.carcinoma[cut:], certain)
	ramp(p.highGrade[cut:], dysplasia)
	return p
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

// at is the colour of a pixel at (x, y) of its level. Carcinoma hides everything but the stripes of
// doubt, between which it stays visible; the grey stripes hide what is below the threshold.
func (p *palette) at(x, y int, probability, other uint8) rgba {
	switch {
	case other&doubt != 0 && other&unseen == 0 && (x-y)&7 < 3:
		return doubtful
	case probability >= p.cut:
		return p.carcinoma[probability]
	case other&unseen != 0:
		return stripe[(x+y)>>2&1]
	case other >= p.cut:
		return p.highGrade[other]
	}
	return p.carcinoma[probability]
}
