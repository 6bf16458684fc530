package kernel

import (
	"math"
	"math/big"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"pgregory.net/rapid"
)

// sameBits checks that two results are identical; NaNs need not have the same payload.
func sameBits(t rapid.TB, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		a, b := got[i], want[i]
		if math.Float32bits(a) != math.Float32bits(b) && !(a != a && b != b) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, a, math.Float32bits(a), b, math.Float32bits(b))
		}
	}
}

func drawAct(t *rapid.T) Act {
	return Act{
		Kind:  rapid.SampledFrom([]net.ActKind{actIdentity, actReLU, actLeakyReLU, actClip, actHardSigmoid, actHardSwish, actSigmoid}).Draw(t, "act"),
		Alpha: 0.25, Beta: float32(rapid.SampledFrom([]float64{0.5, 1, 6}).Draw(t, "beta")),
	}
}

// TestFMARoundsOnce compares with exact arithmetic, also where float64 lies half-way and where the
// result is subnormal.
func TestFMARoundsOnce(t *testing.T) {
	exact := func(x, y, z float32) float32 {
		p := new(big.Float).SetPrec(2000).SetFloat64(float64(x))
		p.Mul(p, big.NewFloat(float64(y))).Add(p, big.NewFloat(float64(z)))
		f, _ := p.Float32()
		return f
	}
	bits := rapid.Custom(func(t *rapid.T) float32 {
		e := rapid.Uint32Range(0, 254).Draw(t, "exponent")
		m := rapid.OneOf(rapid.Uint32Range(0, 1<<23-1), rapid.SampledFrom([]uint32{0, 1, 1 << 22, 1<<23 - 1, 1 << 12, 1<<12 + 1})).Draw(t, "mantissa")
		return math.Float32frombits(rapid.Uint32Range(0, 1).Draw(t, "sign")<<31 | e<<23 | m)
	})
	check := func(t rapid.TB, x, y, z float32) {
		if got, want := fma(x, y, z), exact(x, y, z); got != want {
			t.Fatalf("fma(%x, %x, %x) = %x, want %x", x, y, z, got, want)
		}
	}
	check(t, 1+0x1p-23, 1+0x1p-23, 0x1p-60)
	check(t, 1+0x1p-12, 1+0x1p-12, 0x1p-49)
	check(t, 1+0x1p-12, 1+0x1p-12, -0x1p-70)
	check(t, 0x1p-75, 0x1.000002p-75, 0x1p-149)
	check(t, 0x1p-75, 0x1p-75, 0x1p-149)
	rapid.Check(t, func(t *rapid.T) {
		check(t, bits.Draw(t, "x"), bits.Draw(t, "y"), bits.Draw(t, "z"))
	})
}
