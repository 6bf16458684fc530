package kernel

import "math"

// fma is x·y+z rounded once, as the FMA instructions of AVX do it. The product of two float32 is exact
// in float64, so the sum is the only rounding; converting that sum to float32 would round a second
// time, which is wrong exactly where the float64 sum lies half-way between two float32, or where the
// result is subnormal. There the sum is first rounded to odd, after which the second rounding is right.
// A compiler that fuses the product into the sum (arm64) changes nothing, because it is exact.
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	bits := math.Float64bits(s)
	const half, low, exponent, normal = 1 << 28, 1<<29 - 1, 0x7ff << 52, (1023 - 126) << 52
	if bits&low != half && bits&exponent >= normal {
		return float32(s)
	}
	return float32(roundToOdd(p, c, s, bits))
}

// roundToOdd replaces the nearest float64 s of p+c by the odd one of its two neighbours, unless s is exact.
func roundToOdd(p, c, s float64, bits uint64) float64 {
	b := s - p
	e := (p - (s - b)) + (c - b) // the exact error of s (Knuth's two-sum); NaN for infinities
	if !(e < 0 || e > 0) || bits&1 == 1 {
		return s
	}
	if (e > 0) == (s > 0) {
		return math.Float64frombits(bits + 1)
	}
	return math.Float64frombits(bits - 1)
}
