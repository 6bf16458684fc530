package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

// jitter gives biases, norms and affines values that a test can tell from the defaults.
func jitter(n *net.Net, seed uint64) *net.Net {
	r := rand.New(rand.NewPCG(seed, 3))
	small := func(t *net.Tensor, around, spread float64) {
		if t == nil {
			return
		}
		for i := range t.Data {
			t.Data[i] = float32(around + spread*r.Float64())
		}
	}
	for _, node := range n.Nodes {
		switch op := node.Op.(type) {
		case *net.Conv:
			small(op.Bias, -0.5, 1)
		case *net.ConvTranspose:
			small(op.Bias, -0.5, 1)
		case *net.BatchNorm:
			small(op.Scale, 0.5, 1)
			small(op.Bias, -0.5, 1)
			small(op.Mean, -0.5, 1)
			small(op.Var, 0.5, 1)
		}
	}
	return n
}

// compareToOracle runs a network on an engine and on the plain float64 oracle.
func compareToOracle(t *testing.T, n *net.Net, h, w, threads int) {
	t.Helper()
	for _, tiling := range []Tiling{{}, {Two: anyStride}, Fastest()} {
		compareTiled(t, n, h, w, Options{Threads: threads, Tiling: tiling})
	}
}

func compareTiled(t *testing.T, n *net.Net, h, w int, opts Options) {
	t.Helper()
	in := net.Shape{C: n.Nodes[0].Op.(*net.Input).Channels, H: h, W: w}
	x := nettest.Random(in, 11)
	want, err := nettest.Run(n, x)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(n, opts)
	if err != nil {
		t.Fatal(err)
	}
	nw, err := e.Compile(pyramid.Size{W: w, H: h}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer nw.Close()
	out := make([]float32, nw.outFloats())
	for range 2 { // the second run sees what the first left in the arena
		if err := nw.Run(t.Context(), x.Float32(), out); err != nil {
			t.Fatal(err)
		}
	}
	rest := out
	for k, p := range want {
		if err := near(rest[:len(p.Data)], p.Data); err != nil {
			t.Errorf("tiling %v: output %d: %v", opts.Tiling, k, err)
		}
		rest = rest[len(p.Data):]
	}
}

// near allows a ten-thousandth of the outputs' range.
func near(got []float32, want []float64) error {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range want {
		lo, hi = min(lo, v), max(hi, v)
	}
	tol := 1e-4 * max(hi-lo, 1e-2)
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= tol) {
			return fmt.Errorf("element %d is %g, want %g ± %g", i, v, want[i], tol)
		}
	}
	return nil
}

// opNets has one small network for each operation and its corner cases.
func opNets() map[string]*net.Net {
	one := func(in int, build func(b *net.Builder) int) *net.Net {
		b := net.NewBuilder("op", in, 5)
		return jitter(b.Done(build(b)), 9)
	}
	p := func(v int) net.Pair { return net.Pair{Y: v, X: v} }
	nets := map[string]*net.Net{
		"conv":      one(3, func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 20, Kernel: 3, Bias: true}) }),
		"conv 1x1":  one(20, func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 5, Kernel: 1}) }),
		"conv 7x7":  one(3, func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 8, Kernel: 7, Stride: 2}) }),
		"dilated":   one(17, func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 33, Kernel: 3, Dilation: 6}) }),
		"depthwise": one(24, func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 24, Kernel: 3, Groups: 24}) }),
		"grouped":   one(24, func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 36, Kernel: 3, Groups: 3}) }),
		"deconv": one(10, func(b *net.Builder) int {
			return b.ConvTranspose("c", 0, net.ConvConfig{Out: 18, Kernel: 2, Stride: 2, Bias: true})
		}),
		"deconv 4x4": one(10, func(b *net.Builder) int {
			i := b.ConvTranspose("c", 0, net.ConvConfig{Out: 18, Kernel: 4, Stride: 2})
			return b.Add("relu", &net.Activation{Act: net.Act{Kind: net.ReLU}}, i)
		}),
		"norm": one(18, func(b *net.Builder) int { return b.BatchNorm("n", 0) }),
		"max pool": one(18, func(b *net.Builder) int {
			return b.Add("p", &net.Pool{Kernel: p(3), Stride: p(2), Dilation: p(1), Pad: net.Padding{Top: 1, Left: 1, Bottom: 1, Right: 1}, Ceil: true}, 0)
		}),
		"average pool": one(18, func(b *net.Builder) int {
			return b.Add("p", &net.Pool{Kind: net.AvgPool, Kernel: p(3), Stride: p(2), Dilation: p(1), Pad: net.Padding{Top: 1, Left: 1}}, 0)
		}),
		"global pool": one(18, func(b *net.Builder) int {
			g := b.Add("g", &net.GlobalAvgPool{}, 0)
			return b.Add("m", &net.Binary{Kind: net.Mul}, 0, g)
		}),
		"concat": one(5, func(b *net.Builder) int {
			c := b.Conv("c", 0, net.ConvConfig{Out: 32, Kernel: 3})
			d := b.Conv("d", c, net.ConvConfig{Out: 7, Kernel: 1})
			return b.Add("j", &net.Concat{}, c, d, 0, c)
		}),
		"concat and read": one(5, func(b *net.Builder) int {
			c := b.Conv("c", 0, net.ConvConfig{Out: 32, Kernel: 3})
			j := b.Add("j", &net.Concat{}, c, 0)
			k := b.Add("k", &net.Concat{}, c, j)
			e := b.Conv("e", k, net.ConvConfig{Out: 16, Kernel: 5})
			return b.Add("a", &net.Binary{Act: net.Act{Kind: net.ReLU}}, e, b.Conv("f", c, net.ConvConfig{Out: 16, Kernel: 1}))
		}),
		"residual": one(16, func(b *net.Builder) int {
			c := b.Conv("c", 0, net.ConvConfig{Out: 16, Kernel: 3, Bias: true})
			return b.Add("a", &net.Binary{Act: net.Act{Kind: net.ReLU}}, 0, c)
		}),
		"pad": one(5, func(b *net.Builder) int {
			return b.Add("p", &net.Pad{Pad: net.Padding{Top: 1, Left: 2, Bottom: 3}, Value: 0.5}, 0)
		}),
		"slice": one(37, func(b *net.Builder) int {
			return b.Add("s", &net.Slice{C0: 3, C1: 30, Y0: 1, Y1: -1, X0: 2}, 0)
		}),
		"softmax": one(19, func(b *net.Builder) int { return b.Add("s", &net.Softmax{}, 0) }),
	}
	for kind, name := range []string{"add", "sub", "mul", "div"} {
		k := net.BinaryKind(kind)
		nets[name] = one(19, func(b *net.Builder) int {
			s := b.Add("s", &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, 0)
			return b.Add("o", &net.Binary{Kind: k}, 0, s)
		})
		for _, swap := range []bool{false, true} {
			nets[fmt.Sprintf("%s broadcast %t", name, swap)] = one(19, func(b *net.Builder) int {
				s := b.Add("s", &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, 0)
				g := b.Add("g", &net.GlobalAvgPool{}, s)
				if swap {
					return b.Add("o", &net.Binary{Kind: k}, g, s)
				}
				return b.Add("o", &net.Binary{Kind: k}, s, g)
			})
		}
	}
	for kind := net.Identity; kind <= net.Sigmoid; kind++ {
		act := net.Act{Kind: kind, Alpha: 0.2, Beta: 0.6}
		nets["act "+kind.String()] = one(19, func(b *net.Builder) int {
			c := b.Conv("c", 0, net.ConvConfig{Out: 19, Kernel: 1, Bias: true})
			return b.Add("a", &net.Activation{Act: act}, c)
		})
	}
	for _, r := range []net.Resize{
		{ScaleY: 2, ScaleX: 2, Coord: net.Asymmetric, Round: net.Floor},
		{ScaleY: 1.5, ScaleX: 0.7},
		{Mode: net.Linear, ScaleY: 2, ScaleX: 2},
		{Mode: net.Linear, Coord: net.AlignCorners, Size: net.Pair{Y: 17, X: 5}},
	} {
		nets[fmt.Sprintf("resize %+v", r)] = one(18, func(b *net.Builder) int { return b.Add("r", &r, 0) })
	}
	return nets
}

func TestOpsAgainstOracle(t *testing.T) {
	for name, n := range opNets() {
		t.Run(name, func(t *testing.T) {
			compareToOracle(t, n, 9, 11, 1)
			compareToOracle(t, n, 8, 14, 2)
		})
	}
}

func TestUNetAgainstOracle(t *testing.T) {
	for _, c := range []net.UNetConfig{
		{Name: "nearest", Classes: 3, Channels: []int{7, 16, 20}, Seed: 1},
		{Name: "linear", Classes: 2, Channels: []int{16, 32}, Up: net.UpLinear, Seed: 2, Residual: true},
		{Name: "transposed", Classes: 4, Channels: []int{16, 24}, Up: net.UpTransposed, Seed: 3, Stem: 2},
	} {
		t.Run(c.Name, func(t *testing.T) {
			compareToOracle(t, jitter(net.UNet(c), 4), 12, 20, 2)
		})
	}
}
