package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// unetLayers are 3×3 layers of U-Nets at 512×512: channels in and out and the size.
var unetLayers = []struct{ in, out, size int }{
	{3, 16, 512}, {16, 16, 512}, {32, 16, 512}, {32, 32, 256}, {64, 32, 256}, {64, 64, 128}, {128, 128, 64}, {256, 256, 32}, {512, 512, 16},
}

func conv3(in, out int) ConvShape {
	return ConvShape{In: in, Out: out, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1, Groups: 1}
}

type benchCase struct {
	name string
	s    ConvShape
	size int
}

func benchCases() (all []benchCase) {
	for _, l := range unetLayers {
		all = append(all, benchCase{fmt.Sprintf("3x3-%d-%d@%d", l.in, l.out, l.size), conv3(l.in, l.out), l.size})
	}
	one := conv3(64, 128)
	one.KH, one.KW, one.PadT, one.PadL, one.PadB, one.PadR = 1, 1, 0, 0, 0, 0
	all = append(all, benchCase{"1x1-64-128@128", one, 128})
	last := one
	last.In, last.Out = 16, 1
	all = append(all, benchCase{"1x1-16-1@512", last, 512})
	strided := conv3(64, 64)
	strided.SH, strided.SW = 2, 2
	all = append(all, benchCase{"3x3s2-64-64@128", strided, 128})
	depth := conv3(96, 96)
	depth.Groups = 96
	all = append(all, benchCase{"depthwise-96@128", depth, 128})
	return all
}

func (c benchCase) tensors() (src, dst Tensor) {
	r := rand.New(rand.NewPCG(1, 2))
	oh, ow := c.s.OutSize(c.size, c.size)
	src, dst = empty(1, c.s.In, c.size, c.size, 1), empty(1, c.s.Out, oh, ow, 1)
	FromNCHW(src, randomFloats(r, c.s.In*c.size*c.size), nil)
	return src, dst
}

// run times a pass of so many operations and reports the mean rate, and the best one, which a busy
// machine disturbs least.
func run(b *testing.B, flops int64, pass func()) {
	b.ReportAllocs()
	best := time.Duration(1<<63 - 1)
	for b.Loop() {
		start := time.Now()
		pass()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(float64(flops)/best.Seconds()/1e9, "best-GFLOP/s")
}

func BenchmarkForward(b *testing.B) {
	for _, c := range benchCases() {
		for _, tile := range []int{0, 2, 4} {
			if tile > 0 && c.s.Fast(tile).Tile == 0 {
				continue
			}
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/tile=%d/threads=%d", c.name, tile, threads), func(b *testing.B) {
					c.s.Tile = tile
					benchForward(b, c, threads)
				})
			}
		}
	}
}

func benchForward(b *testing.B, c benchCase, threads int) {
	src, dst := c.tensors()
	f := Pack(c.s, make([]float32, c.s.Weights()))
	e := Epilogue{Bias: make([]float32, c.s.Out), Act: Act{Kind: actReLU}}
	w := Work{Team: NewTeam(threads), Scratch: make([]float32, f.ScratchForward(dst, src, threads))}
	run(b, c.s.FLOPs(c.size, c.size), func() { f.Forward(dst, src, e, w) })
}

func BenchmarkBackwardData(b *testing.B) {
	for _, c := range benchCases() {
		b.Run(c.name, func(b *testing.B) {
			src, dst := c.tensors()
			f := PackBackward(c.s, make([]float32, c.s.Weights()))
			scratch := make([]float32, f.Scratch(src, dst, 1))
			run(b, c.s.FLOPs(c.size, c.size), func() { f.BackwardData(src, dst, Work{Scratch: scratch}) })
		})
	}
}

func BenchmarkBackwardWeights(b *testing.B) {
	for _, c := range benchCases() {
		b.Run(c.name, func(b *testing.B) {
			src, dst := c.tensors()
			g := NewGradient(c.s)
			dw := make([]float32, c.s.Weights())
			scratch := make([]float32, g.Scratch(src, dst, 1))
			run(b, c.s.FLOPs(c.size, c.size), func() { g.Backward(dw, nil, src, dst, Work{Scratch: scratch}) })
		})
	}
}

// BenchmarkTransposed is the 2×2 up-convolution of U-Nets.
func BenchmarkTransposed(b *testing.B) {
	for _, l := range []struct{ in, out, size int }{{32, 16, 256}, {64, 32, 128}, {128, 64, 64}, {256, 128, 32}} {
		b.Run(fmt.Sprintf("%d-%d@%d", l.in, l.out, l.size), func(b *testing.B) {
			s := TransposeShape{In: l.in, Out: l.out, KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1, Groups: 1}
			src, dst := empty(1, l.in, l.size, l.size, 1), empty(1, l.out, 2*l.size, 2*l.size, 1)
			f := PackTranspose(s, make([]float32, l.in*l.out*4))
			run(b, s.FLOPs(l.size, l.size), func() { f.Forward(dst, src, Epilogue{}, Work{}) })
		})
	}
}

// BenchmarkPointwise passes over 16 channels of 512×512.
func BenchmarkPointwise(b *testing.B) {
	src, dst, half := empty(1, 16, 512, 512, 1), empty(1, 16, 512, 512, 1), empty(1, 16, 256, 256, 1)
	index, sums, flat := make([]uint8, IndexLen(half)), make([]float64, 16), make([]float32, 16*512*512)
	pair := Window{KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1}
	near, linear := NearestAxis(256, 512, 2, 0, 0), LinearAxis(256, 512, 2, 0)
	for _, c := range []struct {
		name string
		pass func()
	}{
		{"pool", func() { PoolMax(half, src, pair, nil, nil) }},
		{"pool-index", func() { PoolMax(half, src, pair, index, nil) }},
		{"pool-backward", func() { PoolMaxBackward(src, half, pair, index, nil) }},
		{"relu", func() { Activate(dst, src, Act{Kind: actReLU}, nil) }},
		{"sigmoid", func() { Activate(dst, src, Act{Kind: actSigmoid}, nil) }},
		{"softmax", func() { Softmax(dst, src, nil) }},
		{"add", func() { AddTo(dst, src, dst, nil) }},
		{"sums", func() { ChannelSums(src, sums, sums, nil) }},
		{"nearest", func() { ResizeNearest(dst, half, near, near, nil) }},
		{"linear", func() { ResizeLinear(dst, half, linear, linear, nil) }},
		{"linear-backward", func() { ResizeLinearBackward(half, dst, linear, linear, nil) }},
		{"from-nchw", func() { FromNCHW(src, flat, nil) }},
		{"to-nchw", func() { ToNCHW(flat, src, nil) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(512 * 512 * pixelBytes)
			for b.Loop() {
				c.pass()
			}
		})
	}
}

const pixelBytes = 4 * Block

func BenchmarkPeak(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(PeakGFLOPS(1), "GFLOP/s")
	}
}
