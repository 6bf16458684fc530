package nn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// Timing is the time of a forward pass of one image.
type Timing struct {
	Seconds float64 `json:"seconds"` // median after warm-up
	GFLOP   float64 `json:"gflop"`   // of the direct algorithms, two per multiply-add
	GFLOPs  float64 `json:"gflops"`  // GFLOP per second
	Kernel  string  `json:"kernel"`
	Threads int     `json:"threads"`

	Tiling     string `json:"tiling"`
	Runs       int    `json:"runs"`
	ArenaBytes int64  `json:"arena_bytes"`
}

// BenchConfig says how Bench measures.
type BenchConfig struct {
	Threads int           // 0 is 1
	Direct  bool          // convolve directly, as the regions of slides are; else Fastest
	MinRuns int           // 0 is 7
	MinTime time.Duration // 0 is one second: more runs are made until it has passed
}

func (c BenchConfig) orDefault() BenchConfig {
	c.Threads = max(1, c.Threads)
	if c.MinRuns <= 0 {
		c.MinRuns = 7
	}
	if c.MinTime <= 0 {
		c.MinTime = time.Second
	}
	return c
}

func (c BenchConfig) tiling() Tiling {
	if c.Direct {
		return Tiling{}
	}
	return Fastest()
}

// Bench times forward passes of a network on noise of one size.
func Bench(ctx context.Context, n *net.Net, in net.Shape, cfg BenchConfig) (Timing, error) {
	cfg = cfg.orDefault()
	e, err := New(n, Options{Threads: cfg.Threads, Tiling: cfg.tiling()})
	if err != nil {
		return Timing{}, err
	}
	flops, _, err := n.Cost(in)
	if err != nil {
		return Timing{}, err
	}
	nw, err := e.Compile(pyramid.Size{W: in.W, H: in.H}, 1)
	if err != nil {
		return Timing{}, err
	}
	defer nw.Close()
	times, err := nw.times(ctx, cfg)
	if err != nil {
		return Timing{}, fmt.Errorf("time %s: %w", n.Name, err)
	}
	slices.Sort(times)
	t := Timing{
		Seconds: times[len(times)/2].Seconds(), GFLOP: float64(flops) / 1e9,
		Kernel: kernel.Variant().String(), Threads: cfg.Threads,
		Tiling: cfg.tiling().String(), Runs: len(times), ArenaBytes: nw.ArenaBytes(),
	}
	t.GFLOPs = t.GFLOP / t.Seconds
	return t, nil
}

// times runs the network twice to warm up, then as often as asked.
func (n *Network) times(ctx context.Context, cfg BenchConfig) ([]time.Duration, error) {
	in, out := noise(n.in.floats()), make([]float32, n.outFloats())
	const warmUp = 2
	var times []time.Duration
	for began, run := time.Now(), 0; len(times) < cfg.MinRuns || time.Since(began) < cfg.MinTime; run++ {
		start := time.Now()
		if err := n.Run(ctx, in, out); err != nil {
			return nil, err
		}
		if run >= warmUp {
			times = append(times, time.Since(start))
		}
	}
	return times, nil
}

// noise is normal noise, the same at every call.
func noise(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}
