package synth

import "math"

// textureSide is the side of a pattern that repeats, in cells. Its repetition is bent out of sight.
const textureSide = 1024

// drawStroma draws collagen: wavy strands along x and pale gaps between them. Its nuclei are not part
// of it, because it is bent and stretched.
func drawStroma(seed uint64) *pattern {
	return drawPattern(textureSide, func(x, y float64) uint32 {
		wave := 5*wrapped(seed, x, y, 64, 64) + 2*wrapped(seed^1, x, y, 21, 32)
		strand := wrapped(seed^2, x, y+wave, 51.2, 4) + 0.5*wrapped(seed^3, x, y+wave, 25.6, 2)
		gap := step(0.35, 0.75, wrapped(seed^4, x, y+wave, 64, 8)-0.3*strand)
		fine := 0.05 * wrapped(seed^5, x, y, 1, 1)
		e := 0.34 + 0.14*strand + fine
		h := 0.05 + 0.03*strand + fine/2
		e, h = lerp(e, 0.05, 0.85*gap), lerp(h, 0.015, gap)
		return pack(1, h, e)
	})
}

// wrapped is noise with features of px × py microns that repeats with the texture.
func wrapped(seed uint64, x, y, px, py float64) float64 {
	const side = textureSide * patternMPP
	nx, ny := int(side/px+0.5), int(side/py+0.5)
	u, v := (x/side+0.5)*float64(nx), (y/side+0.5)*float64(ny)
	fu, fv := math.Floor(u), math.Floor(v)
	at := func(i, j int) float64 { return lattice(seed, mod(i, nx), mod(j, ny)) }
	iu, iv := int(fu), int(fv)
	tx, ty := fade(u-fu), fade(v-fv)
	return lerp(lerp(at(iu, iv), at(iu+1, iv), tx), lerp(at(iu, iv+1), at(iu+1, iv+1), tx), ty)
}

func mod(a, n int) int { return ((a % n) + n) % n }

// drawFat draws fat cells: empty polygons with thin walls. The walls are where two of the nearest
// centres are equally near.
func drawFat(seed uint64) *pattern {
	const cell, n = 64.0, int(textureSide * patternMPP / 64)
	return drawPattern(textureSide, func(x, y float64) uint32 {
		cx, cy := int(math.Floor(x/cell)), int(math.Floor(y/cell))
		first, second := math.Inf(1), math.Inf(1)
		for j := cy - 1; j <= cy+1; j++ {
			for i := cx - 1; i <= cx+1; i++ {
				d := newDice(seed, mod(i, n), mod(j, n), 60)
				r := distance(x-(float64(i)+d.between(0.15, 0.85))*cell, y-(float64(j)+d.between(0.15, 0.85))*cell)
				first, second = min(first, r), min(second, max(first, r))
			}
		}
		wall := step(3.2, 1, second-first)
		return pack(1, 0.01+0.08*wall, 0.015+0.34*wall)
	})
}
