package main

import (
	"context"
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// oracleLimit is the largest arithmetic that the plain interpreter is asked for.
const oracleLimit = 3e8

// check compares outputs on random images: ONNX Runtime's with ours, and with the plain interpreter's
// where that is quick.
func (c config) check(folder string, cases []testCase) error {
	var failed int
	var worst struct{ ours, oracle float64 }
	for _, t := range cases {
		ours, oracle, err := c.compare(t)
		bad := err != nil || !(ours <= c.tolerance) || !(oracle <= c.tolerance)
		if bad {
			failed++
		}
		if bad || c.verbose {
			fmt.Printf("%-50s %v  ours %.1e  interpreter %.1e  %v\n", t.File, t.Shape, ours, oracle, err)
		}
		worst.ours, worst.oracle = math.Max(worst.ours, ours), math.Max(worst.oracle, oracle)
	}
	fmt.Printf("%s: %d cases, %d failed; largest difference to ONNX Runtime, relative to the range: ours %.1e, interpreter %.1e\n",
		folder, len(cases), failed, worst.ours, worst.oracle)
	if failed > 0 {
		return fmt.Errorf("%d of %d cases differ", failed, len(cases))
	}
	return nil
}

func (c config) compare(t testCase) (ours, oracle float64, err error) {
	if _, err := c.runtime.ask(request{Do: "load", Model: t.path, Threads: c.threads}); err != nil {
		return 0, 0, err
	}
	x := nettest.Random(t.shape(), 42)
	in := x.Float32()
	if t.Last {
		in = channelsLast(in, t.shape())
	}
	want, dims, err := c.runtime.run(in, t.dims())
	if err != nil {
		return 0, 0, err
	}
	n, err := t.lower()
	if err != nil {
		return 0, 0, err
	}
	shapes, err := n.Shapes(t.shape())
	if err != nil {
		return 0, 0, err
	}
	out := shapes[n.Outputs[0]]
	if t.Last && len(dims) == 4 {
		want = channelsFirst(want, out)
	}
	if oracle, err = interpreted(n, x, want); err != nil {
		return 0, 0, err
	}
	got, err := c.infer(n, x, out)
	if err != nil {
		return 0, oracle, err
	}
	ours, err = difference(got, want)
	return ours, oracle, err
}

func (c config) infer(n *net.Net, x nettest.Planes, out net.Shape) ([]float32, error) {
	engine, err := nn.New(n, nn.Options{Threads: c.threads})
	if err != nil {
		return nil, err
	}
	network, err := engine.Network(pyramid.Size{W: x.W, H: x.H})
	if err != nil {
		return nil, err
	}
	defer network.Close()
	got := make([]float32, out.C*out.H*out.W)
	return got, network.Run(context.Background(), x.Float32(), got)
}

func interpreted(n *net.Net, x nettest.Planes, want []float32) (float64, error) {
	if flops, _, err := n.Cost(x.Shape); err != nil || flops > oracleLimit {
		return 0, err
	}
	values, err := nettest.Run(n, x)
	if err != nil {
		return 0, err
	}
	return difference(values[0].Float32(), want)
}

// difference is the largest one, relative to the range of what is wanted.
func difference(got, want []float32) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d values, not %d", len(got), len(want))
	}
	lo, hi, worst := math.Inf(1), math.Inf(-1), 0.0
	for k, w := range want {
		d := math.Abs(float64(got[k]) - float64(w))
		if got[k] == w { // infinities
			d = 0
		}
		if d > worst || d != d {
			worst = d
		}
		lo, hi = math.Min(lo, float64(w)), math.Max(hi, float64(w))
	}
	if hi == lo {
		hi = lo + math.Max(1e-6, math.Abs(lo))
	}
	return worst / (hi - lo), nil
}

func channelsLast(in []float32, s net.Shape) []float32 {
	out := make([]float32, len(in))
	for k := range in {
		c, p := k/(s.H*s.W), k%(s.H*s.W)
		out[p*s.C+c] = in[k]
	}
	return out
}

func channelsFirst(in []float32, s net.Shape) []float32 {
	out := make([]float32, len(in))
	for k := range in {
		p, c := k/s.C, k%s.C
		out[c*s.H*s.W+p] = in[k]
	}
	return out
}

// shapeOf reads channels-last dimensions.
func shapeOf(dims []int) net.Shape { return net.Shape{C: dims[3], H: dims[1], W: dims[2]} }
