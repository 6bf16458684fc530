package train

import (
	"math"
	"math/rand/v2"
)

// Stain vectors of haematoxylin and eosin in optical density, red green blue (Ruifrok and Johnston,
// Anal Quant Cytol Histol 2001, 23:291), normalised; the third is perpendicular to both.
var (
	haematoxylin = unit([3]float64{0.65, 0.70, 0.29})
	eosin        = unit([3]float64{0.07, 0.99, 0.11})
	residual     = unit(cross(haematoxylin, eosin))
)

func unit(v [3]float64) [3]float64 {
	n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
	return [3]float64{v[0] / n, v[1] / n, v[2] / n}
}

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

type mat3 [3][3]float64

// stains has the stain vectors as columns: density of colour = stains · amounts.
func stains() mat3 {
	var m mat3
	for i := range 3 {
		m[i] = [3]float64{haematoxylin[i], eosin[i], residual[i]}
	}
	return m
}

func (m mat3) mul(o mat3) (p mat3) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				p[i][j] += m[i][k] * o[k][j]
			}
		}
	}
	return p
}

func (m mat3) apply(v [3]float64) (p [3]float64) {
	for i := range 3 {
		p[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
	}
	return p
}

func (m mat3) inverse() (p mat3) {
	det := 0.0
	for i := range 3 {
		j, k := (i+1)%3, (i+2)%3
		for l := range 3 {
			a, b := (l+1)%3, (l+2)%3
			p[l][i] = m[j][a]*m[k][b] - m[j][b]*m[k][a]
		}
		det += m[0][i] * (m[1][(i+1)%3]*m[2][(i+2)%3] - m[1][(i+2)%3]*m[2][(i+1)%3])
	}
	for i := range 3 {
		for j := range 3 {
			p[i][j] /= det
		}
	}
	return p
}

// The density axis is cut into steps fine enough that identity returns every byte.
const (
	densityStep  = 1.0 / 512
	densityLevel = 3200 // 6.25, above −ln(1/256)
)

// densities is the optical density of each byte, −ln((v+1)/256).
func densities() (od [256]float32) {
	for v := range od {
		od[v] = float32(-math.Log(float64(v+1) / 256))
	}
	return od
}

var densityOf = densities()

// recolour is a colour change: a linear map of optical densities, then one tone curve per colour.
type recolour struct {
	m      [3][3]float32
	offset [3]float32
	tone   [3][densityLevel]uint8
}

// stainShift multiplies the amounts of haematoxylin and eosin and adds offsets to them.
func stainShift(gain, offset [3]float64, mixing [2]float64) (mat3, [3]float64) {
	s := stains()
	change := mat3{{gain[0], mixing[0], 0}, {mixing[1], gain[1], 0}, {0, 0, gain[2]}}
	return s.mul(change).mul(s.inverse()), s.apply(offset)
}

// ShiftStain multiplies the optical density of haematoxylin and eosin in interleaved RGB: the test of
// robustness against another laboratory's staining.
func ShiftStain(rgb []uint8, haematoxylin, eosin float64) {
	m, off := stainShift([3]float64{haematoxylin, eosin, 1}, [3]float64{}, [2]float64{})
	rc := newRecolour(m, off, func(_ int, v float64) float64 { return v })
	rc.run(rgb)
}

// newRecolour tabulates the way from density to byte; tone works on 0..1.
func newRecolour(m mat3, offset [3]float64, tone func(channel int, v float64) float64) *recolour {
	rc := new(recolour)
	for i := range 3 {
		for j := range 3 {
			rc.m[i][j] = float32(m[i][j] / densityStep)
		}
		rc.offset[i] = float32(offset[i]/densityStep + 0.5)
		for d := range rc.tone[i] {
			v := (256*math.Exp(-float64(d)*densityStep) - 1) / 255
			rc.tone[i][d] = uint8(255*min(max(tone(i, v), 0), 1) + 0.5)
		}
	}
	return rc
}

func (rc *recolour) run(rgb []uint8) {
	for i := 0; i+2 < len(rgb); i += 3 {
		r, g, b := densityOf[rgb[i]], densityOf[rgb[i+1]], densityOf[rgb[i+2]]
		for k := range 3 {
			d := int(rc.m[k][0]*r + rc.m[k][1]*g + rc.m[k][2]*b + rc.offset[k])
			rgb[i+k] = rc.tone[k][min(max(d, 0), densityLevel-1)]
		}
	}
}

// colour changes stain amounts, then brightness, contrast, gamma and tint.
func (g *augmenter) colour(r *rand.Rand, rgb []uint8) {
	if g.Stain == 0 && g.Brightness == 0 && g.Contrast == 0 && g.Gamma == 0 && g.Tint == 0 {
		return
	}
	gain := [3]float64{1 + spread(r, g.Stain), 1 + spread(r, g.Stain), 1 + spread(r, g.Stain/2)}
	offset := [3]float64{spread(r, g.StainOffset), spread(r, g.StainOffset), 0}
	m, off := stainShift(gain, offset, [2]float64{spread(r, g.StainMix), spread(r, g.StainMix)})
	newRecolour(m, off, g.tone(r)).run(rgb)
}

// tone draws one tone curve: gamma, contrast around middle grey, brightness, gain per colour.
func (g *augmenter) tone(r *rand.Rand) func(int, float64) float64 {
	gamma, contrast, brightness := 1+spread(r, g.Gamma), 1+spread(r, g.Contrast), spread(r, g.Brightness)
	tint := [3]float64{1 + spread(r, g.Tint), 1 + spread(r, g.Tint), 1 + spread(r, g.Tint)}
	return func(channel int, v float64) float64 {
		v = math.Pow(v, gamma)
		return tint[channel]*((v-0.5)*contrast+0.5) + brightness
	}
}
