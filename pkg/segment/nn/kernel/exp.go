package kernel

import "math"

// The exponential function that all variants share: 2ⁿ·e^r with n = round(x·log₂e) and a polynomial of
// degree 6 for e^r on |r| ≤ ln2/2, each step one float32 operation. Its error is below 2 ulp. Arguments
// are clamped to where the result is a normal number, so that 2ⁿ is made by its exponent bits alone.
const (
	expMin   = -87.3
	expMax   = 88.3
	expLog2E = 1.44269504088896341
	expRound = 12582912.0 // 1.5·2²³: adding it rounds to an integer
	expLn2Hi = 0.693359375
	expLn2Lo = -2.12194440e-4
)

// expPoly are the coefficients of r², r³, … highest first, then of r and 1.
var expPoly = [...]float32{1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1}

func exp(x float32) float32 {
	x = minimum(expMax, maximum(expMin, x))
	n := fma(x, expLog2E, expRound)
	scale := math.Float32frombits((math.Float32bits(n) + 127) << 23)
	n -= expRound
	r := fma(n, -expLn2Hi, x)
	r = fma(n, -expLn2Lo, r)
	p := expPoly[0]
	for _, c := range expPoly[1:] {
		p = fma(p, r, c)
	}
	return float32(p * scale)
}
