package icc

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestPower compares with the standard library's, which is as exact as a float64 is.
func TestPower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(rapid.Float64Range(0, 1), rapid.Float64Range(0, 1e5), rapid.SampledFrom([]float64{0, 1, 0.5, 1e-300})).Draw(t, "x")
		y := rapid.OneOf(rapid.Float64Range(0.1, 4), rapid.Float64Range(-40, 40), rapid.SampledFrom([]float64{0, 1, -1, 2, 1 / 2.4})).Draw(t, "y")
		got, want := power(x, y), math.Pow(x, y)
		if math.IsInf(want, 1) || want > 1e300 {
			if got < 1e300 {
				t.Fatalf("%g to the %g is %g, want %g", x, y, got, want)
			}
			return
		}
		if math.Abs(got-want) > 1e-12*want+1e-300 || math.IsNaN(got) {
			t.Fatalf("%g to the %g is %.17g, want %.17g", x, y, got, want)
		}
	})
}

// TestBitsOfPower: every bit is the same on every machine, fused multiply-add or not; the bytes of pixels, which
// are rounded from these, would show a difference once in a long time only.
func TestBitsOfPower(t *testing.T) {
	sum := uint64(14695981039346656037) // FNV-1a, a word at a time
	for i := 1; i < 4000; i++ {
		for _, y := range []float64{1 / 2.4, 1.8, 2.2, 2.4, -3} {
			sum = (sum ^ math.Float64bits(power(float64(i)/3000, y))) * 1099511628211
		}
	}
	if want := uint64(0x9ab131ecfef04794); sum != want {
		t.Errorf("the bits of power sum up to %#x, want %#x", sum, want)
	}
}
