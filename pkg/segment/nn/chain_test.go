package nn

import (
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// mobileNet has inverted residuals large enough to be run as chains at 64×64: with and without residual,
// with stride, and a separable convolution behind a concatenation.
func mobileNet() *net.Net {
	b := net.NewBuilder("mobile", 3, 7)
	block := func(x, wide, out, stride int, act net.Act) int {
		y := b.ConvNormReLU("widen", x, net.ConvConfig{Out: wide, Kernel: 1})
		y = b.Conv("depth", y, net.ConvConfig{Out: wide, Kernel: 3, Stride: stride, Groups: wide, Bias: true})
		y = b.Add("act", &net.Activation{Act: act}, y)
		return b.Conv("narrow", y, net.ConvConfig{Out: out, Kernel: 1, Bias: true})
	}
	stem := b.ConvNormReLU("stem", 0, net.ConvConfig{Out: 16, Kernel: 3})
	x := b.Add("residual", &net.Binary{}, block(stem, 96, 16, 1, net.Act{Kind: net.HardSwish}), stem)
	y := block(x, 100, 24, 2, net.Act{Kind: net.Clip, Beta: 6})
	y = b.Add("double", &net.Resize{ScaleY: 2, ScaleX: 2, Coord: net.Asymmetric, Round: net.Floor}, y)
	z := b.Add("join", &net.Concat{}, y, x, stem, stem)
	z = b.Conv("depth", z, net.ConvConfig{Out: 72, Kernel: 3, Groups: 72})
	return jitter(b.Done(b.Conv("last", z, net.ConvConfig{Out: 3, Kernel: 1, Bias: true})), 4)
}

func chainsOf(n *Network) (widened, plain int) {
	for _, s := range n.g.steps {
		if c, ok := s.op.task.(*chainTask); ok && c.widen {
			widened++
		} else if ok {
			plain++
		}
	}
	return widened, plain
}

func TestChains(t *testing.T) {
	n := mobileNet()
	nw := mustNetwork(t, mustEngine(t, n, 2), 64, 64)
	if widened, plain := chainsOf(nw); widened != 2 || plain != 1 {
		t.Fatalf("%d inverted residuals and %d separable convolutions run as chains, want 2 and 1", widened, plain)
	}
	compareTiled(t, n, 64, 64, Options{Threads: 2})
	in := noise(nw.in.floats())
	want := mustRun(t, mustNetwork(t, mustEngine(t, n, 1), 64, 64), in)
	if got := mustRun(t, nw, in); !slices.Equal(got, want) {
		t.Error("two threads give other bits than one")
	}
	own, err := nw.Allocations(20)
	if err != nil {
		t.Fatal(err)
	}
	if own > 0 && !raceDetector {
		t.Errorf("%d allocations in our code", own)
	}
}

// TestChainsChangeNoBit: a small region, whose convolutions run one by one, agrees with the middle of a
// large one, where they are chains.
func TestChainsChangeNoBit(t *testing.T) {
	e := mustEngine(t, mobileNet(), 2)
	f, err := e.Field()
	if err != nil {
		t.Fatal(err)
	}
	const side, at, part = 72, 16, 40
	halo, x := f.Halo(), noise(3*side*side)
	whole, piece := mustNetwork(t, e, side, side), mustNetwork(t, e, part, part)
	if a, b := chainsOf(whole); a+b != 3 {
		t.Fatalf("%d chains in the whole, want 3", a+b)
	}
	if a, b := chainsOf(piece); a+b != 0 {
		t.Fatalf("%d chains in the region, want none", a+b)
	}
	inner := part - 2*halo
	want := cut(mustRun(t, whole, x), 3, side, side, at+halo, at+halo, inner, inner)
	got := cut(mustRun(t, piece, cut(x, 3, side, side, at, at, part, part)), 3, part, part, halo, halo, inner, inner)
	if inner < 8 || !slices.Equal(got, want) {
		t.Errorf("halo %d: the region differs from the whole", halo)
	}
}
