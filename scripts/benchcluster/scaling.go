//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// measure is one run of the night's slides.
type measure struct {
	regions, jobs int
	batch         int           // regions of a job
	tissue        float64       // share of the slides, their mean
	segmenting    time.Duration // from the first plan, after which regions can be had, to the last region
	stored        []time.Time   // when each region came, the first one first
	total         time.Duration // from the first order to the last mask
	cpu           usage         // between first order and last mask
	network       time.Duration // what of it went into the networks
}

func (m measure) rate() float64 { return float64(m.regions) / m.segmenting.Seconds() }

// networkShare is the share of all processes' time that went into the networks.
func (m measure) networkShare() float64 { return m.network.Seconds() / m.cpu.of("").Seconds() }

// busyRate is the regions per second while all workers have work: from the first region to the one after which the first
// of them finds no batch to take. The end of one slide, where one worker waits for the other, is no part of a night with a
// batch of them.
func (m measure) busyRate(workers int) float64 {
	last := len(m.stored) - 1 - m.batch*(workers-1)
	return float64(last) / m.stored[last].Sub(m.stored[0]).Seconds()
}

// scaling runs the slides with one and with two segmenting workers, each bound to a core of its own, or a share of it. The
// other processes run beside the first. Rounds take turns in who begins: a machine whose neighbours wake up
// meanwhile favours neither. Each round also asks what the machine allows.
func scaling(ctx context.Context, o options) error {
	var rates, busy, bare []float64
	var shares [2][]float64
	for round := range o.rounds {
		var got [2]measure
		for turn := range 2 {
			i := (round + turn) % 2
			m, err := once(ctx, o, fmt.Sprintf("%d-%d", round+1, i+1), i+1)
			if err != nil {
				return fmt.Errorf("%d workers: %w", i+1, err)
			}
			m.print(i+1, o.quota)
			got[i], shares[i] = m, append(shares[i], 100*m.networkShare())
		}
		machine, err := bareScaling(ctx, o, filepath.Join(o.dir, fmt.Sprintf("%d-1", round+1), "bin", "slidemill"))
		if err != nil {
			return err
		}
		bare = append(bare, machine)
		rates = append(rates, got[1].rate()/got[0].rate())
		busy = append(busy, got[1].busyRate(2)/got[0].busyRate(1))
	}
	fmt.Printf("scaling from 1 to 2 workers on %g of a core each: %s times the regions per second from plan to last region, %s while regions wait\n",
		o.quota, median(rates, 2), median(busy, 2))
	fmt.Printf("the machine allows %s times: two bare networks beside each other, with nothing else to do or to wait for\n", median(bare, 2))
	fmt.Printf("processor time in the network: %s %% with one worker, %s %% with two\n", median(shares[0], 1), median(shares[1], 1))
	return nil
}

// median writes the middle of the rounds' figures, and all of them where there are several.
func median(of []float64, digits int) string {
	sorted := slices.Sorted(slices.Values(of))
	text := strconv.FormatFloat((sorted[(len(of)-1)/2]+sorted[len(of)/2])/2, 'f', digits, 64)
	if len(of) > 1 {
		text += fmt.Sprintf(" (of %.*f)", digits, of)
	}
	return text
}

// print tells about a run with so many workers, each on that share of a core.
func (m measure) print(workers int, share float64) {
	fmt.Printf("%d single-core workers: %.0f %% tissue, %d regions in %d jobs, %.3f regions/s, %.3f while regions wait, %.1f s from the first order to the last mask\n",
		workers, 100*m.tissue, m.regions, m.jobs, m.rate(), m.busyRate(workers), m.total.Seconds())
	segmenters := m.cpu.of("segment")
	for _, name := range slices.Sorted(maps.Keys(m.cpu)) {
		fmt.Printf("  %-10s %7.2f s of processor time\n", name, m.cpu[name].Seconds())
	}
	all := m.cpu.of("")
	fmt.Printf("  in the network %.2f of %.2f s: %.1f %%; of the segmenters' own time: %.1f %%\n",
		m.network.Seconds(), all.Seconds(), 100*m.networkShare(), 100*m.network.Seconds()/segmenters.Seconds())
	perJob := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(m.jobs) }
	busy := time.Duration(float64(workers) * share * float64(m.segmenting))
	fmt.Printf("  a region job takes %.0f ms, of which %.1f ms are not the network: %.1f ms of processor time, %.1f ms of waiting\n",
		perJob(busy), perJob(busy-m.network), perJob(segmenters-m.network), perJob(busy-segmenters))
}
