//go:build linux

// Command benchcluster is scripts/bench-cluster.sh and scripts/bench-queue.sh: what distributing costs. It
// works on a site of real servers (scripts/site).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

type options struct {
	dir, size string
	seed      int
	region    int
	slides    int
	queue     bool
	keep      bool
	warm      bool
	night     int
	rounds    int
	tissue    float64
	quota     float64
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "folder (default: a temporary one)")
	flag.StringVar(&o.size, "size", "12000x10000", "of the synthetic slide")
	flag.IntVar(&o.seed, "seed", 5, "of the synthetic slide")
	// The tissue map's cells reach a little over the border of the tissue: it finds 40 %.
	flag.Float64Var(&o.tissue, "tissue", 0.385, "share of the slide that is drawn as tissue")
	flag.Float64Var(&o.quota, "quota", 1, "share of its core that each segmenting worker gets: less leaves room to the other processes, which are on the first one's")
	flag.IntVar(&o.rounds, "rounds", 1, "rounds of both; medians of their figures are printed")
	flag.IntVar(&o.night, "night", 1, "slides that are ordered one after the other, as in a night")
	flag.IntVar(&o.region, "region", 0, "side of a region; 0 means the default")
	flag.BoolVar(&o.warm, "warm", false, "let the slides through once before they are measured: workers have touched their memory, and the pyramids are in the store; shares are of both passes")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder, with profiles of all workers, for go tool pprof")
	flag.BoolVar(&o.queue, "queue", false, "instead: put the jobs of many slides through the queue and print its disk and memory")
	flag.IntVar(&o.slides, "slides", 10_000, "slides whose jobs go through the queue")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchcluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "slidemill-bench-"); err != nil {
			return err
		}
		if !o.keep {
			defer os.RemoveAll(o.dir)
		}
		fmt.Println("files in", o.dir)
	}
	if o.rounds < 1 || o.night < 1 {
		return fmt.Errorf("--rounds %d, --night %d: want 1 or more", o.rounds, o.night)
	}
	if o.queue {
		return throughQueue(ctx, o)
	}
	return scaling(ctx, o)
}
