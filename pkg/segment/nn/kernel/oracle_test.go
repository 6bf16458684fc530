package kernel

import (
	"math"
	"math/rand/v2"

	"pgregory.net/rapid"
)

// plain is a dense (N, C, H, W) tensor of the oracle, which computes in float64 and in the plainest way.
type plain struct {
	n, c, h, w int
	v          []float64
}

func newPlain(n, c, h, w int) *plain { return &plain{n, c, h, w, make([]float64, n*c*h*w)} }

func randomPlain(r *rand.Rand, n, c, h, w int) *plain {
	p := newPlain(n, c, h, w)
	for i := range p.v {
		p.v[i] = float64(float32(r.NormFloat64()))
	}
	return p
}

func (p *plain) at(n, c, y, x int) *float64 { return &p.v[((n*p.c+c)*p.h+y)*p.w+x] }

func (p *plain) has(y, x int) bool { return y >= 0 && y < p.h && x >= 0 && x < p.w }

func (p *plain) floats() []float32 {
	v := make([]float32, len(p.v))
	for i := range v {
		v[i] = float32(p.v[i])
	}
	return v
}

// blocked gives the tensor in blocked layout with a border.
func (p *plain) blocked(border int) Tensor {
	t := New(make([]float32, Floats(p.n, p.c, p.h, p.w, border)), p.n, p.c, p.h, p.w, border)
	FromNCHW(t, p.floats(), nil)
	return t
}

func empty(n, c, h, w, border int) Tensor {
	return New(make([]float32, Floats(n, c, h, w, border)), n, c, h, w, border)
}

// visit calls f for each product of a convolution: output, weight and input index.
func visit(s ConvShape, src, dst *plain, f func(dst *float64, weight int, src *float64)) {
	ipg, opg := s.In/s.Groups, s.Out/s.Groups
	for n := range dst.n {
		for o := range s.Out {
			for i := range ipg {
				for k := range s.KH * s.KW {
					for y := range dst.h {
						for x := range dst.w {
							sy, sx := y*s.SH+k/s.KW*s.DH-s.PadT, x*s.SW+k%s.KW*s.DW-s.PadL
							if src.has(sy, sx) {
								f(dst.at(n, o, y, x), (o*ipg+i)*s.KH*s.KW+k, src.at(n, o/opg*ipg+i, sy, sx))
							}
						}
					}
				}
			}
		}
	}
}

func convolve(s ConvShape, src *plain, w, bias []float32) *plain {
	oh, ow := s.OutSize(src.h, src.w)
	dst := newPlain(src.n, s.Out, oh, ow)
	visit(s, src, dst, func(d *float64, k int, x *float64) { *d += float64(w[k]) * *x })
	for i := range dst.v {
		if bias != nil {
			dst.v[i] += float64(bias[i/(oh*ow)%s.Out])
		}
	}
	return dst
}

func randomFloats(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// compare checks a result against the oracle, relative to the greatest magnitude of the oracle.
func compare(t rapid.TB, what string, got Tensor, want *plain, tolerance float64) {
	t.Helper()
	flat := make([]float32, len(want.v))
	ToNCHW(flat, got, nil)
	compareFloats(t, what, flat, want.v, tolerance)
	clean(t, what, got)
}

func compareFloats(t rapid.TB, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	top := 1.0
	for _, v := range want {
		top = math.Max(top, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= tolerance*top) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], v)
		}
	}
}

// clean checks that empty lanes and the border are zero.
func clean(t rapid.TB, what string, got Tensor) {
	t.Helper()
	inside := map[int]bool{}
	for n := range got.N {
		for c := range got.C {
			for y := range got.H {
				for x := range got.W {
					inside[got.Off+n*got.ImageStride+c/Block*got.BlockStride+y*got.RowStride+x*Block+c%Block] = true
				}
			}
		}
	}
	for i, v := range got.Data {
		if v != 0 && !inside[i] {
			t.Fatalf("%s: %v outside the channels, at %d", what, v, i)
		}
	}
}
