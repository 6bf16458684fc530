package nn

import (
	"fmt"
	"testing"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// stock runs a folded U-Net on Gorgonia's own operators: a peer to compare with.
type stock struct {
	g     *gorgonia.ExprGraph
	in    *tensor.Dense
	out   *gorgonia.Node
	vm    gorgonia.VM
	nodes []*gorgonia.Node
}

func newStock(t testing.TB, n *net.Net, w, h int) *stock {
	t.Helper()
	s := &stock{g: gorgonia.NewGraph(), nodes: make([]*gorgonia.Node, len(n.Nodes))}
	c := n.Nodes[0].Op.(*net.Input).Channels
	s.in = tensor.New(tensor.WithShape(1, c, h, w), tensor.Of(tensor.Float32))
	s.nodes[0] = gorgonia.NodeFromAny(s.g, s.in, gorgonia.WithName("image"))
	for i, node := range n.Nodes[1:] {
		in := make([]*gorgonia.Node, len(node.In))
		for k, j := range node.In {
			in[k] = s.nodes[j]
		}
		out, err := s.add(fmt.Sprint(i), node.Op, in)
		if err != nil {
			t.Fatalf("stock %s: %v", node.Name, err)
		}
		s.nodes[i+1] = out
	}
	s.out = s.nodes[n.Outputs[0]]
	s.vm = gorgonia.NewTapeMachine(s.g, gorgonia.EvalMode())
	t.Cleanup(func() { s.vm.Close() })
	return s
}

func (s *stock) add(name string, op net.Op, in []*gorgonia.Node) (*gorgonia.Node, error) {
	switch op := op.(type) {
	case *net.Conv:
		w := s.dense(name+" weight", op.Weight.Data, op.Weight.Shape...)
		x, err := gorgonia.Conv2d(in[0], w, tensor.Shape(op.Weight.Shape[2:]), []int{op.Pad.Top, op.Pad.Left}, []int{op.Stride.Y, op.Stride.X}, []int{op.Dilation.Y, op.Dilation.X})
		if err != nil {
			return nil, err
		}
		if op.Bias != nil {
			b := s.dense(name+" bias", op.Bias.Data, 1, op.Bias.Shape[0], 1, 1)
			if x, err = gorgonia.BroadcastAdd(x, b, nil, []byte{0, 2, 3}); err != nil {
				return nil, err
			}
		}
		if op.Act.Kind == net.ReLU {
			return gorgonia.Rectify(x)
		}
		return x, nil
	case *net.Pool:
		return gorgonia.MaxPool2D(in[0], tensor.Shape{op.Kernel.Y, op.Kernel.X}, []int{0, 0}, []int{op.Stride.Y, op.Stride.X})
	case *net.Resize:
		return gorgonia.Upsample2D(in[0], int(op.ScaleY))
	case *net.Concat:
		return gorgonia.Concat(1, in...)
	}
	return nil, fmt.Errorf("%s is not part of this comparison", net.OpName(op))
}

func (s *stock) dense(name string, data []float32, shape ...int) *gorgonia.Node {
	return gorgonia.NodeFromAny(s.g, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)), gorgonia.WithName(name))
}

func (s *stock) run(t testing.TB, x []float32) []float32 {
	t.Helper()
	copy(s.in.Data().([]float32), x)
	s.vm.Reset()
	if err := s.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	return s.out.Value().Data().([]float32)
}

func TestStockOperatorsAgree(t *testing.T) {
	n := smallUNet()
	x := noise(3 * 16 * 24)
	got := mustRun(t, mustNetwork(t, mustEngine(t, n, 1), 24, 16), x)
	stock := newStock(t, n.Fold(), 24, 16).run(t, x)
	want := make([]float64, len(stock))
	for i, v := range stock {
		want[i] = float64(v)
	}
	if err := near(got, want); err != nil {
		t.Error(err)
	}
}

// BenchmarkMegapixelAgainstStock runs a U-Net, depth 4, base 16, in turn on our operators and on
// Gorgonia's, one thread each but for the stock BLAS, and reports the ratio of the times.
func BenchmarkMegapixelAgainstStock(b *testing.B) {
	const side = 128
	n := net.UNet(net.UNetConfig{Name: "u-net", Classes: 3, Base: 16, Depth: 4, Seed: 1})
	ours, theirs := mustNetwork(b, mustEngine(b, n, 1), side, side), newStock(b, n.Fold(), side, side)
	x, out := noise(3*side*side), make([]float32, ours.outFloats())
	var own, peer time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := ours.Run(b.Context(), x, out); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		theirs.run(b, x)
		own, peer = own+middle.Sub(start), peer+time.Since(middle)
	}
	b.ReportMetric(peer.Seconds()/own.Seconds(), "stock/ours")
	b.ReportMetric(own.Seconds()/float64(b.N)/(side*side/1e6), "s/megapixel")
}
