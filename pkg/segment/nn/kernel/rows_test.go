package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// agree runs f with every variant; all must return the bits that the portable one returns.
func agree(t rapid.TB, what string, f func() []float32) []float32 {
	t.Helper()
	defer Use(Variant())
	Use(Generic)
	want := f()
	for _, v := range Available()[1:] {
		Use(v)
		sameBits(t, fmt.Sprintf("%s on %s", what, v), f(), want)
	}
	return want
}

// drawPlain draws a small tensor, with special values if asked.
func drawPlain(t *rapid.T, special bool) *plain {
	dim := func(name string, hi int) int { return rapid.IntRange(1, hi).Draw(t, name) }
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
	p := randomPlain(r, dim("n", 2), dim("c", 40), dim("h", 9), dim("w", 20))
	odd := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1e-41, 3e38, -90, 90, -3, 3, 1, 6}
	for i := range p.v {
		p.v[i] = float64(float32(p.v[i] * 4))
		if special && r.IntN(9) == 0 {
			p.v[i] = odd[r.IntN(len(odd))]
		}
	}
	return p
}

func (p *plain) like(r *rand.Rand) *plain { return randomPlain(r, p.n, p.c, p.h, p.w) }

func (p *plain) empty(border int) Tensor { return empty(p.n, p.c, p.h, p.w, border) }

// mapped is f of every element.
func mapped(f func(x float64) float64, p *plain) *plain {
	q := newPlain(p.n, p.c, p.h, p.w)
	for i, v := range p.v {
		q.v[i] = f(v)
	}
	return q
}

func oracleAct(a Act) func(x float64) float64 {
	clip := func(x, lo, hi float64) float64 { return math.Min(math.Max(x, lo), hi) }
	alpha, beta := float64(a.Alpha), float64(a.Beta)
	switch a.Kind {
	case actReLU:
		return func(x float64) float64 { return math.Max(0, x) }
	case actLeakyReLU:
		return func(x float64) float64 { return math.Max(x, 0) + alpha*math.Min(x, 0) }
	case actClip:
		return func(x float64) float64 { return clip(x, alpha, beta) }
	case actHardSigmoid:
		return func(x float64) float64 { return clip(alpha*x+beta, 0, 1) }
	case actHardSwish:
		return func(x float64) float64 { return x * clip(x/6+0.5, 0, 1) }
	case actSigmoid:
		return func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	}
	return func(x float64) float64 { return x }
}

func TestActivations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, act := drawPlain(t, false), drawAct(t)
		agree(t, fmt.Sprint(act), func() []float32 {
			dst := p.empty(1)
			Activate(dst, p.blocked(0), act, NewTeam(2))
			compare(t, fmt.Sprint(act), dst, mapped(oracleAct(act), p), 1e-6)
			return dst.Data
		})
	})
}

// offKink is x, or a place beside it where f has a slope: at a kink the quotient of differences is that of neither side.
func offKink(f func(float64) float64, x float64) float64 {
	const h = 1e-3
	for range 8 {
		left, right := f(x)-f(x-h), f(x+h)-f(x)
		if math.Abs(left-right) <= 0.05*max(math.Abs(left), math.Abs(right)) {
			break
		}
		x = float64(float32(x + 1.0/64))
	}
	return x
}

func TestActivationGradients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, act := drawPlain(t, false), drawAct(t)
		f := oracleAct(act)
		p = mapped(func(x float64) float64 { return offKink(f, x) }, p)
		y := mapped(f, p)
		if act.Kind == actHardSwish {
			y = p
		}
		slope := mapped(func(x float64) float64 { return (f(x+1e-6) - f(x-1e-6)) / 2e-6 }, p)
		d := p.like(rand.New(rand.NewPCG(1, 4)))
		for i := range slope.v {
			slope.v[i] *= d.v[i]
		}
		agree(t, fmt.Sprint(act), func() []float32 {
			dst := p.empty(0)
			ActivateBackward(dst, d.blocked(1), y.blocked(0), act, NewTeam(2))
			compare(t, fmt.Sprint(act), dst, slope, 1e-5)
			return dst.Data
		})
	})
}

// TestSpecialValuesAgree feeds infinities, NaNs, signed zeros and subnormals to everything element-wise.
func TestSpecialValuesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, act := drawPlain(t, true), drawAct(t)
		q := p.like(rand.New(rand.NewPCG(2, 4)))
		k := randomFloats(rand.New(rand.NewPCG(3, 4)), p.c)
		agree(t, fmt.Sprint(act), func() []float32 {
			a, b := p.blocked(0), q.blocked(1)
			var all []float32
			each := func(f func(dst Tensor)) {
				dst := p.empty(0)
				f(dst)
				flat := make([]float32, len(p.v))
				ToNCHW(flat, dst, nil)
				all = slices.Concat(all, flat)
			}
			each(func(d Tensor) { Activate(d, a, act, nil) })
			each(func(d Tensor) { ActivateBackward(d, b, a, act, nil) })
			each(func(d Tensor) { ActivateBackward(d, a, b, act, nil) })
			each(func(d Tensor) { AddTo(d, a, b, nil) })
			each(func(d Tensor) { SubTo(d, a, b, nil) })
			each(func(d Tensor) { MulTo(d, a, b, nil) })
			each(func(d Tensor) { ScaleShift(d, a, k, k, act, nil) })
			each(func(d Tensor) { Combine(d, a, b, k, k, k, nil) })
			each(func(d Tensor) { Softmax(d, a, nil) })
			each(func(d Tensor) { PoolMax(d, a, unit, nil, nil) })
			return all
		})
	})
}

var unit = Window{KH: 1, KW: 1, SH: 1, SW: 1, DH: 1, DW: 1}

func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlain(t, false)
		r := rand.New(rand.NewPCG(2, 4))
		q := p.like(r)
		ka, kb, kc := randomFloats(r, p.c), randomFloats(r, p.c), randomFloats(r, p.c)
		channel := func(i int) int { return i / (p.h * p.w) % p.c }
		check := func(what string, f func(dst, a, b Tensor), want func(i int) float64) {
			w := p.like(r)
			for i := range w.v {
				w.v[i] = want(i)
			}
			agree(t, what, func() []float32 {
				dst := p.empty(1)
				f(dst, p.blocked(1), q.blocked(0))
				compare(t, what, dst, w, 1e-6)
				return dst.Data
			})
		}
		check("add", func(dst, a, b Tensor) { AddTo(dst, a, b, NewTeam(2)) }, func(i int) float64 { return p.v[i] + q.v[i] })
		check("sub", func(dst, a, b Tensor) { SubTo(dst, a, b, NewTeam(2)) }, func(i int) float64 { return p.v[i] - q.v[i] })
		check("mul", func(dst, a, b Tensor) { MulTo(dst, a, b, NewTeam(2)) }, func(i int) float64 { return p.v[i] * q.v[i] })
		check("scale", func(dst, a, b Tensor) { ScaleShift(dst, a, ka, kb, Act{Kind: actReLU}, NewTeam(2)) }, func(i int) float64 {
			return math.Max(0, p.v[i]*float64(ka[channel(i)])+float64(kb[channel(i)]))
		})
		check("combine", func(dst, a, b Tensor) { Combine(dst, a, b, ka, kb, kc, NewTeam(2)) }, func(i int) float64 {
			c := channel(i)
			return p.v[i]*float64(ka[c]) + q.v[i]*float64(kb[c]) + float64(kc[c])
		})
	})
}

func TestChannelDots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlain(t, false)
		q := p.like(rand.New(rand.NewPCG(2, 4)))
		wantSum, wantDot := make([]float64, p.c), make([]float64, p.c)
		for i, v := range p.v {
			c := i / (p.h * p.w) % p.c
			wantSum[c] += v
			wantDot[c] += v * q.v[i]
		}
		agree(t, "dots", func() []float32 {
			sum, dot := make([]float64, p.c), make([]float64, p.c)
			ChannelDots(p.blocked(1), q.blocked(0), sum, dot, NewTeam(2))
			var bits []float32
			for c := range sum {
				if math.Abs(sum[c]-wantSum[c]) > 1e-11 || math.Abs(dot[c]-wantDot[c]) > 1e-11 {
					t.Fatalf("channel %d: %v and %v, want %v and %v", c, sum[c], dot[c], wantSum[c], wantDot[c])
				}
				for _, v := range []float64{sum[c], dot[c]} {
					b := math.Float64bits(v)
					bits = append(bits, math.Float32frombits(uint32(b)&^(1<<30)), math.Float32frombits(uint32(b>>32)))
				}
			}
			return bits
		})
	})
}

func TestSoftmax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlain(t, false)
		want := newPlain(p.n, p.c, p.h, p.w)
		plane := p.h * p.w
		for i := range p.v {
			first := i/(p.c*plane)*p.c*plane + i%plane
			var sum float64
			for c := range p.c {
				sum += math.Exp(p.v[first+c*plane])
			}
			want.v[i] = math.Exp(p.v[i]) / sum
		}
		agree(t, "softmax", func() []float32 {
			dst := p.empty(1)
			Softmax(dst, p.blocked(0), NewTeam(2))
			compare(t, "softmax", dst, want, 1e-6)
			return dst.Data
		})
	})
}

func TestExpIsAccurate(t *testing.T) {
	for i := range 200001 {
		x := float32(-87 + float64(i)*175/200000)
		if got, want := float64(exp(x)), math.Exp(float64(x)); math.Abs(got/want-1) > 3e-7 {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
}
