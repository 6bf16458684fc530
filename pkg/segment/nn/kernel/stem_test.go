package kernel

import (
	"image"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// TestStemIsItsConvolution compares bits, on every variant of the kernels: rows that are asked for give what an image gives.
func TestStemIsItsConvolution(t *testing.T) {
	defer func(v ISA) { Use(v) }(Variant())
	rapid.Check(t, func(t *rapid.T) {
		num := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		s := ConvShape{
			In: 3, Out: num("out", 1, 50), Groups: 1, KH: num("kh", 1, 5), KW: num("kw", 1, 5), SH: num("sh", 1, 3), SW: num("sw", 1, 3),
			DH: num("dh", 1, 2), DW: num("dw", 1, 2), PadT: num("top", 0, 3), PadL: num("left", 0, 3), PadB: num("bottom", 0, 3), PadR: num("right", 0, 3),
		}
		h, w, threads := num("h", 9, 40), num("w", 9, 40), num("threads", 1, 3)
		act := rapid.SampledFrom([]Act{{}, {Kind: actReLU}, {Kind: actHardSwish}, {Kind: actSigmoid}}).Draw(t, "act")
		for _, v := range Available() {
			if err := Use(v); err != nil {
				t.Fatal(err)
			}
			compareStem(t, s, h, w, threads, act)
		}
	})
}

// A kernel of another size than a stem's is for Forward.
func TestStems(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ConvShape)
		want   bool
	}{
		"3×3":           {func(*ConvShape) {}, true},
		"large":         {func(s *ConvShape) { s.KH, s.KW = 16, 16 }, true},
		"four channels": {func(s *ConvShape) { s.In = 4 }, false},
		"grouped":       {func(s *ConvShape) { s.Groups, s.Out = 3, 6 }, false},
		"too high":      {func(s *ConvShape) { s.KH = 17 }, false},
		"far apart":     {func(s *ConvShape) { s.DH = 8 }, false},
		"too wide":      {func(s *ConvShape) { s.KW = 100 }, false},
		"tiled":         {func(s *ConvShape) { s.Tile = 4 }, false},
	} {
		s := conv3(3, 16)
		c.change(&s)
		if got := Pack(s, make([]float32, s.Weights())).Stems(); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func compareStem(t *rapid.T, s ConvShape, h, w, threads int, act Act) {
	r := rand.New(rand.NewPCG(9, uint64(h*w)))
	f, p := Pack(s, randomFloats(r, s.Weights())), randomPlain(r, 1, 3, h, w)
	e := Epilogue{Bias: randomFloats(r, s.Out), Act: act}
	oh, ow := s.OutSize(h, w)
	want, got := empty(1, s.Out, oh, ow, 1), empty(1, s.Out, oh, ow, 1)
	src := p.blocked(0)
	f.Forward(want, src, e, Work{Scratch: noise(f.ScratchForward(want, src, 1))})
	team := NewTeam(threads)
	defer team.Close()
	flat := p.floats()
	f.ForwardRows(got, h, w, func(y int, red, green, blue []float32) {
		for c, row := range [][]float32{red, green, blue} {
			if copy(row, flat[(c*h+y)*w:][:w]); len(row) != w {
				panic("a row of another length")
			}
		}
	}, e, Work{team, noise(f.ScratchRows(got, h, w, threads))})
	sameBits(t, Variant().String()+": rows", got.Data, want.Data)
}

// TestEndingIsItsOperators compares bits: of any rectangle, what is done with its rows is what the operators make of the image.
func TestEndingIsItsOperators(t *testing.T) {
	defer func(v ISA) { Use(v) }(Variant())
	rapid.Check(t, func(t *rapid.T) {
		num := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		c, h, w, threads := num("channels", 1, Block), num("h", 1, 20), num("w", 1, 20), num("threads", 1, 3)
		r := rand.New(rand.NewPCG(11, uint64(h*w)))
		src := randomPlain(r, 1, c, h, w).blocked(0)
		end := Ending{Affine: rapid.Bool().Draw(t, "affine"), Softmax: rapid.Bool().Draw(t, "softmax")}
		if end.Affine {
			end.Scale, end.Shift = randomFloats(r, c), randomFloats(r, c)
		}
		if rapid.Bool().Draw(t, "resize") {
			oh, ow := num("rows", 1, 50), num("columns", 1, 50)
			end.Y, end.X = LinearAxis(h, oh, float64(oh)/float64(h), net.HalfPixel), LinearAxis(w, ow, float64(ow)/float64(w), net.HalfPixel)
			h, w = oh, ow
		}
		x, y := num("left", 0, w-1), num("top", 0, h-1)
		rect := image.Rect(x, y, num("right", x+1, w), num("bottom", y+1, h))
		for _, v := range Available() {
			if err := Use(v); err != nil {
				t.Fatal(err)
			}
			compareEnding(t, src, end, rect, threads)
		}
	})
}

func compareEnding(t *rapid.T, src Tensor, end Ending, rect image.Rectangle, threads int) {
	whole := src
	if len(end.Y.Lo) > 0 {
		whole = empty(1, src.C, len(end.Y.Lo), len(end.X.Lo), 0)
		ResizeLinear(whole, src, end.Y, end.X, nil)
	}
	done := empty(1, src.C, whole.H, whole.W, 0)
	AddTo(done, done, whole, nil)
	if end.Affine {
		ScaleShift(done, done, end.Scale, end.Shift, Act{}, nil)
	}
	if end.Softmax {
		Softmax(done, done, nil)
	}
	want := make([]float32, src.C*done.H*done.W)
	ToNCHW(want, done, nil)
	team := NewTeam(threads)
	defer team.Close()
	got, seen := make([]float32, src.C*rect.Dx()*rect.Dy()), new(atomic.Int64)
	keep := make([]func(int, []float32), src.C)
	place := func(c, y int) []float32 { return got[(c*rect.Dy()+y-rect.Min.Y)*rect.Dx():][:rect.Dx()] }
	for c := range keep {
		keep[c] = func(y int, row []float32) {
			copy(place(c, y), row)
			seen.Add(int64(len(row)))
		}
	}
	Rows(src, end, rect, keep, team)
	if int(seen.Load()) != len(got) {
		t.Fatalf("%d pixels, want %d", seen.Load(), len(got))
	}
	for c := range keep {
		for y := rect.Min.Y; y < rect.Max.Y; y++ {
			sameBits(t, Variant().String()+": row", place(c, y), want[(c*done.H+y)*done.W+rect.Min.X:][:rect.Dx()])
		}
	}
}
