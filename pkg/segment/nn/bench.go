package nn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// Timing is the time of a forward pass of one image, while Workers do one each.
type Timing struct {
	Seconds float64 `json:"seconds"` // median after warm-up
	GFLOP   float64 `json:"gflop"`   // of the direct algorithms, two per multiply-add
	GFLOPs  float64 `json:"gflops"`  // GFLOP per second
	Kernel  string  `json:"kernel"`
	Threads int     `json:"threads"`

	Tiling     string `json:"tiling"`
	Runs       int    `json:"runs"`
	ArenaBytes int64  `json:"arena_bytes"` // of one worker

	Workers     int     `json:"workers"`
	Megapixels  float64 `json:"megapixels_per_second"` // of all workers
	Allocations int     `json:"allocations"`           // of a steady run, in our operators
}

// BenchConfig says how Bench measures.
type BenchConfig struct {
	Threads int // of a worker; 0 is 1
	Workers int // networks that run at once; 0 is 1
	Tiling  Tiling
	MinRuns int           // 0 is 7
	MinTime time.Duration // 0 is one second: more runs are made until it has passed
}

func (c BenchConfig) orDefault() BenchConfig {
	c.Threads, c.Workers = max(1, c.Threads), max(1, c.Workers)
	if c.MinRuns <= 0 {
		c.MinRuns = 7
	}
	if c.MinTime <= 0 {
		c.MinTime = time.Second
	}
	return c
}

// Bench times forward passes of a network on noise of one size.
func Bench(ctx context.Context, n *net.Net, in net.Shape, cfg BenchConfig) (Timing, error) {
	cfg = cfg.orDefault()
	e, err := New(n, Options{Threads: cfg.Threads, Tiling: cfg.Tiling})
	if err != nil {
		return Timing{}, err
	}
	flops, _, err := n.Cost(in)
	if err != nil {
		return Timing{}, err
	}
	times, first, err := e.times(ctx, pyramid.Size{W: in.W, H: in.H}, cfg)
	if err != nil {
		return Timing{}, fmt.Errorf("time %s: %w", n.Name, err)
	}
	slices.Sort(times)
	median := times[len(times)/2].Seconds()
	first.Seconds, first.GFLOP = median, float64(flops)/1e9
	first.GFLOPs = first.GFLOP / median
	first.Kernel, first.Tiling = kernel.Variant().String(), cfg.Tiling.String()
	first.Threads, first.Workers, first.Runs = cfg.Threads, cfg.Workers, len(times)
	first.Megapixels = float64(cfg.Workers*in.W*in.H) / 1e6 / median
	return first, nil
}

// times lets all workers run at once, and says what one of them needs.
func (e *Engine) times(ctx context.Context, size pyramid.Size, cfg BenchConfig) (all []time.Duration, first Timing, err error) {
	networks := make([]*Network, cfg.Workers)
	for i := range networks {
		if networks[i], err = e.Compile(size, 1); err != nil {
			return nil, first, err
		}
		defer networks[i].Close()
	}
	in := noise(networks[0].in.floats())
	times, errs := make([][]time.Duration, cfg.Workers), make([]error, cfg.Workers)
	var wg sync.WaitGroup
	for i, n := range networks {
		wg.Go(func() { times[i], errs[i] = n.times(ctx, in, cfg) })
	}
	wg.Wait()
	first.ArenaBytes = networks[0].ArenaBytes()
	if first.Allocations, err = networks[0].Allocations(10); err != nil {
		return nil, first, err
	}
	return slices.Concat(times...), first, errors.Join(errs...)
}

// times runs the network twice to warm up, then as often as asked.
func (n *Network) times(ctx context.Context, in []float32, cfg BenchConfig) ([]time.Duration, error) {
	out := make([]float32, n.outFloats())
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

// Allocations is how often a steady run allocates in the operators and kernels, without Gorgonia's
// machine: the median of some runs of the operators in the machine's order, after a run of all. Other
// goroutines are counted too, so a lone stray does not matter. As testing.AllocsPerRun does, it leaves the
// process one processor for that time: each new one that a goroutine moves to fills its pools once.
func (n *Network) Allocations(runs int) (int, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if n.stem != nil { // whatever stands in the rows
		n.stem.fill = func(int, []float32, []float32, []float32) {}
		defer func() { n.stem.fill = nil }()
	}
	if err := n.runSteps(); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	counts := make([]int, max(1, runs))
	for i := range counts {
		runtime.ReadMemStats(&before)
		if err := n.runSteps(); err != nil {
			return 0, err
		}
		runtime.ReadMemStats(&after)
		counts[i] = int(after.Mallocs - before.Mallocs)
	}
	slices.Sort(counts)
	return counts[len(counts)/2], nil
}

// runSteps does the operators as the machine does.
func (n *Network) runSteps() error {
	for _, s := range n.g.steps {
		if _, err := s.op.Do(s.in...); err != nil {
			return err
		}
	}
	return nil
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
