package icc

import "math"

// Transform converts 8-bit pixels. Its arithmetic is in integers, and its tables are made as power.go says, so
// that every machine gets the same bytes; they are within 1 of what LittleCMS computes (relative colorimetric, no black point).
//
// # Memory
//
// 20 kB of tables.
type Transform struct {
	linear [3][256]int32   // light of each channel's values, in units of 2^-14
	matrix [3][3]int32     // to linear sRGB, in units of 2^-14
	encode [1<<12 + 1]byte // linear sRGB in units of 2^-12
	fine   [1 << 9]byte    // the dark end in units of 2^-16, where the curve is steep
}

const (
	lightBits = 14
	darkLimit = 1 << 9 // of light in units of 2^-16
)

// fromXYZ is XYZ under D50 to linear sRGB: the inverse of the sRGB profile's own matrix (IEC 61966-2-1,
// adapted by Bradford's method).
var fromXYZ = [3][3]float64{
	{3.1338561, -1.6168667, -0.4906146},
	{-0.9787684, 1.9161415, 0.0334540},
	{0.0719453, -0.2289914, 1.4052427},
}

// ToSRGB makes a profile's transform.
func (p *Profile) ToSRGB() *Transform {
	t := &Transform{}
	for i, c := range p.curves {
		for v := range 256 {
			light := c(float64(v) / 255)
			if math.IsNaN(light) {
				light = 0
			}
			t.linear[i][v] = int32(math.Round(min(max(light, 0), 1) * (1 << lightBits)))
		}
	}
	for row := range 3 {
		for col := range 3 {
			sum := 0.0
			for k := range 3 {
				sum += float64(fromXYZ[row][k] * p.matrix[k][col])
			}
			t.matrix[row][col] = int32(math.Round(min(max(sum, -64), 64) * (1 << lightBits)))
		}
	}
	for i := range t.encode {
		t.encode[i] = encodeSRGB(float64(i) / (1 << 12))
	}
	for i := range t.fine {
		t.fine[i] = encodeSRGB(float64(i) / (1 << 16))
	}
	return t
}

func encodeSRGB(light float64) byte {
	if light <= 0.0031308 {
		return byte(math.Round(255 * 12.92 * light))
	}
	return byte(math.Round(255 * (float64(1.055*power(min(light, 1), 1/2.4)) - 0.055)))
}

// Apply converts RGBA pixels in place, the opaque ones.
func (t *Transform) Apply(pix []byte) {
	for ; len(pix) >= 4; pix = pix[4:] {
		if pix[3] == 0 {
			continue
		}
		r, g, b := int64(t.linear[0][pix[0]]), int64(t.linear[1][pix[1]]), int64(t.linear[2][pix[2]])
		for c := range 3 {
			m := &t.matrix[c]
			pix[c] = t.value((int64(m[0])*r + int64(m[1])*g + int64(m[2])*b) >> (2*lightBits - 16))
		}
	}
}

// value encodes light in units of 2^-16.
func (t *Transform) value(light int64) byte {
	switch {
	case light < 0:
		return 0
	case light < darkLimit:
		return t.fine[light]
	case light >= 1<<16:
		return 255
	}
	return t.encode[(light+8)>>4]
}

// darkest is the darkest channel that Shift looks at. Stained tissue is seldom below it, and the toe of the
// curves, where profiles that mean sRGB differ by 9, is.
const darkest = 45

// Shift is the largest change of a channel over colours that slides have: how far the profile is from
// sRGB.
func (t *Transform) Shift() (most int) {
	for r := darkest; r < 256; r += 15 {
		for g := darkest; g < 256; g += 15 {
			for b := darkest; b < 256; b += 15 {
				p := [4]byte{byte(r), byte(g), byte(b), 255}
				t.Apply(p[:])
				for c, v := range []int{r, g, b} {
					most = max(most, int(p[c])-v, v-int(p[c]))
				}
			}
		}
	}
	return most
}
