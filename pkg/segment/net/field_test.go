package net_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"pgregory.net/rapid"
)

func square(n int) net.Pair          { return net.Pair{Y: n, X: n} }
func pad(t, l, b, r int) net.Padding { return net.Padding{Top: t, Left: l, Bottom: b, Right: r} }

// graphs are small networks whose reach can be found by perturbing pixels. None is dead to a
// perturbation: their activations leak.
func graphs() map[string]*net.Net {
	build := func(make func(b *net.Builder) int) *net.Net {
		b := net.NewBuilder("t", 1, 7)
		return b.Done(make(b))
	}
	resize := func(m net.ResizeMode, c net.CoordMode, scale float64) *net.Resize {
		return &net.Resize{Mode: m, Coord: c, Round: net.RoundPreferFloor, ScaleY: scale, ScaleX: scale}
	}
	down := func(b *net.Builder, x int) int {
		return b.Add("pool", &net.Pool{Kind: net.MaxPool, Kernel: square(2), Stride: square(2), Dilation: square(1)}, x)
	}
	return map[string]*net.Net{
		"pointwise": build(func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 2, Kernel: 1}) }),
		"3x3":       build(func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 2, Kernel: 3}) }),
		"dilated":   build(func(b *net.Builder) int { return b.Conv("c", 0, net.ConvConfig{Out: 1, Kernel: 3, Dilation: 3}) }),
		"asymmetric pad": build(func(b *net.Builder) int {
			x := b.Conv("c", 0, net.ConvConfig{Out: 1, Kernel: 4})
			return b.Add("p", &net.Pad{Pad: pad(1, 0, 0, 1)}, x)
		}),
		"down and up nearest": build(func(b *net.Builder) int {
			x := b.Conv("c", down(b, 0), net.ConvConfig{Out: 1, Kernel: 3})
			return b.Add("r", resize(net.Nearest, net.Asymmetric, 2), x)
		}),
		"down and up linear": build(func(b *net.Builder) int {
			x := b.Conv("c", down(b, 0), net.ConvConfig{Out: 1, Kernel: 3})
			return b.Add("r", resize(net.Linear, net.HalfPixel, 2), x)
		}),
		"linear asymmetric": build(func(b *net.Builder) int {
			return b.Add("r", resize(net.Linear, net.Asymmetric, 4), down(b, down(b, 0)))
		}),
		"stride and transposed": build(func(b *net.Builder) int {
			x := b.Conv("c", 0, net.ConvConfig{Out: 2, Kernel: 3, Stride: 2})
			return b.ConvTranspose("t", x, net.ConvConfig{Out: 1, Kernel: 2, Stride: 2})
		}),
		"transposed 4x4": build(func(b *net.Builder) int {
			t := b.ConvTranspose("t", down(b, 0), net.ConvConfig{Out: 1, Kernel: 4, Stride: 2})
			return b.Add("s", &net.Slice{Y0: 1, X0: 1, Y1: -1, X1: -1}, t)
		}),
		"branches of two strides": build(func(b *net.Builder) int {
			low := b.Conv("low", down(b, down(b, 0)), net.ConvConfig{Out: 1, Kernel: 3})
			up := b.Add("r", resize(net.Linear, net.HalfPixel, 4), low)
			return b.Add("cat", &net.Concat{}, b.Conv("high", 0, net.ConvConfig{Out: 1, Kernel: 5}), up)
		}),
		"u-net transposed": net.UNet(net.UNetConfig{In: 1, Channels: []int{2, 3, 4}, Up: net.UpTransposed, Blocks: 1, Residual: true}),
		"u-net stem":       net.UNet(net.UNetConfig{In: 1, Channels: []int{2, 3}, Up: net.UpLinear, Stem: 2, Blocks: 2, Residual: true}),
	}
}

// leaky lets every perturbation through.
func leaky(n *net.Net) *net.Net {
	for _, node := range n.Nodes {
		if a, ok := node.Op.(*net.Activation); ok && a.Act.Kind == net.ReLU {
			a.Act = net.Act{Kind: net.LeakyReLU, Alpha: 0.5}
		}
	}
	return n
}

// TestFieldIsWhatPixelsReach changes one row, and one column, at a time and looks which outputs
// change: none may lie farther than the field says, and some must lie as far.
func TestFieldIsWhatPixelsReach(t *testing.T) {
	for name, n := range graphs() {
		t.Run(name, func(t *testing.T) {
			f := field(t, leaky(n))
			var got net.Padding
			got.Top, got.Bottom = measure(t, n, f, true)
			got.Left, got.Right = measure(t, n, f, false)
			if got != f.Reach {
				t.Errorf("field says %+v, pixels reach %+v", f.Reach, got)
			}
		})
	}
}

func field(t *testing.T, n *net.Net) net.Field {
	t.Helper()
	f, err := n.Field()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// measure finds the largest distances over one period of outputs in the middle of an image that is
// long in one direction only.
func measure(t *testing.T, n *net.Net, f net.Field, rows bool) (before, after int) {
	size := net.Shape{C: 1, H: 2*f.Halo() + 2*f.Side(), W: 2 * f.Side()}
	if !rows {
		size.H, size.W = size.W, size.H
	}
	x := nettest.Random(size, 3)
	base := run(t, n, x)
	for p := range max(x.H, x.W) {
		for _, by := range []float64{1000, -1000} {
			changed := run(t, n, bump(x, p, rows, by))
			for o := f.Halo(); o < f.Halo()+2*f.Side(); o++ {
				if differ(base, changed, o, rows) {
					before, after = max(before, o-p), max(after, p-o)
				}
			}
		}
	}
	return before, after
}

func run(t *testing.T, n *net.Net, x nettest.Planes) nettest.Planes {
	t.Helper()
	out, err := nettest.Run(n, x)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func bump(x nettest.Planes, p int, rows bool, by float64) nettest.Planes {
	y := nettest.New(x.Shape)
	copy(y.Data, x.Data)
	rng := rand.New(rand.NewPCG(5, uint64(p)))
	along := x.W
	if !rows {
		along = x.H
	}
	for q := range along {
		r, c := p, q
		if !rows {
			r, c = q, p
		}
		for ch := range x.C {
			y.Set(ch, r, c, x.At(ch, r, c, 0)+by*(1+rng.Float64()))
		}
	}
	return y
}

func differ(a, b nettest.Planes, o int, rows bool) bool {
	along := a.W
	if !rows {
		along = a.H
	}
	for c := range a.C {
		for q := range along {
			r, k := o, q
			if !rows {
				r, k = q, o
			}
			if a.At(c, r, k, 0) != b.At(c, r, k, 0) {
				return true
			}
		}
	}
	return false
}

// TestRegionsAreExact is the promise that the field exists for: any region with its halo computes
// the same bits as the whole image. Random graphs.
func TestRegionsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomNet(t)
		f, err := n.Field()
		if err != nil {
			t.Fatalf("%v", err)
		}
		side := f.Side()
		whole := nettest.Random(net.Shape{C: 1, H: (2*f.Halo()/side + 4) * side, W: (2*f.Halo()/side + 3) * side}, 11)
		y0 := rapid.IntRange(0, 2).Draw(t, "row") * side
		x0 := rapid.IntRange(0, 1).Draw(t, "column") * side
		size := 2*f.Halo() + 2*side
		want, err := nettest.Run(n, whole)
		if err != nil {
			t.Fatalf("%v", err)
		}
		got, err := nettest.Run(n, crop(whole, y0, x0, size))
		if err != nil {
			t.Fatalf("%v", err)
		}
		inner := crop(got[0], f.Halo(), f.Halo(), 2*side)
		outer := crop(want[0], y0+f.Halo(), x0+f.Halo(), 2*side)
		for i := range inner.Data {
			if inner.Data[i] != outer.Data[i] {
				t.Fatalf("element %d: region %v, whole %v; field %+v", i, inner.Data[i], outer.Data[i], f)
			}
		}
	})
}

func crop(p nettest.Planes, y0, x0, size int) nettest.Planes {
	out := nettest.New(net.Shape{C: p.C, H: size, W: size})
	for c := range p.C {
		for y := range size {
			for x := range size {
				out.Set(c, y, x, p.At(c, y0+y, x0+x, 0))
			}
		}
	}
	return out
}

// randomNet goes down, does random things, and comes up to the input's size again.
func randomNet(t *rapid.T) *net.Net {
	b := net.NewBuilder("random", 1, rapid.Uint64().Draw(t, "seed"))
	var fine []int
	x := 0
	for level := range rapid.IntRange(0, 2).Draw(t, "levels") {
		_ = level
		x = same(t, b, x)
		fine = append(fine, x)
		x = halve(t, b, x)
	}
	x = same(t, b, x)
	for len(fine) > 0 {
		x = double(t, b, x)
		x = b.Add("cat", &net.Concat{}, x, fine[len(fine)-1])
		fine = fine[:len(fine)-1]
		x = same(t, b, x)
	}
	return b.Done(x)
}

func same(t *rapid.T, b *net.Builder, x int) int {
	switch rapid.IntRange(0, 3).Draw(t, "same") {
	case 0:
		d := rapid.IntRange(1, 2).Draw(t, "dilation")
		return b.ConvNormReLU("c", x, net.ConvConfig{Out: 2, Kernel: 3, Dilation: d})
	case 1:
		p := rapid.IntRange(0, 2).Draw(t, "top")
		q := rapid.IntRange(0, 2).Draw(t, "left")
		op := &net.Pool{Kind: net.AvgPool, Kernel: square(3), Stride: square(1), Dilation: square(1), Pad: pad(p, q, 2-p, 2-q)}
		return b.Add("avg", op, x)
	case 2:
		p := rapid.IntRange(0, 2).Draw(t, "extra")
		x = b.Add("pad", &net.Pad{Pad: pad(p, 1, 1, p), Value: 3}, x)
		return b.Add("cut", &net.Slice{Y0: 1, X0: p, Y1: -p, X1: -1}, x)
	}
	return x
}

func halve(t *rapid.T, b *net.Builder, x int) int {
	switch rapid.IntRange(0, 3).Draw(t, "halve") {
	case 0:
		return b.Conv("s", x, net.ConvConfig{Out: 2, Kernel: 3, Stride: 2})
	case 1:
		return b.Add("r", &net.Resize{Mode: net.Nearest, Coord: net.HalfPixel, ScaleY: 0.5, ScaleX: 0.5}, x)
	case 2:
		return b.Add("m", &net.Pool{Kernel: square(2), Stride: square(2), Dilation: square(1), Ceil: true}, x)
	}
	return b.Add("m", &net.Pool{Kernel: square(3), Stride: square(2), Dilation: square(1), Pad: pad(1, 1, 1, 1)}, x)
}

func double(t *rapid.T, b *net.Builder, x int) int {
	switch rapid.IntRange(0, 2).Draw(t, "double") {
	case 0:
		k := rapid.IntRange(1, 4).Draw(t, "kernel")
		op := &net.ConvTranspose{Weight: &net.Tensor{Shape: []int{b.Channels(x), 1, k, k}}, Stride: square(2), Dilation: square(1), Groups: 1}
		for i := range b.Channels(x) * k * k {
			op.Weight.Data = append(op.Weight.Data, float32(i%5)-2)
		}
		crop := max(0, k-2)
		op.Pad = pad(crop/2, crop-crop/2, crop-crop/2, crop/2)
		if k == 1 {
			op.OutputPad = square(1)
		}
		return b.Add("t", op, x)
	}
	return b.Add("r", &net.Resize{
		Mode:  net.ResizeMode(rapid.IntRange(0, 1).Draw(t, "mode")),
		Coord: rapid.SampledFrom([]net.CoordMode{net.HalfPixel, net.Asymmetric, net.PytorchHalfPixel}).Draw(t, "coord"),
		Round: net.RoundMode(rapid.IntRange(0, 3).Draw(t, "round")), ScaleY: 2, ScaleX: 2,
	}, x)
}

func TestFieldUnbounded(t *testing.T) {
	for name, op := range map[string]net.Op{
		"global":        &net.GlobalAvgPool{},
		"size":          &net.Resize{Size: square(8)},
		"align corners": &net.Resize{Mode: net.Linear, Coord: net.AlignCorners, ScaleY: 2, ScaleX: 2},
		"odd scale":     &net.Resize{Mode: net.Linear, ScaleY: 1.3, ScaleX: 1.3},
		"fixed cut":     &net.Slice{Y1: 4, X1: 4},
	} {
		t.Run(name, func(t *testing.T) {
			b := net.NewBuilder("t", 1, 1)
			_, err := b.Done(b.Add("culprit", op, 0)).Field()
			var ne *net.NodeError
			if !errors.Is(err, net.ErrUnbounded) || !errors.As(err, &ne) || ne.Name != "culprit" {
				t.Errorf("got %v", err)
			}
		})
	}
}
