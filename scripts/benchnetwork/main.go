//go:build linux

// Command benchnetwork is the part of scripts/bench-tiler.sh that asks what a slide in S3 costs: requests,
// bytes and time to inspect it, to tile it, and to read the packed pyramid as the segmenters do, over a line
// with latency, beside the same on the local disk.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/slidemill/slidemill/scripts/site/front"
)

type options struct {
	slide, ours, server string // paths: the slide, slidemill, s3server
	dir                 string // for what it writes
	latency             time.Duration
	rounds              int
}

func main() {
	var o options
	flag.StringVar(&o.slide, "slide", "", "slide to tile")
	flag.StringVar(&o.ours, "ours", "slidemill", "slidemill's binary")
	flag.StringVar(&o.server, "server", "s3server", "binary of scripts/s3server")
	flag.StringVar(&o.dir, "dir", "", "empty folder for the bucket and the pyramids")
	flag.DurationVar(&o.latency, "latency", 20*time.Millisecond, "added to each request")
	flag.IntVar(&o.rounds, "rounds", 3, "times that local and S3 are tried in turn; the medians are printed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchnetwork:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	fmt.Printf("%s (%.1f MB) in S3, %v added to each request; medians of %d\n", filepath.Base(o.slide), float64(s.size)/1e6, o.latency, o.rounds)
	for _, w := range []work{
		{"inspect", func(slide, _ string) []string { return []string{"inspect", slide} }},
		{"tile", func(slide, out string) []string { return []string{"tile", slide, "--out", out} }},
	} {
		if err := s.compare(ctx, w); err != nil {
			return err
		}
	}
	return s.segmenter(ctx)
}

// work is a command of slidemill on a slide.
type work struct {
	name string
	args func(slide, out string) []string
}

// compare does the work from the disk and from S3 in turn.
func (s *scene) compare(ctx context.Context, w work) error {
	var here, there []time.Duration
	var moved []front.Traffic
	for range s.rounds {
		took, err := s.slidemill(ctx, w, s.slide)
		if err != nil {
			return err
		}
		here = append(here, took)
		s.line.Traffic()
		if took, err = s.slidemill(ctx, w, s.url()); err != nil {
			return err
		}
		there, moved = append(there, took), append(moved, s.line.Traffic())
	}
	local, far := median(here), median(there)
	slices.SortFunc(moved, func(a, b front.Traffic) int { return cmp.Compare(a.Requests, b.Requests) })
	t := moved[len(moved)/2]
	fmt.Printf("  %-8s %5d requests  %9.1f kB   wall local %6.2f s   S3 %6.2f s   ratio %.2f\n",
		w.name, t.Requests, float64(t.Down)/1e3, local.Seconds(), far.Seconds(), far.Seconds()/local.Seconds())
	return nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// slidemill runs the command; what it writes is removed.
func (s *scene) slidemill(ctx context.Context, w work, slide string) (time.Duration, error) {
	out := filepath.Join(s.dir, "out.szi")
	defer os.Remove(out)
	cmd := exec.CommandContext(ctx, s.ours, w.args(slide, out)...)
	cmd.Env = append(os.Environ(), s.environment()...)
	started := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", w.name, err, text)
	}
	return time.Since(started), nil
}
