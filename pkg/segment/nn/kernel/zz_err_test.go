package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestZZErr(t *testing.T) {
	for _, in := range []int{16, 64, 256, 512} {
		r := rand.New(rand.NewPCG(1, 2))
		s := conv3(in, 16)
		p := randomPlain(r, 1, in, 16, 16)
		for i := range p.v {
			p.v[i] = math.Max(p.v[i], 0)
		}
		w := randomFloats(r, s.Weights())
		want := convolve(s, p, w, nil)
		top := 0.0
		for _, v := range want.v {
			top = math.Max(top, math.Abs(v))
		}
		for _, tile := range []int{0, 2, 4} {
			s.Tile = tile
			f := Pack(s, w)
			src, dst := p.blocked(1), empty(1, 16, 16, 16, 0)
			f.Forward(dst, src, Epilogue{}, Work{1, make([]float32, f.ScratchForward(dst, src, 1))})
			flat := make([]float32, len(want.v))
			ToNCHW(flat, dst, 1)
			worst, sum := 0.0, 0.0
			for i, v := range want.v {
				e := math.Abs(float64(flat[i])-v) / top
				worst = math.Max(worst, e)
				sum += e * e
			}
			fmt.Printf("in %d tile %d: worst %.2e rms %.2e of range\n", in, tile, worst, math.Sqrt(sum/float64(len(flat))))
		}
	}
}
