package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"pgregory.net/rapid"
)

// drawWindow draws a pooling of p whose windows all touch a pixel, and the size of its result.
func drawWindow(t *rapid.T, p *plain) (w Window, oh, ow int) {
	dim := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	w = Window{KH: dim("kh", 1, 3), KW: dim("kw", 1, 3), SH: dim("sh", 1, 3), SW: dim("sw", 1, 3), DH: 1, DW: 1}
	w.PadT, w.PadL, w.PadB, w.PadR = dim("top", 0, w.KH-1), dim("left", 0, w.KW-1), dim("bottom", 0, w.KH-1), dim("right", 0, w.KW-1)
	if p.h > w.KH*2 && p.w > w.KW*2 && w.PadT+w.PadL+w.PadB+w.PadR == 0 {
		w.DH, w.DW = dim("dh", 1, 2), dim("dw", 1, 2)
	}
	w.CountPad = rapid.Bool().Draw(t, "count")
	ceil := rapid.Bool().Draw(t, "ceil")
	size := func(n, pad, before, k, stride, dilation int) int {
		room := n + pad - (k-1)*dilation - 1
		o := room/stride + 1
		if ceil && room%stride != 0 && o*stride < n+before {
			o++
		}
		return o
	}
	oh = size(p.h, w.PadT+w.PadB, w.PadT, w.KH, w.SH, w.DH)
	ow = size(p.w, w.PadL+w.PadR, w.PadL, w.KW, w.SW, w.DW)
	if oh < 1 || ow < 1 || p.h+w.PadT+w.PadB < (w.KH-1)*w.DH+1 || p.w+w.PadL+w.PadR < (w.KW-1)*w.DW+1 {
		t.Skip("window larger than the image")
	}
	return w, oh, ow
}

// oraclePool gives the maximum and the mean of each window, and their gradients for d.
func oraclePool(p, d *plain, w Window) (top, mean, topBack, meanBack *plain) {
	top, mean = newPlain(d.n, d.c, d.h, d.w), newPlain(d.n, d.c, d.h, d.w)
	topBack, meanBack = newPlain(p.n, p.c, p.h, p.w), newPlain(p.n, p.c, p.h, p.w)
	for i, g := range d.v {
		x, y, c, n := i%d.w, i/d.w%d.h, i/(d.w*d.h)%d.c, i/(d.w*d.h*d.c)
		best, sum, count := math.Inf(-1), 0.0, 0.0
		var winner *float64
		var taps []*float64
		for k := range w.KH * w.KW {
			sy, sx := y*w.SH+k/w.KW*w.DH-w.PadT, x*w.SW+k%w.KW*w.DW-w.PadL
			if !p.has(sy, sx) {
				if w.CountPad && sy < p.h+w.PadB && sx < p.w+w.PadR {
					count++
				}
				continue
			}
			v := *p.at(n, c, sy, sx)
			count++
			sum += v
			taps = append(taps, meanBack.at(n, c, sy, sx))
			if v > best {
				best, winner = v, topBack.at(n, c, sy, sx)
			}
		}
		top.v[i], mean.v[i] = best, sum/count
		*winner += g
		for _, m := range taps {
			*m += g / count
		}
	}
	return top, mean, topBack, meanBack
}

func TestPooling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlain(t, false)
		w, oh, ow := drawWindow(t, p)
		d := randomPlain(rand.New(rand.NewPCG(1, 1)), p.n, p.c, oh, ow)
		top, mean, topBack, meanBack := oraclePool(p, d, w)
		agree(t, fmt.Sprintf("%+v", w), func() []float32 {
			src, grad, dst, dst2, avg := p.blocked(1), d.blocked(0), d.empty(1), d.empty(0), d.empty(0)
			index := make([]uint8, IndexLen(dst))
			PoolMax(dst, src, w, index, NewTeam(2))
			PoolMax(dst2, src, w, nil, NewTeam(2))
			PoolAvg(avg, src, w, NewTeam(2))
			back, avgBack := p.blocked(1), p.blocked(0)
			PoolMaxBackward(back, grad, w, index, NewTeam(2))
			PoolAvgBackward(avgBack, grad, w, NewTeam(2))
			compare(t, "max", dst, top, 0)
			compare(t, "max without index", dst2, top, 0)
			compare(t, "mean", avg, mean, 1e-6)
			compare(t, "gradient of max", back, topBack, 1e-6)
			compare(t, "gradient of mean", avgBack, meanBack, 1e-6)
			return slices.Concat(dst.Data, avg.Data, back.Data, avgBack.Data)
		})
	})
}

func TestResizeAgreesAndIsAdjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlain(t, false)
		oh, ow := rapid.IntRange(1, 19).Draw(t, "oh"), rapid.IntRange(1, 30).Draw(t, "ow")
		mode := rapid.SampledFrom([]net.CoordMode{net.HalfPixel, net.PytorchHalfPixel, net.AlignCorners, net.Asymmetric}).Draw(t, "mode")
		round := rapid.SampledFrom([]net.RoundMode{net.RoundPreferFloor, net.RoundPreferCeil, net.Floor, net.Ceil}).Draw(t, "round")
		sy, sx := float64(oh)/float64(p.h), float64(ow)/float64(p.w)
		d := randomPlain(rand.New(rand.NewPCG(1, 1)), p.n, p.c, oh, ow)
		agree(t, fmt.Sprintf("%d×%d → %d×%d %v %v", p.h, p.w, oh, ow, mode, round), func() []float32 {
			src, grad, near, lin := p.blocked(0), d.blocked(1), d.empty(0), d.empty(1)
			ny, nx := NearestAxis(p.h, oh, sy, mode, round), NearestAxis(p.w, ow, sx, mode, round)
			ly, lx := LinearAxis(p.h, oh, sy, mode), LinearAxis(p.w, ow, sx, mode)
			ResizeNearest(near, src, ny, nx, NewTeam(2))
			ResizeLinear(lin, src, ly, lx, NewTeam(2))
			nearBack, linBack := p.blocked(0), p.blocked(1)
			ResizeNearestBackward(nearBack, grad, ny, nx, NewTeam(2))
			ResizeLinearBackward(linBack, grad, ly, lx, NewTeam(2))
			compare(t, "nearest", near, oracleResize(p, ny, nx, oh, ow), 0)
			compare(t, "linear", lin, oracleResize(p, ly, lx, oh, ow), 1e-6)
			adjoint(t, "nearest", near, grad, src, nearBack)
			adjoint(t, "linear", lin, grad, src, linBack)
			clean(t, "gradient", linBack)
			return slices.Concat(near.Data, lin.Data, nearBack.Data, linBack.Data)
		})
	})
}

func oracleResize(p *plain, y, x Axis, oh, ow int) *plain {
	out := newPlain(p.n, p.c, oh, ow)
	for i := range out.v {
		ox, oy, plane := i%ow, i/ow%oh, i/(ow*oh)
		at := func(y, x int) float64 { return p.v[(plane*p.h+y)*p.w+x] }
		out.v[i] = at(y.Lo[oy], x.Lo[ox])
		if y.Frac != nil {
			fy, fx := float64(y.Frac[oy]), float64(x.Frac[ox])
			top := at(y.Lo[oy], x.Lo[ox])*(1-fx) + at(y.Lo[oy], x.Hi[ox])*fx
			bottom := at(y.Hi[oy], x.Lo[ox])*(1-fx) + at(y.Hi[oy], x.Hi[ox])*fx
			out.v[i] = top*(1-fy) + bottom*fy
		}
	}
	return out
}

// adjoint checks that ⟨forward(src), d⟩ = ⟨src, backward(d)⟩.
func adjoint(t rapid.TB, what string, dst, d, src, dsrc Tensor) {
	t.Helper()
	dot := func(a, b Tensor) (total, size float64) {
		sum, dots := make([]float64, a.C), make([]float64, a.C)
		ChannelDots(a, b, sum, dots, nil)
		for _, v := range dots {
			total += v
			size += math.Abs(v)
		}
		return total, size
	}
	forward, size := dot(dst, d)
	backward, _ := dot(src, dsrc)
	if math.Abs(forward-backward) > 1e-4*(size+1) {
		t.Fatalf("%s: ⟨forward, d⟩ = %v but ⟨src, gradient⟩ = %v", what, forward, backward)
	}
}

func TestTransposedAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawExample(t)
		dual := e.s
		s := TransposeShape{
			In: dual.Out, Out: dual.In, KH: dual.KH, KW: dual.KW, SH: dual.SH, SW: dual.SW, DH: dual.DH, DW: dual.DW,
			PadT: dual.PadT, PadL: dual.PadL, PadB: dual.PadB, PadR: dual.PadR, Groups: dual.Groups,
			OutPadY: rapid.IntRange(0, dual.SH-1).Draw(t, "py"), OutPadX: rapid.IntRange(0, dual.SW-1).Draw(t, "px"),
		}
		oh, ow := s.OutSize(e.d.h, e.d.w)
		if oh < 1 || ow < 1 {
			t.Skip("padded away")
		}
		want := newPlain(e.d.n, s.Out, oh, ow)
		visit(dual, want, e.d, func(d *float64, k int, x *float64) { *x += *d * float64(e.w[k]) })
		bias := e.bias
		for len(bias) < s.Out {
			bias = append(bias, bias...)
		}
		act := drawAct(t)
		for i := range want.v {
			want.v[i] = oracleAct(act)(want.v[i] + float64(bias[i/(oh*ow)%s.Out]))
		}
		agree(t, fmt.Sprintf("%+v", s), func() []float32 {
			src, dst := e.d.blocked(e.border), empty(e.d.n, s.Out, oh, ow, 1)
			f := PackTranspose(s, e.w)
			f.Forward(dst, src, Epilogue{Bias: bias[:s.Out], Act: act}, Work{NewTeam(e.threads), noise(f.ScratchForward(dst, src, e.threads))})
			compare(t, fmt.Sprintf("%+v", s), dst, want, 2e-5)
			return dst.Data
		})
	})
}
