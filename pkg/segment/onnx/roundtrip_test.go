package onnx

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"pgregory.net/rapid"
)

// randomNet draws a chain of every kind of node, with side branches.
func randomNet(t *rapid.T) *net.Net {
	b := net.NewBuilder("random", rapid.IntRange(1, 3).Draw(t, "channels"), rapid.Uint64().Draw(t, "seed"))
	x := 0
	for range rapid.IntRange(1, 6).Draw(t, "nodes") {
		x = randomNode(t, b, x)
	}
	outputs := []int{x}
	if rapid.Bool().Draw(t, "second output") {
		outputs = append(outputs, rapid.IntRange(0, x).Draw(t, "output"))
	}
	return b.Done(outputs...)
}

func pair(t *rapid.T, name string, lo, hi int) net.Pair {
	return net.Pair{Y: rapid.IntRange(lo, hi).Draw(t, name), X: rapid.IntRange(lo, hi).Draw(t, name)}
}

func randomPad(t *rapid.T) net.Padding {
	draw := func() int { return rapid.IntRange(0, 1).Draw(t, "pad") }
	return net.Padding{Top: draw(), Left: draw(), Bottom: draw(), Right: draw()}
}

func values(n int) *net.Tensor {
	v := &net.Tensor{Shape: []int{n}, Data: make([]float32, n)}
	for i := range v.Data {
		v.Data[i] = float32(i%5) + 0.5
	}
	return v
}

func randomAct(t *rapid.T) net.Act {
	return net.Act{Kind: net.ActKind(rapid.IntRange(0, int(net.Sigmoid)).Draw(t, "act")), Alpha: 0.25, Beta: 0.75}
}

func randomNode(t *rapid.T, b *net.Builder, x int) int {
	c := b.Channels(x)
	one, two := net.Pair{Y: 1, X: 1}, net.Pair{Y: 2, X: 2}
	switch rapid.IntRange(0, 13).Draw(t, "kind") {
	case 0:
		x = b.Conv("conv", x, net.ConvConfig{Out: 4, Kernel: 3, Bias: rapid.Bool().Draw(t, "bias")})
	case 1:
		x = b.Conv("depthwise", x, net.ConvConfig{Out: 2 * c, Kernel: 3, Groups: c, Dilation: 2})
	case 2:
		x = b.ConvTranspose("up", x, net.ConvConfig{Out: 3, Kernel: 3, Stride: 2, Bias: true})
	case 3:
		return b.BatchNorm("norm", x)
	case 4:
		a := &net.Affine{Act: randomAct(t)}
		if rapid.Bool().Draw(t, "scale") {
			a.Scale = values(c)
		}
		if rapid.Bool().Draw(t, "shift") {
			a.Bias = values(c)
		}
		return b.Add("affine", a, x)
	case 5:
		return b.Add("act", &net.Activation{Act: randomAct(t)}, x)
	case 6:
		return b.Add("pool", &net.Pool{
			Kind: net.PoolKind(rapid.IntRange(0, 1).Draw(t, "pool")), Kernel: two, Stride: pair(t, "stride", 1, 2), Dilation: one, Pad: randomPad(t),
			Ceil: rapid.Bool().Draw(t, "ceil"),
		}, x)
	case 7:
		return b.Add("scale", &net.Binary{Kind: net.BinaryKind(rapid.IntRange(0, 2).Draw(t, "binary")), Act: randomAct(t)}, x, b.Add("global", &net.GlobalAvgPool{}, x))
	case 8:
		return b.Add("factor", &net.Resize{
			Mode: net.ResizeMode(rapid.IntRange(0, 1).Draw(t, "mode")), Coord: net.CoordMode(rapid.IntRange(0, 3).Draw(t, "coord")),
			ScaleY: rapid.SampledFrom([]float64{2, 1.5, 3}).Draw(t, "factor"), ScaleX: 2,
		}, x)
	case 9:
		return b.Add("size", &net.Resize{Mode: net.Linear, Size: pair(t, "size", 5, 17)}, x)
	case 10:
		return b.Add("cat", &net.Concat{}, x, x, b.Add("other", &net.Activation{Act: net.Act{Kind: net.ReLU}}, x))
	case 11:
		return b.Add("pad", &net.Pad{Pad: randomPad(t), Value: 2}, x)
	case 12:
		return b.Add("cut", &net.Slice{C1: (c + 1) / 2, Y0: 1, X0: 0, Y1: 0, X1: -1}, x)
	case 13:
		return b.Add("softmax", &net.Softmax{}, x)
	}
	if a := randomAct(t); rapid.Bool().Draw(t, "fused") {
		b.Fuse(x, a)
	}
	return x
}

// TestRoundTrip writes random networks, reads them back and compares what they compute. The bytes of
// the second writing show that nothing else changed on the way.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomNet(t)
		in := net.Shape{C: n.Nodes[0].Op.(*net.Input).Channels, H: 9, W: 12}
		want, err := nettest.Run(n, nettest.Random(in, 3))
		if err != nil {
			t.Skip(err)
		}
		back := reread(t, n, in)
		got, err := nettest.Run(back, nettest.Random(in, 3))
		if err != nil {
			t.Fatalf("%v", err)
		}
		for k := range want {
			if want[k].Shape != got[k].Shape {
				t.Fatalf("output %d: %v became %v", k, want[k].Shape, got[k].Shape)
			}
			for i, v := range want[k].Data {
				if d := math.Abs(v - got[k].Data[i]); d > 1e-5*(1+math.Abs(v)) {
					t.Fatalf("output %d, element %d: %v became %v", k, i, v, got[k].Data[i])
				}
			}
		}
	})
}

func reread(t interface{ Fatalf(string, ...any) }, n *net.Net, in net.Shape) *net.Net {
	var file bytes.Buffer
	if err := Write(&file, n, WriteOptions{Metadata: map[string]string{"b": "2", "a": "1"}}); err != nil {
		t.Fatalf("%v", err)
	}
	m, err := Read(file.Bytes(), Limits{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, m.Metadata()); diff != "" {
		t.Fatalf("metadata: %s", diff)
	}
	back, err := m.Lower(in)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return back
}

// TestRoundTripExact: a network of plain nodes comes back as it was, and its bytes never change.
func TestRoundTripExact(t *testing.T) {
	n := net.UNet(net.UNetConfig{Channels: []int{4, 6, 8}, Up: net.UpLinear, Stem: 2, Residual: true, Classes: 2, Seed: 9})
	n.Nodes[len(n.Nodes)-1].Name = "output"
	back := reread(t, n, net.Shape{C: 3, H: 64, W: 48})
	if diff := cmp.Diff(n, back); diff != "" {
		t.Error(diff)
	}
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := Write(w, n, WriteOptions{Metadata: map[string]string{"x": "1", "y": "2", "z": "3"}}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writings differ")
	}
}

func TestWriteRefuses(t *testing.T) {
	b := net.NewBuilder("t", 1, 1)
	n := b.Done(0, 0)
	for name, o := range map[string]WriteOptions{
		"too few names": {Outputs: []string{"a"}}, "one name twice": {Outputs: []string{"a", "a"}}, "the input's name": {Input: "a", Outputs: []string{"a", "b"}},
	} {
		if err := Write(&bytes.Buffer{}, n, o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := Write(&bytes.Buffer{}, &net.Net{}, WriteOptions{}); err == nil {
		t.Error("an empty network was accepted")
	}
}
