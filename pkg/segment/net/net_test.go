package net_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"pgregory.net/rapid"
)

func TestUNet(t *testing.T) {
	n := net.UNet(net.UNetConfig{Base: 16, Depth: 4, Up: net.UpTransposed, Classes: 2})
	shapes, err := n.Shapes(net.Shape{C: 3, H: 512, W: 512})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shapes[n.Outputs[0]], (net.Shape{C: 2, H: 512, W: 512}); got != want {
		t.Errorf("output %v, want %v", got, want)
	}
	if f := field(t, n); f.Side() != 16 || f.Halo()%16 != 0 || f.Stride[0] != (net.Ratio{Num: 1, Den: 1}) {
		t.Errorf("field %+v", f)
	}
	flops, weights, err := n.Cost(net.Shape{C: 3, H: 512, W: 512})
	if err != nil || weights < 1_900_000 || weights > 2_400_000 || flops < 20e9 || flops > 40e9 {
		t.Errorf("%d operations, %d weights, %v", flops, weights, err)
	}
}

func TestUNetDependsOnItsSeedAlone(t *testing.T) {
	build := func(seed uint64) *net.Net {
		return net.UNet(net.UNetConfig{Channels: []int{2, 3}, Up: net.UpTransposed, Seed: seed})
	}
	if diff := cmp.Diff(build(1), build(1)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(build(1), build(2)) {
		t.Error("two seeds, one network")
	}
}

func TestUNetRefusesNonsense(t *testing.T) {
	for name, c := range map[string]net.UNetConfig{
		"stem": {Stem: 3}, "depth": {Depth: 9}, "classes": {Classes: -1}, "decoder": {Decoder: []int{4}}, "level": {Channels: []int{4, -1}},
	} {
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// shuffleNorms gives batch norms statistics that matter.
func shuffleNorms(n *net.Net) *net.Net {
	for _, node := range n.Nodes {
		bn, ok := node.Op.(*net.BatchNorm)
		if !ok {
			continue
		}
		for i := range bn.Scale.Data {
			f := float32(i%7) / 7
			bn.Scale.Data[i], bn.Bias.Data[i], bn.Mean.Data[i], bn.Var.Data[i] = 0.5+f, f-0.5, f/2, 0.25+f
		}
	}
	return n
}

func TestFoldKeepsTheFunction(t *testing.T) {
	for name, n := range graphs() {
		t.Run(name, func(t *testing.T) {
			f := field(t, shuffleNorms(n))
			x := nettest.Random(net.Shape{C: 1, H: 4 * f.Side(), W: 3 * f.Side()}, 2)
			near(t, run(t, n, x), run(t, n.Fold(), x))
		})
	}
}

func TestFoldRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := shuffleNorms(randomNet(t))
		before := n.Clone()
		folded := n.Fold()
		if diff := cmp.Diff(before, n); diff != "" {
			t.Fatalf("Fold changed its receiver: %s", diff)
		}
		f, err := n.Field()
		if err != nil {
			t.Fatalf("%v", err)
		}
		x := nettest.Random(net.Shape{C: 1, H: 4 * f.Side(), W: 3 * f.Side()}, 2)
		a, err := nettest.Run(n, x)
		if err != nil {
			t.Fatalf("%v", err)
		}
		b, err := nettest.Run(folded, x)
		if err != nil {
			t.Fatalf("%v", err)
		}
		near(t, a[0], b[0])
		if g, err := folded.Field(); err != nil || g != f {
			t.Fatalf("field %+v became %+v, %v", f, g, err)
		}
	})
}

func near(t interface {
	Helper()
	Fatalf(string, ...any)
}, a, b nettest.Planes) {
	t.Helper()
	if a.Shape != b.Shape {
		t.Fatalf("shapes %v and %v", a.Shape, b.Shape)
	}
	var peak float64
	for _, v := range a.Data {
		peak = max(peak, math.Abs(v))
	}
	for i, v := range a.Data {
		if !(math.Abs(v-b.Data[i]) <= 1e-5*peak) {
			t.Fatalf("element %d: %v and %v, range %v", i, v, b.Data[i], peak)
		}
	}
}

// TestFoldShrinks counts what is left: a block of three is one, also when a scale and an activation
// follow a transposed convolution or a sum; a value with two readers stays.
func TestFoldShrinks(t *testing.T) {
	relu := func() net.Op { return &net.Activation{Act: net.Act{Kind: net.ReLU}} }
	b := net.NewBuilder("t", 2, 1)
	x := b.ConvNormReLU("a", 0, net.ConvConfig{Out: 4, Kernel: 3})
	y := b.Add("t.relu", relu(), b.BatchNorm("t.norm", b.ConvTranspose("t", x, net.ConvConfig{Out: 4, Kernel: 1, Groups: 2})))
	z := b.Add("sum.relu", relu(), b.Add("sum", &net.Binary{}, x, y))
	pre := b.Conv("two readers", z, net.ConvConfig{Out: 4, Kernel: 1})
	q := b.Add("join", &net.Concat{}, pre, b.Add("own relu", relu(), pre))
	b.Add("dead", relu(), q)
	gate := b.Add("gate", &net.Activation{Act: net.Act{Kind: net.HardSigmoid, Alpha: 1. / 6, Beta: 0.5}}, q)
	swish := b.Add("swish", &net.Binary{Kind: net.Mul}, q, gate)
	padded := b.Add("pad", &net.Pad{Pad: pad(1, 0, 1, 0)}, swish)
	out := b.Conv("last", padded, net.ConvConfig{Out: 1, Kernel: 3})
	whole := shuffleNorms(b.Done(out))
	folded := whole.Fold()
	in := nettest.Random(net.Shape{C: 2, H: 9, W: 7}, 4)
	near(t, run(t, whole, in), run(t, folded, in))
	var names []string
	for _, node := range folded.Nodes {
		names = append(names, net.OpName(node.Op)+" "+node.Name)
	}
	want := []string{"Input input", "Conv a.conv", "ConvTranspose t", "Add sum", "Conv two readers", "ReLU own relu", "Concat join", "HardSwish swish", "Conv last"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if p := folded.Nodes[8].Op.(*net.Conv).Pad; p != pad(2, 1, 2, 1) {
		t.Errorf("pad %+v", p)
	}
}

func TestFaultsHaveNames(t *testing.T) {
	conv := func(change func(*net.Conv)) *net.Net {
		b := net.NewBuilder("t", 2, 1)
		x := b.Conv("culprit", 0, net.ConvConfig{Out: 2, Kernel: 3})
		n := b.Done(x)
		change(n.Nodes[x].Op.(*net.Conv))
		return n
	}
	other := func(op net.Op, in ...int) *net.Net {
		return &net.Net{Nodes: []net.Node{{Op: &net.Input{Channels: 2}}, {Name: "culprit", Op: op, In: in}}, Outputs: []int{1}}
	}
	window := net.Pool{Kernel: square(2), Stride: square(1), Dilation: square(1)}
	for name, test := range map[string]struct {
		n    *net.Net
		want string
	}{
		"zero stride":        {conv(func(c *net.Conv) { c.Stride.Y = 0 }), "stride height 0"},
		"negative pad":       {conv(func(c *net.Conv) { c.Pad.Left = -1 }), "left pad -1"},
		"no weight":          {conv(func(c *net.Conv) { c.Weight = nil }), "has no weight"},
		"overflowing weight": {conv(func(c *net.Conv) { c.Weight.Shape = []int{1 << 21, 1 << 21, 1 << 21, 1 << 21} }), "does not fit"},
		"groups":             {conv(func(c *net.Conv) { c.Groups = 3 }), "do not divide"},
		"bias":               {conv(func(c *net.Conv) { c.Bias = &net.Tensor{Shape: []int{3}, Data: make([]float32, 3)} }), "bias has 3"},
		"channels":           {conv(func(c *net.Conv) { c.Weight = &net.Tensor{Shape: []int{1, 3, 1, 1}, Data: make([]float32, 3)} }), "its input has 2"},
		"empty result":       {conv(func(c *net.Conv) { c.Dilation = square(50) }), "use a larger input"},
		"arity":              {other(&net.Binary{}, 0), "reads 1 values"},
		"pad of a pool": {other(&net.Pool{Kernel: window.Kernel, Stride: window.Stride, Dilation: window.Dilation,
			Pad: pad(2, 0, 0, 0)}, 0), "smaller than its kernel"},
		"slice":  {other(&net.Slice{Y0: 99}, 0), "keeps rows 99:0 of 64"},
		"huge":   {other(&net.Resize{ScaleY: 4096, ScaleX: 4096}, 0), "too large"},
		"nan":    {other(&net.Resize{ScaleY: math.NaN(), ScaleX: 1}, 0), "scale NaN"},
		"second": {other(&net.Input{Channels: 1}), "only node 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.n.Shapes(net.Shape{C: 2, H: 64, W: 64})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "culprit") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestFoldOfAGate: what only the recognised gate read must not be fused into the gate.
func TestFoldOfAGate(t *testing.T) {
	b := net.NewBuilder("t", 2, 1)
	x := b.BatchNorm("norm", b.Conv("conv", 0, net.ConvConfig{Out: 4, Kernel: 3}))
	gate := b.Add("gate", &net.Activation{Act: net.Act{Kind: net.HardSigmoid, Alpha: 1. / 6, Beta: 0.5}}, x)
	n := shuffleNorms(b.Done(b.Add("swish", &net.Binary{Kind: net.Mul}, x, gate)))
	in := nettest.Random(net.Shape{C: 2, H: 9, W: 7}, 4)
	folded := n.Fold()
	near(t, run(t, n, in), run(t, folded, in))
	if len(folded.Nodes) != 2 {
		t.Errorf("%d nodes are left", len(folded.Nodes))
	}
}

// TestFoldOfALongChain: a chain of scales behind large weights costs one pass over the weights.
func TestFoldOfALongChain(t *testing.T) {
	b := net.NewBuilder("chain", 64, 1)
	x := b.Conv("c", 0, net.ConvConfig{Out: 256, Kernel: 9})
	for range 3000 {
		x = b.BatchNorm("n", x)
	}
	if folded := b.Done(x).Fold(); len(folded.Nodes) != 2 {
		t.Errorf("%d nodes are left", len(folded.Nodes))
	}
}
