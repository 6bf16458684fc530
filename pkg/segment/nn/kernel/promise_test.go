package kernel

import (
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// crop is the view of a part of a tensor.
func crop(t Tensor, y, x, h, w int) Tensor {
	t.Off += y*t.RowStride + x*Block
	t.H, t.W, t.Border = h, w, 0
	return t
}

// TestPositionLeavesNoTrace computes a convolution on a whole image and on a piece of it that begins
// anywhere the alignment allows: the results that see no edge of the piece have the same bits.
func TestPositionLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := conv3(rapid.IntRange(1, 20).Draw(t, "in"), rapid.IntRange(1, 40).Draw(t, "out"))
		s.Tile = rapid.SampledFrom([]int{0, 2, 4}).Draw(t, "tile")
		a := s.Align()
		h, w := a*rapid.IntRange(3, 6).Draw(t, "h"), a*rapid.IntRange(3, 9).Draw(t, "w")
		y, x := a*rapid.IntRange(0, h/a-3).Draw(t, "y"), a*rapid.IntRange(0, w/a-3).Draw(t, "x")
		ph, pw := a*rapid.IntRange(3, (h-y)/a).Draw(t, "ph"), a*rapid.IntRange(3, (w-x)/a).Draw(t, "pw")
		r := rand.New(rand.NewPCG(1, uint64(h*w+y)))
		src := randomPlain(r, 1, s.In, h, w).blocked(1)
		piece := empty(1, s.In, ph, pw, 1)
		Activate(piece, crop(src, y, x, ph, pw), Act{}, nil)
		f := Pack(s, randomFloats(r, s.Weights()))
		whole, part := empty(1, s.Out, h, w, 0), empty(1, s.Out, ph, pw, 0)
		f.Forward(whole, src, Epilogue{}, Work{NewTeam(2), noise(f.ScratchForward(whole, src, 2))})
		f.Forward(part, piece, Epilogue{}, Work{nil, noise(f.ScratchForward(part, piece, 1))})
		want, got := make([]float32, (ph-2*a)*(pw-2*a)*s.Out), make([]float32, (ph-2*a)*(pw-2*a)*s.Out)
		ToNCHW(want, crop(whole, y+a, x+a, ph-2*a, pw-2*a), nil)
		ToNCHW(got, crop(part, a, a, ph-2*a, pw-2*a), nil)
		sameBits(t, fmt.Sprintf("%+v at %d,%d", s, y, x), got, want)
	})
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tile := range []int{0, 4} {
		s := conv3(32, 48)
		s.Tile = tile
		src, dst := empty(1, 32, 20, 20, 1), empty(1, 48, 20, 20, 1)
		weights := randomFloats(r, s.Weights())
		f, b, g := Pack(s, weights), PackBackward(s, weights), NewGradient(s)
		half, index := empty(1, 32, 10, 10, 1), make([]uint8, IndexLen(empty(1, 32, 10, 10, 0)))
		pair := Window{KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1}
		y := NearestAxis(10, 20, 2, 0, 0)
		flat, sums := make([]float32, 32*400), make([]float64, 32)
		for threads := 1; threads <= 2; threads++ {
			team := NewTeam(threads)
			defer team.Close()
			w := Work{team, make([]float32, max(f.ScratchForward(dst, src, threads), b.Scratch(src, dst, threads), g.Scratch(src, dst, threads)))}
			e := Epilogue{Bias: make([]float32, 48), Add: &dst, Act: Act{Kind: actSigmoid}}
			picture, fill := empty(1, 3, 20, 20, 1), func(_ int, _, _, blue []float32) { clear(blue) }
			end, first := LinearAxis(20, 40, 2, net.HalfPixel), empty(1, 32, 20, 20, 0)
			stem := Pack(conv3(3, 32), make([]float32, 3*32*9))
			w.Scratch = make([]float32, max(len(w.Scratch), stem.ScratchRows(first, 20, 20, threads)))
			keep := []func(int, []float32){nil, func(int, []float32) {}, nil}
			pass := func() {
				FromNCHW(src, flat, team)
				f.Forward(dst, src, e, w)
				b.BackwardData(src, dst, w)
				g.Backward(weights, e.Bias, src, dst, w)
				PoolMax(half, src, pair, index, team)
				ResizeNearest(src, half, y, y, team)
				AddTo(src, src, src, team)
				ScaleShift(src, src, flat[:32], nil, Act{Kind: actReLU}, team)
				ChannelSums(src, sums, sums, team)
				Softmax(src, src, team)
				ToNCHW(flat, src, team)
				Fill(picture, fill, team)
				Rows(picture, Ending{}, image.Rect(1, 1, 19, 19), keep, team)
				Rows(picture, Ending{Y: end, X: end, Affine: true, Softmax: true}, image.Rect(1, 1, 39, 39), keep, team)
				stem.ForwardRows(first, 20, 20, fill, Epilogue{}, w)
			}
			pass()
			if n := testing.AllocsPerRun(20, pass); n >= 1 && !raceEnabled {
				t.Errorf("tile %d, %d threads: %v allocations in a pass", tile, threads, n)
			}
		}
	}
}

func TestPlainRoundTripAndBorder(t *testing.T) {
	p := randomPlain(rand.New(rand.NewPCG(5, 6)), 2, 19, 5, 7)
	b := p.blocked(2)
	back := make([]float32, len(p.v))
	ToNCHW(back, b, NewTeam(2))
	if !slices.Equal(back, p.floats()) {
		t.Error("blocked and back is not the same")
	}
	dirty := New(noise(Floats(2, 19, 5, 7, 2)), 2, 19, 5, 7, 2)
	FromNCHW(dirty, p.floats(), nil)
	ClearBorder(dirty)
	if !slices.Equal(dirty.Data, b.Data) {
		t.Error("ClearBorder and FromNCHW leave rubbish")
	}
}

// TestRowsAreThePlanes: filled row by row an image is what it is from planes, and its rows are those of its planes.
func TestRowsAreThePlanes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 8))
	for threads := 1; threads <= 2; threads++ {
		team := NewTeam(threads)
		defer team.Close()
		p := randomPlain(r, 1, 3, 9, 7)
		dst, flat := New(noise(Floats(1, 3, 9, 7, 2)), 1, 3, 9, 7, 2), p.floats()
		Fill(dst, func(y int, red, green, blue []float32) {
			for c, row := range [][]float32{red, green, blue} {
				if n := copy(row, flat[c*63+y*7:][:7]); n != len(row) {
					t.Errorf("a row of %d pixels", len(row))
				}
			}
		}, team)
		ClearBorder(dst)
		sameBits(t, "filled by rows", dst.Data, p.blocked(2).Data)

		many := randomPlain(r, 1, 19, 5, 7)
		flat, got := many.floats(), make([]float32, 2*3*4)
		keep := make([]func(int, []float32), 19)
		for i, c := range []int{2, 17} {
			keep[c] = func(y int, row []float32) { copy(got[i*12+(y-1)*4:][:4], row) }
		}
		Rows(many.blocked(1), Ending{}, image.Rect(2, 1, 6, 4), keep, team)
		var want []float32
		for _, c := range []int{2, 17} {
			for y := 1; y < 4; y++ {
				want = append(want, flat[(c*5+y)*7+2:][:4]...)
			}
		}
		sameBits(t, "rows of channels", got, want)
	}
}

func TestChannelsViewSharesMemory(t *testing.T) {
	p := randomPlain(rand.New(rand.NewPCG(5, 6)), 1, 48, 4, 4)
	s := conv3(16, 20)
	f := Pack(s, randomFloats(rand.New(rand.NewPCG(7, 8)), s.Weights()))
	all := p.blocked(1)
	middle := &plain{1, 16, 4, 4, p.v[16*16 : 32*16]}
	got, want := empty(1, 20, 4, 4, 0), empty(1, 20, 4, 4, 0)
	f.Forward(got, all.Channels(16, 16), Epilogue{}, Work{})
	f.Forward(want, middle.blocked(1), Epilogue{}, Work{})
	sameBits(t, "view of channels", got.Data, want.Data)
}

func TestBrokenInvariantsPanic(t *testing.T) {
	s := conv3(4, 4)
	f := Pack(s, make([]float32, s.Weights()))
	good := func() Tensor { return empty(1, 4, 8, 8, 1) }
	short := good()
	short.Data = short.Data[:len(short.Data)-1]
	for name, do := range map[string]func(){
		"data too short":  func() { f.Forward(good(), short, Epilogue{}, Work{}) },
		"wrong size":      func() { f.Forward(empty(1, 4, 7, 8, 1), good(), Epilogue{}, Work{}) },
		"wrong channels":  func() { f.Forward(good(), empty(1, 5, 8, 8, 1), Epilogue{}, Work{}) },
		"missing scratch": func() { f.Forward(good(), empty(1, 4, 8, 8, 0), Epilogue{}, Work{}) },
		"bias of 3":       func() { f.Forward(good(), good(), Epilogue{Bias: make([]float32, 3)}, Work{}) },
		"other images":    func() { AddTo(good(), good(), empty(2, 4, 8, 8, 1), nil) },
		"weights":         func() { f.Repack(make([]float32, 5)) },
		"axis out of rows": func() {
			ResizeNearest(good(), good(), Axis{Lo: make([]int, 8)}, Axis{Lo: []int{0, 1, 2, 3, 4, 5, 6, 8}}, nil)
		},
		"empty window": func() { PoolMax(empty(1, 4, 9, 8, 0), good(), unit, nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if msg, _ := recover().(string); !strings.HasPrefix(msg, "kernel: ") {
					t.Errorf("recovered %q, want a panic of this package", msg)
				}
			}()
			do()
		})
	}
}

func TestValidateRejects(t *testing.T) {
	good := conv3(4, 4)
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *ConvShape){
		"no channels":    func(s *ConvShape) { s.In = 0 },
		"stride 0":       func(s *ConvShape) { s.SW = 0 },
		"negative pad":   func(s *ConvShape) { s.PadL = -1 },
		"huge kernel":    func(s *ConvShape) { s.KH = 1 << 40 },
		"too many taps":  func(s *ConvShape) { s.KH, s.KW = 1<<19, 1<<19 },
		"huge stride":    func(s *ConvShape) { s.SH, s.SW = 1<<19, 1<<19 },
		"odd groups":     func(s *ConvShape) { s.Groups = 3 },
		"tile of 3":      func(s *ConvShape) { s.Tile = 3 },
		"tile of stride": func(s *ConvShape) { s.Tile, s.SH = 4, 2 },
	} {
		s := good
		if change(&s); s.Validate() == nil {
			t.Errorf("%s: %+v passes", name, s)
		}
	}
}

func TestVariantsByName(t *testing.T) {
	defer Use(Variant())
	for _, v := range Available() {
		got, err := ParseISA(v.String())
		if err != nil || got != v {
			t.Errorf("ParseISA(%q) = %v, %v", v, got, err)
		}
		if err := Use(v); err != nil || Variant() != v {
			t.Errorf("Use(%v): %v, then %v", v, err, Variant())
		}
	}
	if _, err := ParseISA("sse"); err == nil {
		t.Error("sse is no kernel")
	}
	if Use(ISA(7)) == nil {
		t.Error("no processor offers variant 7")
	}
}
