package tiler

import "math"

// Densities are kept as integers of 1/1000, so that thresholds behave alike on every machine.
const densityUnit = 1000

// stainUnit is the step of the 8-bit stain plane in optical density; it saturates at 0.64, where
// nobody doubts.
const stainUnit = 0.0025

// estimateWhite finds the colour of empty glass: the median of the brightest plausible pixels. ok is
// false where the picture has no glass and the guess is used.
func estimateWhite(o *Overview, p TissueParameters) (white [3]uint8, ok bool) {
	var light [256]int // histogram of the mean of the channels
	total := 0
	each(o, func(r, g, b int) {
		light[(r+g+b)/3]++
		total++
	})
	brightest := percentile(light[:], total, 0.995)
	var channel [3][256]int
	n := 0
	each(o, func(r, g, b int) {
		if l := (r + g + b) / 3; l < brightest-10 || max(r, g, b)-min(r, g, b) > p.WhiteChroma {
			return
		}
		channel[0][r]++
		channel[1][g]++
		channel[2][b]++
		n++
	})
	for c := range white {
		white[c] = uint8(percentile(channel[c][:], n, 0.5))
	}
	if int(min(white[0], white[1], white[2])) < p.WhiteMin || n*1000 < total {
		guess := uint8(p.WhiteGuess)
		return [3]uint8{guess, guess, guess}, false
	}
	return white, true
}

// each visits the colours of the scanned pixels.
func each(o *Overview, visit func(r, g, b int)) {
	for i, s := range o.Scanned {
		if s == 255 {
			px := o.Image.Pix[4*i:][:3:3]
			visit(int(px[0]), int(px[1]), int(px[2]))
		}
	}
}

// percentile is the smallest value that at least share of the n counted do not exceed.
func percentile(histogram []int, n int, share float64) int {
	below := 0
	for v, count := range histogram {
		if below += count; float64(below) >= share*float64(n) {
			return v
		}
	}
	return 0
}

// densities turns 8-bit channels into optical densities over glass.
type densities [3][256]int16

func newDensities(white [3]uint8) *densities {
	var d densities
	for c := range d {
		for v := range d[c] {
			od := math.Log(float64(white[c]) / float64(max(v, 1)))
			d[c][v] = int16(math.Round(densityUnit * max(0, od)))
		}
	}
	return &d
}

// density is one pixel's optical density.
type density struct{ r, g, b int }

func (d *densities) at(px []uint8) density {
	return density{int(d[0][px[0]]), int(d[1][px[1]]), int(d[2][px[2]])}
}

func (d density) most() int  { return max(d.r, d.g, d.b) }
func (d density) span() int  { return d.most() - min(d.r, d.g, d.b) }
func (d density) least() int { return min(d.r, d.g, d.b) }

// stain is the range in stainUnits, 0 for what is grey.
func (d density) stain(p TissueParameters) uint8 {
	if float64(d.span()) < p.GreyRatio*float64(d.most()) {
		return 0
	}
	const unit = stainUnit * densityUnit
	return uint8(min(255, float64(d.span())/unit+0.5))
}

// ink reports a hue that haematoxylin and eosin cannot mix. Both absorb green most, haematoxylin with
// (0.65, 0.70, 0.29), eosin with (0.07, 0.99, 0.11) of red, green and blue light.
func (d density) ink() bool {
	switch {
	case d.most() < 60:
		return false // too faint to have a hue
	case 4*d.r >= 5*d.g && 2*d.b <= d.r:
		return true // blue: absorbs red most and hardly blue
	case 5*d.g <= 4*min(d.r, d.b):
		return true // green
	case 8*d.r <= d.g && 10*d.b >= 9*d.g && d.g >= densityUnit*7/10:
		return true // red: like eosin, but absorbs blue as much as green
	}
	return false
}

// black reports black ink: everything is absorbed, and evenly.
func (d density) black() bool {
	return d.least() >= densityUnit*9/10 && 5*d.span() <= d.most()
}
