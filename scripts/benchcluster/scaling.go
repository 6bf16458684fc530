//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/scripts/site"
)

// measure is one run of the slide.
type measure struct {
	regions, batches int
	segmenting       time.Duration // from the first region in the store to the last
	total            time.Duration
	cpu              map[string]time.Duration // by process
}

func (m measure) rate() float64 { return float64(m.regions-1) / m.segmenting.Seconds() }

// scaling runs the slide with one and with two segmenting workers, each bound to a core of its own. The
// other processes run beside them on what is left.
func scaling(ctx context.Context, o options) error {
	var got [2]measure
	for n := 1; n <= 2; n++ {
		m, err := once(ctx, o, n)
		if err != nil {
			return fmt.Errorf("%d workers: %w", n, err)
		}
		got[n-1] = m
		fmt.Printf("%d single-core workers: %d regions in %d jobs, %.2f regions/s, %.1f s from order to mask\n", n, m.regions, m.batches, m.rate(), m.total.Seconds())
	}
	one, two := got[0], got[1]
	fmt.Printf("scaling from 1 to 2 workers: %.2f times the regions per second\n", two.rate()/one.rate())
	var all, segmenters time.Duration
	for name, t := range one.cpu {
		all += t
		if strings.HasPrefix(name, "segment") {
			segmenters += t
		}
		fmt.Printf("  %-10s %6.1f s of processor time\n", name, t.Seconds())
	}
	fmt.Printf("segmenters' share of all processor time: %.0f %% (%.1f of %.1f s)\n", 100*segmenters.Seconds()/all.Seconds(), segmenters.Seconds(), all.Seconds())
	idle := one.segmenting - segmenters
	fmt.Printf("overhead per region: %.1f ms in which the one segmenter waited for queue, store or tiles\n", max(0, idle.Seconds()*1000/float64(one.regions)))
	return nil
}

func once(ctx context.Context, o options, workers int) (m measure, err error) {
	dir := filepath.Join(o.dir, strconv.Itoa(workers))
	c := site.Config{Dir: dir, Workers: workers + 2, Under: map[string][]string{}}
	for i := range workers { // worker-1 tiles, the last one stitches
		c.Under[fmt.Sprintf("worker-%d", i+2)] = []string{"taskset", "-c", strconv.Itoa(i)}
	}
	s, err := site.Open(c)
	if err != nil {
		return m, err
	}
	if err := s.Build(); err != nil {
		return m, err
	}
	if err := s.Start(); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	file := filepath.Join(o.dir, "slide.tiff")
	if _, err := os.Stat(file); err != nil {
		if out, err := exec.CommandContext(ctx, filepath.Join(dir, "bin", "slidemill"), "synth", "--out", file, "--size", o.size, "--seed", strconv.Itoa(o.seed)).CombinedOutput(); err != nil {
			return m, fmt.Errorf("synth: %w\n%s", err, out)
		}
	}
	return follow(ctx, s, o, file)
}

// follow orders the slide and measures until its mask is there.
func follow(ctx context.Context, s *site.Site, o options, file string) (m measure, err error) {
	model, err := builtin.Model()
	if err != nil {
		return m, err
	}
	bucket, err := s.Objects(ctx)
	if err != nil {
		return m, err
	}
	queue, err := s.Queue(ctx)
	if err != nil {
		return m, err
	}
	defer queue.Close()
	order, err := intake.Prepare(ctx, file, segment.Parameters{Region: o.region}, model, nil)
	if err != nil {
		return m, err
	}
	started := time.Now()
	if err := (&intake.Desk{Bucket: bucket, Queue: queue}).Submit(ctx, order); err != nil {
		return m, err
	}
	keys := store.Slide(order.Slide).Run(order.Run)
	for {
		if _, err := bucket.Stat(ctx, keys.Manifest()); err == nil {
			break
		} else if !errors.Is(err, store.ErrNotFound) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	m.total = time.Since(started)
	if m.cpu, err = processorTime(s); err != nil {
		return m, err
	}
	return m, m.count(ctx, bucket, keys, s)
}

// count reads from the store when each region came.
func (m *measure) count(ctx context.Context, bucket store.Bucket, keys store.RunKeys, s *site.Site) error {
	data, err := store.ReadAll(ctx, bucket, keys.Plan(), 1<<28)
	if err != nil {
		return err
	}
	plan, err := segment.DecodePlan(data)
	if err != nil {
		return err
	}
	m.regions, m.batches = len(plan.Regions), plan.Batches()
	var first, last time.Time
	for _, r := range plan.Regions { // the file's own time: S3 rounds to seconds
		info, err := os.Stat(filepath.Join(s.S3Dir, site.Bucket, "results", keys.Region(r)))
		if err != nil {
			return err
		}
		t := info.ModTime()
		if first.IsZero() || t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	m.segmenting = last.Sub(first)
	return nil
}

// processorTime reads what each process has used so far, in clock ticks of 10 ms.
func processorTime(s *site.Site) (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	roles := site.Split(s.Workers)
	for _, name := range s.Names() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Process(name).PID()))
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		user, err1 := strconv.Atoi(fields[11])
		system, err2 := strconv.Atoi(fields[12])
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if number, ok := strings.CutPrefix(name, "worker-"); ok {
			i, err := strconv.Atoi(number)
			if err != nil {
				return nil, err
			}
			name = roles[i-1] + "-" + number
		}
		used[name] += time.Duration(user+system) * 10 * time.Millisecond
	}
	return used, nil
}
