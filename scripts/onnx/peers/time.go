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

// time runs both in turn, A B A B, one run each, and prints the ratio of the medians.
func (c config) time(cases []testCase) error {
	fmt.Printf("register kernel: %.0f GFLOP/s on %d threads (%v)\n", kernel.PeakGFLOPS(c.threads), c.threads, kernel.Variant())
	fmt.Printf("%-14s %9s %8s  %12s %9s  %12s %9s  %6s\n", "model", "image", "threads", "ONNX Runtime", "GFLOP/s", "ours", "GFLOP/s", "ratio")
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
	engine, err := nn.New(n, nn.Options{Threads: c.threads})
	if err != nil {
		return err
	}
	network, err := engine.Network(pyramid.Size{W: t.Shape[2], H: t.Shape[1]})
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
	gflop := float64(flops) / 1e9
	fmt.Printf("%-14s %9s %8d  %10.4f s %9.1f  %10.4f s %9.1f  %6.2f\n", t.File, fmt.Sprintf("%d×%d", t.Shape[1], t.Shape[2]), c.threads,
		theirs, gflop/theirs, ours, gflop/ours, theirs/ours)
	return nil
}

// inTurn warms both up, then alternates; each figure is a median.
func (c config) inTurn(t testCase, run func() error) (theirs, ours float64, err error) {
	var a, b []float64
	for k := range c.rounds + 2 {
		answer, err := c.runtime.ask(request{Do: "time", Dims: t.dims(), Runs: 1})
		if err != nil {
			return 0, 0, err
		}
		start := time.Now()
		if err := run(); err != nil {
			return 0, 0, err
		}
		if k >= 2 {
			a, b = append(a, answer.Seconds[0]), append(b, time.Since(start).Seconds())
		}
	}
	return median(a), median(b), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
