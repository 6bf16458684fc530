package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// chainCase is a chain with its input, as a property test draws it.
type chainCase struct {
	widen, depth, narrow ConvShape
	widened, residual    bool
	n, h, w, threads     int
	acts                 [3]Act
}

func pointwiseShape(in, out int) ConvShape {
	return ConvShape{In: in, Out: out, KH: 1, KW: 1, SH: 1, SW: 1, DH: 1, DW: 1, Groups: 1}
}

func drawChain(t *rapid.T) chainCase {
	num := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	in, mid, out := num("in", 1, 40), num("mid", 2, 70), num("out", 1, 40)
	c := chainCase{
		widen: pointwiseShape(in, mid), narrow: pointwiseShape(mid, out),
		depth: ConvShape{
			In: mid, Out: mid, Groups: mid, KH: num("kh", 1, 4), KW: num("kw", 1, 4), SH: num("sh", 1, 3), SW: num("sw", 1, 3),
			DH: num("dh", 1, 2), DW: num("dw", 1, 2), PadT: num("top", 0, 3), PadL: num("left", 0, 3), PadB: num("bottom", 0, 3), PadR: num("right", 0, 3),
		},
		widened: rapid.Bool().Draw(t, "widened"), residual: rapid.Bool().Draw(t, "residual"),
		n: num("n", 1, 2), h: num("h", 8, 30), w: num("w", 8, 40), threads: num("threads", 1, 3),
	}
	kinds := []Act{{}, {Kind: actReLU}, {Kind: actClip, Beta: 6}, {Kind: actHardSwish}, {Kind: actSigmoid}}
	for i := range c.acts {
		c.acts[i] = rapid.SampledFrom(kinds).Draw(t, "act")
	}
	return c
}

// TestChainIsItsConvolutionsOneByOne compares bits, on every variant of the kernels.
func TestChainIsItsConvolutionsOneByOne(t *testing.T) {
	defer func(v ISA) { Use(v) }(Variant())
	rapid.Check(t, func(t *rapid.T) {
		c := drawChain(t)
		for _, v := range Available() {
			if err := Use(v); err != nil {
				t.Fatal(err)
			}
			c.compare(t)
		}
	})
}

func (c chainCase) compare(t *rapid.T) {
	r := rand.New(rand.NewPCG(7, uint64(c.h*c.w)))
	random := func(f int) []float32 { return randomFloats(r, f) }
	depth, narrow := Pack(c.depth, random(c.depth.Weights())), Pack(c.narrow, random(c.narrow.Weights()))
	e := ChainEpilogues{Depth: Epilogue{Bias: random(c.depth.Out), Act: c.acts[1]}, Narrow: Epilogue{Act: c.acts[2]}}
	var widen *Filter
	in := c.depth.In
	if c.widened {
		widen, in = Pack(c.widen, random(c.widen.Weights())), c.widen.In
		e.Widen = Epilogue{Bias: random(c.depth.In), Act: c.acts[0]}
	}
	oh, ow := c.depth.OutSize(c.h, c.w)
	src := randomPlain(r, c.n, in, c.h, c.w).blocked(3)
	if c.residual {
		add := randomPlain(r, c.n, c.narrow.Out, oh, ow).blocked(1)
		e.Narrow.Add = &add
	}
	want, got := empty(c.n, c.narrow.Out, oh, ow, 0), empty(c.n, c.narrow.Out, oh, ow, 2)
	mid, thin := src, empty(c.n, c.depth.Out, oh, ow, 0)
	if c.widened {
		mid = empty(c.n, c.depth.In, c.h, c.w, 3)
		widen.Forward(mid, src, e.Widen, Work{})
	}
	depth.Forward(thin, mid, e.Depth, Work{Scratch: noise(depth.ScratchForward(thin, mid, 1))})
	narrow.Forward(want, thin, e.Narrow, Work{})
	chain, ok := NewChain(widen, depth, narrow)
	if !ok {
		t.Fatal("these convolutions are a chain")
	}
	team := NewTeam(c.threads)
	defer team.Close()
	chain.Forward(got, src, e, Work{team, noise(chain.Scratch(got, src, c.threads))})
	a, b := make([]float32, c.n*c.narrow.Out*oh*ow), make([]float32, c.n*c.narrow.Out*oh*ow)
	ToNCHW(a, want, nil)
	ToNCHW(b, got, nil)
	if !slices.Equal(a, b) {
		t.Fatalf("%v: a chain gives other bits than its convolutions", Variant())
	}
}

func TestNewChainRefuses(t *testing.T) {
	filter := func(s ConvShape) *Filter { return Pack(s, make([]float32, s.Weights())) }
	depth, one := conv3(32, 32), pointwiseShape(32, 16)
	depth.Groups = 32
	if _, ok := NewChain(nil, filter(depth), filter(one)); !ok {
		t.Error("a depthwise and a pointwise convolution were refused")
	}
	for name, c := range map[string][3]*Filter{
		"not depthwise":       {nil, filter(conv3(32, 32)), filter(one)},
		"not pointwise":       {nil, filter(depth), filter(conv3(32, 16))},
		"other channels":      {nil, filter(depth), filter(pointwiseShape(16, 16))},
		"widens too little":   {filter(pointwiseShape(8, 16)), filter(depth), filter(one)},
		"widens by more taps": {filter(conv3(8, 32)), filter(depth), filter(one)},
	} {
		if _, ok := NewChain(c[0], c[1], c[2]); ok {
			t.Errorf("%s: taken", name)
		}
	}
}
