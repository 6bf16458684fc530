package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// time runs both in turn, A B A B, and prints the medians and their ratio, and the
// ratios of the shortest runs and, for one thread, of the processor time: what a busy machine
// disturbs least. With more threads ONNX Runtime waits actively, which is no work.
func (c config) time(cases []testCase) error {
	fmt.Printf("register kernel: %.0f GFLOP/s on %d threads (%v); convolutions: %v\n", kernel.PeakGFLOPS(c.threads), c.threads, kernel.Variant(), c.tiling())
	fmt.Printf("%-14s %9s %8s  %12s %9s  %12s %9s  %6s %6s %6s  %9s %6s\n", "model", "image", "threads", "ONNX Runtime", "GFLOP/s", "ours", "GFLOP/s", "ratio", "best", "cpu", "arena", "allocs")
	for _, t := range cases {
		if t.Untimed {
			continue
		}
		if err := c.timeOne(t); err != nil {
			return fmt.Errorf("%s: %w", t.File, err)
		}
	}
	return nil
}

func (c config) timeOne(t testCase) error {
	n, err := t.lower()
	if err != nil {
		return err
	}
	flops, _, err := n.Cost(t.shape())
	if err != nil {
		return err
	}
	shapes, err := n.Shapes(t.shape())
	if err != nil {
		return err
	}
	engine, err := nn.New(n, nn.Options{Threads: c.threads, Tiling: c.tiling()})
	if err != nil {
		return err
	}
	network, err := engine.Compile(pyramid.Size{W: t.Shape[2], H: t.Shape[1]}, 1)
	if err != nil {
		return err
	}
	defer network.Close()
	if _, err := c.runtime.ask(request{Do: "load", Model: t.path, Threads: c.threads}); err != nil {
		return err
	}
	out := shapes[n.Outputs[0]]
	x, y := nettest.Random(t.shape(), 1).Float32(), make([]float32, out.C*out.H*out.W)
	run := func() error { return network.Run(context.Background(), x, y) }
	theirs, ours, err := c.inTurn(t, run)
	if err != nil {
		return err
	}
	allocations, err := network.Allocations(20)
	if err != nil {
		return err
	}
	gflop, a, b := float64(flops)/1e9, median(theirs.wall), median(ours.wall)
	fmt.Printf("%-14s %9s %8d  %10.4f s %9.1f  %10.4f s %9.1f  %6.2f %6.2f %6s  %6d MB %6d\n", t.File, fmt.Sprintf("%d×%d", t.Shape[1], t.Shape[2]), c.threads,
		a, gflop/a, b, gflop/b, a/b, slices.Min(theirs.wall)/slices.Min(ours.wall), c.cpuRatio(theirs, ours), network.ArenaBytes()>>20, allocations)
	return nil
}

func (c config) tiling() nn.Tiling {
	if c.direct {
		return nn.Tiling{}
	}
	return nn.Fastest()
}

// times are seconds of each run: on the clock, and of the processor.
type times struct{ wall, cpu []float64 }

func (c config) cpuRatio(theirs, ours times) string {
	if mine := slices.Min(ours.cpu); c.threads == 1 && mine > 0 {
		return fmt.Sprintf("%.2f", slices.Min(theirs.cpu)/mine)
	}
	return "-"
}

// inTurn warms both up, then alternates. Each turn is two runs, of which the second counts: in the first
// the other's threads may still wait actively for more work, and the caches are the other's.
func (c config) inTurn(t testCase, run func() error) (theirs, ours times, err error) {
	for k := range c.rounds + 2 {
		answer, err := c.runtime.ask(request{Do: "time", Dims: t.dims(), Runs: 2})
		if err != nil {
			return theirs, ours, err
		}
		if err := run(); err != nil {
			return theirs, ours, err
		}
		start, used := time.Now(), cpuSeconds()
		if err := run(); err != nil {
			return theirs, ours, err
		}
		if k >= 2 {
			theirs = times{append(theirs.wall, answer.Seconds[1]), append(theirs.cpu, answer.CPU[1])}
			ours = times{append(ours.wall, time.Since(start).Seconds()), append(ours.cpu, cpuSeconds()-used)}
		}
	}
	return theirs, ours, nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
