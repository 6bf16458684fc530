//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"

	"golang.org/x/sync/errgroup"
)

// bareTurns is how often the bare networks take turns, one and then two at once: neighbours of the machine come and go.
const bareTurns = 3

// bareScaling is what the machine allows: how many times the forward passes per second two processes do of what one does, which
// have nothing to wait for and share nothing but cache, memory and the frequency of the processor. They are held as the workers are.
func bareScaling(ctx context.Context, o options, mill string) (float64, error) {
	var rates [2]float64
	for range bareTurns {
		for i := range rates {
			rate, err := bare(ctx, o, mill, i+1)
			if err != nil {
				return 0, fmt.Errorf("%d bare networks: %w", i+1, err)
			}
			rates[i] += rate
		}
	}
	return rates[1] / rates[0], nil
}

// canvas is what the network of a region of 2048 reads with the built-in model's halo of 160.
const canvas = "2368x2368"

// bare is the forward passes per second of so many processes at once, over a region's canvas.
func bare(ctx context.Context, o options, mill string, processes int) (sum float64, err error) {
	quota := &quotas{share: o.quota}
	defer func() { err = errors.Join(err, quota.remove()) }()
	rates := make([]float64, processes)
	var all errgroup.Group
	for i := range rates {
		under, err := quota.under(fmt.Sprintf("bare-%d", i+1), i)
		if err != nil {
			return 0, err
		}
		args := append(under, mill, "model", "bench", "--regions", "--size", canvas, "--json")
		all.Go(func() error {
			out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
			if err != nil {
				return err
			}
			var pass struct{ Seconds float64 }
			err = json.Unmarshal(out, &pass)
			rates[i] = 1 / pass.Seconds
			return err
		})
	}
	err = all.Wait()
	for _, r := range rates {
		sum += r
	}
	return sum, err
}
