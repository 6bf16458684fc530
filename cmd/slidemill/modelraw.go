package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/segment/ort"
)

// rawModel is an ONNX file that is run as it is, described or not.
type rawModel struct {
	path    string // empty is the built-in model, calibrated
	engine  string
	threads int
}

func (r *rawModel) flags(cmd *cobra.Command) {
	engineFlag(cmd, &r.engine)
	cmd.Flags().IntVar(&r.threads, "threads", 1, "threads of one forward pass")
}

// lower is the model's network for one input.
func (r *rawModel) lower(input net.Shape) (*net.Net, error) {
	if r.path == "" {
		m, err := openModel("")
		if err != nil {
			return nil, err
		}
		return m.Net(pyramid.Size{W: input.W, H: input.H})
	}
	if err := checkNetwork(r.path); err != nil {
		return nil, err
	}
	file, err := onnx.Open(r.path, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	return file.Lower(input)
}

// network makes the lowered network ready on a driver. ONNX Runtime gets the file itself.
func (r *rawModel) network(d driver, n *net.Net, input net.Shape) (_ segment.Network, err error) {
	size := pyramid.Size{W: input.W, H: input.H}
	options := ort.Options{Threads: r.threads, Provider: d.provider}
	switch {
	case d.runtime == nil:
		e, err := nn.New(n, nn.Options{Threads: r.threads})
		if err != nil {
			return nil, err
		}
		return e.Network(size)
	case r.path != "":
		return d.runtime.OpenFile(r.path, n, size, options)
	}
	e, err := d.runtime.NewEngine(func(pyramid.Size) (*net.Net, error) { return n, nil }, options)
	if err != nil {
		return nil, err
	}
	defer closing(&err, e.Close) // what it made stays open until it is closed itself
	return e.Network(size)
}

// time times forward passes on a driver that has no benchmark of its own.
func (r *rawModel) time(ctx context.Context, d driver, n *net.Net, input net.Shape) (_ nn.Timing, err error) {
	flops, _, err := n.Cost(input)
	if err != nil {
		return nn.Timing{}, err
	}
	shapes, err := n.Shapes(input)
	if err != nil {
		return nn.Timing{}, err
	}
	network, err := r.network(d, n, input)
	if err != nil {
		return nn.Timing{}, err
	}
	defer closing(&err, network.Close)
	in, out := make([]float32, input.C*input.H*input.W), make([]float32, outFloats(n, shapes))
	for i := range in {
		in[i] = float32(i%997)/498.5 - 1
	}
	times, err := stopwatched(func() error { return network.Run(ctx, in, out) })
	if err != nil {
		return nn.Timing{}, err
	}
	t := nn.Timing{Seconds: times[len(times)/2].Seconds(), GFLOP: float64(flops) / 1e9, Kernel: d.name, Threads: max(1, r.threads), Runs: len(times), Tiling: "its own", Workers: 1}
	t.GFLOPs, t.Megapixels = t.GFLOP/t.Seconds, float64(input.W*input.H)/1e6/t.Seconds
	return t, nil
}

// outFloats is the size of all outputs together.
func outFloats(n *net.Net, shapes []net.Shape) (sum int) {
	for _, o := range n.Outputs {
		sum += shapes[o].C * shapes[o].H * shapes[o].W
	}
	return sum
}

// stopwatched runs twice to warm up, then at least seven times and for a second; times are sorted.
func stopwatched(run func() error) ([]time.Duration, error) {
	var times []time.Duration
	for began, k := time.Now(), 0; len(times) < 7 || time.Since(began) < time.Second; k++ {
		start := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		if k >= 2 {
			times = append(times, time.Since(start))
		}
	}
	slices.Sort(times)
	return times, nil
}
