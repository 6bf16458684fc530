package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// onAll runs a test with every variant of this processor and restores the choice.
func onAll(t *testing.T, f func(t *testing.T)) {
	before := Variant()
	defer Use(before)
	for _, v := range Available() {
		if err := Use(v); err != nil {
			t.Fatal(err)
		}
		t.Run(v.String(), f)
	}
}

// drawShape draws a convolution and an image that it fits.
func drawShape(t *rapid.T) (s ConvShape, h, w int) {
	dim := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	s = ConvShape{KH: dim("kh", 1, 4), KW: dim("kw", 1, 4), SH: dim("sh", 1, 3), SW: dim("sw", 1, 4), DH: dim("dh", 1, 3), DW: dim("dw", 1, 2)}
	s.PadT, s.PadL, s.PadB, s.PadR = dim("top", 0, 3), dim("left", 0, 3), dim("bottom", 0, 3), dim("right", 0, 3)
	switch rapid.SampledFrom([]string{"dense", "grouped", "depthwise"}).Draw(t, "kind") {
	case "dense":
		s.In, s.Out, s.Groups = dim("in", 1, 40), dim("out", 1, 70), 1
	case "grouped":
		s.Groups = dim("groups", 2, 6)
		s.In, s.Out = s.Groups*dim("in", 1, 10), s.Groups*dim("out", 1, 10)
	case "depthwise":
		c := dim("channels", 2, 40)
		s.In, s.Out, s.Groups = c, c, c
	}
	if s.Groups == 1 && rapid.Bool().Draw(t, "tiles") {
		s.KH, s.KW, s.SH, s.SW, s.DH, s.DW = 3, 3, 1, 1, 1, 1
		s.Tile = rapid.SampledFrom([]int{2, 4}).Draw(t, "tile")
	}
	h = dim("h", max(1, (s.KH-1)*s.DH+1-s.PadT-s.PadB), 14)
	w = dim("w", max(1, (s.KW-1)*s.DW+1-s.PadL-s.PadR), 34)
	return s, h, w
}

// tolerance is the error allowed for an algorithm, relative to the greatest result.
func (e *example) tolerance() float64 {
	if e.s.Tile == 4 {
		return 4e-5
	}
	return 1e-5
}

type example struct {
	s             ConvShape
	src, d        *plain
	w, bias       []float32
	border        int
	threads       int
	dst, add, ref Tensor
}

func drawExample(t *rapid.T) *example {
	s, h, w := drawShape(t)
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	n := rapid.IntRange(1, 2).Draw(t, "images")
	oh, ow := s.OutSize(h, w)
	return &example{
		s: s, src: randomPlain(r, n, s.In, h, w), d: randomPlain(r, n, s.Out, oh, ow),
		w: randomFloats(r, s.Weights()), bias: randomFloats(r, s.Out),
		border: rapid.IntRange(0, 3).Draw(t, "border"), threads: rapid.IntRange(1, 3).Draw(t, "threads"),
	}
}

// noise is scratch that holds rubbish.
func noise(n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(i%7) - 3.5
	}
	return s
}

func TestForwardAgainstOracle(t *testing.T) {
	onAll(t, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			e := drawExample(rt)
			src := e.src.blocked(e.border)
			dst := empty(e.d.n, e.s.Out, e.d.h, e.d.w, e.border)
			f := Pack(e.s, e.w)
			f.Forward(dst, src, Epilogue{Bias: e.bias}, Work{NewTeam(e.threads), noise(f.ScratchForward(dst, src, e.threads))})
			compare(rt, fmt.Sprintf("%+v", e.s), dst, convolve(e.s, e.src, e.w, e.bias), e.tolerance())
		})
	})
}

func TestBackwardAgainstOracle(t *testing.T) {
	onAll(t, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			e := drawExample(rt)
			src, d := e.src.blocked(e.border), e.d.blocked(e.border)
			wantSrc, wantW, wantB := newPlain(e.src.n, e.src.c, e.src.h, e.src.w), make([]float64, len(e.w)), make([]float64, e.s.Out)
			visit(e.s, wantSrc, e.d, func(d *float64, k int, x *float64) { *x += *d * float64(e.w[k]) })
			visit(e.s, e.src, e.d, func(d *float64, k int, x *float64) { wantW[k] += *d * *x })
			for i, v := range e.d.v {
				wantB[i/(e.d.h*e.d.w)%e.s.Out] += v
			}
			dsrc := empty(e.src.n, e.src.c, e.src.h, e.src.w, e.border)
			b := PackBackward(e.s, e.w)
			b.BackwardData(dsrc, d, Work{NewTeam(e.threads), noise(b.Scratch(dsrc, d, e.threads))})
			compare(rt, fmt.Sprintf("by data %+v", e.s), dsrc, wantSrc, e.tolerance())
			dw, db := make([]float32, len(e.w)), make([]float32, e.s.Out)
			BackwardWeights(e.s, dw, db, src, d, Work{NewTeam(e.threads), noise(ScratchBackwardWeights(e.s, src, d, e.threads))})
			compareFloats(rt, fmt.Sprintf("by weights %+v", e.s), dw, wantW, 1e-5)
			compareFloats(rt, fmt.Sprintf("by bias %+v", e.s), db, wantB, 1e-5)
		})
	})
}

// results computes forward, residual, activation and both gradients, as one slice of bits.
func (e *example) results(act Act) []float32 {
	src, d := e.src.blocked(e.border), e.d.blocked(e.border)
	dst, dsrc := empty(e.d.n, e.s.Out, e.d.h, e.d.w, 0), empty(e.src.n, e.src.c, e.src.h, e.src.w, 0)
	f, b := Pack(e.s, e.w), PackBackward(e.s, e.w)
	f.Forward(dst, src, Epilogue{e.bias, &d, act}, Work{NewTeam(e.threads), noise(f.ScratchForward(dst, src, e.threads))})
	b.BackwardData(dsrc, d, Work{NewTeam(e.threads), noise(b.Scratch(dsrc, d, e.threads))})
	dw, db := make([]float32, len(e.w)), make([]float32, e.s.Out)
	BackwardWeights(e.s, dw, db, src, d, Work{NewTeam(e.threads), noise(ScratchBackwardWeights(e.s, src, d, e.threads))})
	return slices.Concat(dst.Data, dsrc.Data, dw, db)
}

func TestConvolutionsAgreeToTheBit(t *testing.T) {
	defer Use(Variant())
	rapid.Check(t, func(rt *rapid.T) {
		e := drawExample(rt)
		act := drawAct(rt)
		Use(Generic)
		want := e.results(act)
		for _, v := range Available()[1:] {
			Use(v)
			e.threads = 3 - e.threads%3
			sameBits(rt, fmt.Sprintf("%s %+v %+v", v, e.s, act), e.results(act), want)
		}
	})
}
