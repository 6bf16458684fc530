package icc

import "math"

// The mathematics of this package is IEEE 754's additions, products and quotients one by one, which every machine
// rounds alike. math.Pow is not: its exponential is assembly on some, with fused multiply-add where the
// processor has it, and the compiler fuses x*y+z itself on arm64, ppc64 and s390x. An explicit conversion of a
// product keeps it from that (Go specification, Floating-point operators).

// power is x to the y for x of at least 0, within 1e-12 of itself.
func power(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x == 0 && y > 0:
		return 0
	case x == 0:
		return math.Inf(1)
	}
	return exponential(float64(y * logarithm(x)))
}

// logarithm is the natural one of x > 0: by 2·artanh((m-1)/(m+1)) of the mantissa m in [√½, √2), whose series
// ends below 2^-53 after twelve terms.
func logarithm(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	z := (m - 1) / (m + 1)
	square, sum := float64(z*z), 0.0
	for n := 23; n >= 1; n -= 2 {
		sum = float64(sum*square) + 1/float64(n)
	}
	return float64(2*float64(z*sum)) + float64(float64(e)*math.Ln2)
}

// exponential is e to the t: by the series of the rest after whole powers of two, |rest| ≤ ln 2 / 2.
func exponential(t float64) float64 {
	switch {
	case math.IsNaN(t):
		return t
	case t > 700:
		return math.Inf(1)
	case t < -700:
		return 0
	}
	k := math.Round(t / math.Ln2)
	rest, sum := t-float64(k*math.Ln2), 1.0
	for n := 14; n >= 1; n-- {
		sum = float64(float64(sum*rest)/float64(n)) + 1
	}
	return math.Ldexp(sum, int(k))
}
