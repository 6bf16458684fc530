//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// networkFrames are the functions that run a network: Gorgonia and our kernels.
const networkFrames = `pkg/segment/nn|gorgonia\.org`

// profiledShare is the share of the processor time in the profiles that went into the network.
func profiledShare(ctx context.Context, program string, profiles []string) (float64, error) {
	args := append([]string{"tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", "-focus", networkFrames, program}, profiles...)
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return 0, fmt.Errorf("go tool pprof: %w", err)
	}
	for line := range strings.Lines(string(out)) { // "Active filters", then: Showing nodes accounting for 1.2s, 9.5% of 12.6s total
		_, rest, ok := strings.Cut(line, "accounting for ")
		if !ok {
			continue
		}
		_, rest, _ = strings.Cut(rest, ", ")
		percent, _, _ := strings.Cut(rest, "%")
		share, err := strconv.ParseFloat(percent, 64)
		return share / 100, err
	}
	return 0, fmt.Errorf("go tool pprof says: %s", out)
}
