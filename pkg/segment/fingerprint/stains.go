package fingerprint

import "math"

// density is the optical density of each byte, −ln((v+1)/256), in 1/1024.
var density = densities()

func densities() (od [256]int32) {
	for v := range od {
		od[v] = int32(math.Round(-1024 * math.Log(float64(v+1)/256)))
	}
	return od
}

// unmix turns densities into amounts of stain, in 1/4096: the inverse of the stain vectors of
// haematoxylin and eosin (Ruifrok and Johnston, Anal Quant Cytol Histol 2001, 23:291) and of the vector
// perpendicular to both. TestUnmix derives it.
var unmix = unmixing()

func unmixing() (u [3][3]int32) {
	h, e := unit(0.65, 0.70, 0.29), unit(0.07, 0.99, 0.11)
	r := unit(h[1]*e[2]-h[2]*e[1], h[2]*e[0]-h[0]*e[2], h[0]*e[1]-h[1]*e[0])
	m := [3][3]float64{h, e, r}
	det := 0.0
	for i := range 3 {
		j, k := (i+1)%3, (i+2)%3
		det += m[0][i] * (m[1][j]*m[2][k] - m[1][k]*m[2][j])
	}
	for s := range 3 {
		a, b := m[(s+1)%3], m[(s+2)%3]
		for i := range 3 {
			j, k := (i+1)%3, (i+2)%3
			u[s][i] = int32(math.Round(4096 * (a[j]*b[k] - a[k]*b[j]) / det))
		}
	}
	return u
}

// mixture is what each byte of red, green and blue adds to a pixel's channels: to the stains in 1/4096 of
// their unit, to the brightness in 1/16. Two channels go together, so that one addition adds both.
var mixture = mixing()

// share is one byte's: haematoxylin and brightness, eosin and the residual.
type share struct{ hb, er int64 }

func mixing() (m [3][256]share) {
	for i, light := range [3]int32{77, 150, 29} {
		for v := range m[i] {
			var c [channels]int32
			for s := range unmix {
				c[s] = unmix[s][i] * density[v]
			}
			c[bright] = light * int32(v)
			m[i][v] = share{pair(c[stainH], c[bright]), pair(c[stainE], c[stainR])}
		}
	}
	return m
}

// pair is two numbers in one. Pairs add up as their numbers do, as long as those fit 32 bits.
func pair(low, high int32) int64 { return int64(high)<<32 + int64(low) }

// parts takes a pair apart: the lower number, where it is negative, has borrowed one of the higher.
func parts(p int64) (low, high int32) {
	low = int32(p)
	return low, int32((p - int64(low)) >> 32)
}

func unit(x, y, z float64) [3]float64 {
	n := math.Sqrt(x*x + y*y + z*z)
	return [3]float64{x / n, y / n, z / n}
}
