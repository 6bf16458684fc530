//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	regions, jobs int
	batch         int           // regions of a job
	tissue        float64       // share of the slide
	segmenting    time.Duration // from the plan, after which regions can be had, to the last region
	stored        []time.Time   // when each region came, the first one first
	total         time.Duration // from the order to the mask
	cpu           usage         // between order and mask
	network       time.Duration // what of it went into the networks
}

func (m measure) rate() float64 { return float64(m.regions) / m.segmenting.Seconds() }

// busyRate is the regions per second while all workers have work: from the first region to the one after which the first
// of them finds no batch to take. The end of one slide, where one worker waits for the other, is no part of a night with a
// batch of them.
func (m measure) busyRate(workers int) float64 {
	last := len(m.stored) - 1 - m.batch*(workers-1)
	return float64(last) / m.stored[last].Sub(m.stored[0]).Seconds()
}

// scaling runs the slide with one and with two segmenting workers, each bound to a core of its own, or a share of it. The
// other processes run beside them on what is left.
func scaling(ctx context.Context, o options) error {
	var got [2]measure
	for n := 1; n <= 2; n++ {
		m, err := once(ctx, o, n)
		if err != nil {
			return fmt.Errorf("%d workers: %w", n, err)
		}
		got[n-1] = m
		m.print(n, o.quota)
	}
	fmt.Printf("scaling from 1 to 2 workers on %g of a core each: %.2f times the regions per second from plan to last region, %.2f while regions wait\n",
		o.quota, got[1].rate()/got[0].rate(), got[1].busyRate(2)/got[0].busyRate(1))
	return nil
}

// print tells about a run with so many workers, each on that share of a core.
func (m measure) print(workers int, share float64) {
	fmt.Printf("%d single-core workers: %.0f %% tissue, %d regions in %d jobs, %.3f regions/s, %.3f while regions wait, %.1f s from order to mask\n",
		workers, 100*m.tissue, m.regions, m.jobs, m.rate(), m.busyRate(workers), m.total.Seconds())
	segmenters := m.cpu.of("segment")
	for _, name := range slices.Sorted(maps.Keys(m.cpu)) {
		fmt.Printf("  %-10s %7.2f s of processor time\n", name, m.cpu[name].Seconds())
	}
	all := m.cpu.of("")
	fmt.Printf("  in the network %.2f of %.2f s: %.1f %%; of the segmenters' own time: %.1f %%\n",
		m.network.Seconds(), all.Seconds(), 100*m.network.Seconds()/all.Seconds(), 100*m.network.Seconds()/segmenters.Seconds())
	perJob := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(m.jobs) }
	busy := time.Duration(float64(workers) * share * float64(m.segmenting))
	fmt.Printf("  a region job takes %.0f ms, of which %.1f ms are not the network: %.1f ms of processor time, %.1f ms of waiting\n",
		perJob(busy), perJob(busy-m.network), perJob(segmenters-m.network), perJob(busy-segmenters))
}

func once(ctx context.Context, o options, workers int) (m measure, err error) {
	dir := filepath.Join(o.dir, strconv.Itoa(workers))
	c := site.Config{Dir: dir, Workers: workers + 2, Under: map[string][]string{}, Args: map[string][]string{}}
	quota := &quotas{share: o.quota}
	defer func() { err = errors.Join(err, quota.remove()) }()
	var profiles []string
	for i := range workers { // worker-1 tiles, the last one stitches
		name := fmt.Sprintf("worker-%d", i+2)
		profile := filepath.Join(o.dir, fmt.Sprintf("%d-%s.pprof", workers, name))
		profiles = append(profiles, profile)
		limited, err := quota.under(name)
		if err != nil {
			return m, err
		}
		c.Under[name] = append(limited, "taskset", "-c", strconv.Itoa(i))
		c.Args[name] = []string{"--profile", profile}
	}
	if o.keep { // somebody wants to look at all of them
		for _, name := range []string{"s3", "worker-1", fmt.Sprintf("worker-%d", workers+2)} {
			c.Args[name] = []string{"--profile", filepath.Join(o.dir, fmt.Sprintf("%d-%s.pprof", workers, name))}
		}
	}
	s, err := site.Open(c)
	if err != nil {
		return m, err
	}
	if err := s.Build(); err != nil {
		return m, err
	}
	mill := filepath.Join(dir, "bin", "slidemill")
	file, err := slide(ctx, o, mill)
	if err != nil {
		return m, err
	}
	if m, err = through(ctx, s, o, file); err != nil {
		return m, err
	}
	share, err := networkShare(ctx, mill, profiles)
	m.network = time.Duration(share * float64(m.cpu.of("segment")))
	return m, err
}

// slide draws the slide if it is not there.
func slide(ctx context.Context, o options, mill string) (file string, err error) {
	file = filepath.Join(o.dir, "slide.tiff")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	out, err := exec.CommandContext(ctx, mill, "synth", "--out", file, "--size", o.size, "--seed", strconv.Itoa(o.seed),
		"--tissue", fmt.Sprint(o.tissue)).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("synth: %w\n%s", err, out)
	}
	return file, nil
}

// through takes the slide through the site, and stops it.
func through(ctx context.Context, s *site.Site, o options, file string) (m measure, err error) {
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.Start(); err != nil {
		return m, err
	}
	model, err := builtin.Model()
	if err != nil {
		return m, err
	}
	order, err := intake.Prepare(ctx, file, intake.PrepareConfig{Model: model, Parameters: segment.Parameters{Region: o.region}})
	if err != nil {
		return m, err
	}
	before, err := processorTime(s)
	if err != nil {
		return m, err
	}
	started := time.Now()
	bucket, err := s.Objects(ctx)
	if err != nil {
		return m, err
	}
	if err := submit(ctx, s, bucket, order); err != nil {
		return m, err
	}
	keys := store.Slide(order.Slide).Run(order.Run)
	if err := await(ctx, s, keys.Manifest()); err != nil {
		return m, err
	}
	m.total = time.Since(started)
	after, err := processorTime(s)
	if err != nil {
		return m, err
	}
	m.cpu = after.since(before)
	return m, m.count(ctx, bucket, keys, s)
}

func submit(ctx context.Context, s *site.Site, bucket store.Bucket, order *intake.Order) error {
	queue, err := s.Queue(ctx)
	if err != nil {
		return err
	}
	return errors.Join((&intake.Desk{Bucket: bucket, Queue: queue}).Submit(ctx, order), queue.Close())
}

// await waits until the object is there. It looks at the server's files: questions five times a second would be
// work of the server that no site has.
func await(ctx context.Context, s *site.Site, key string) error {
	for {
		if _, err := modified(s, key); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// count reads from the store when the plan and each region came.
func (m *measure) count(ctx context.Context, bucket store.Bucket, keys store.RunKeys, s *site.Site) error {
	data, err := store.ReadAll(ctx, bucket, keys.Plan(), 1<<28)
	if err != nil {
		return err
	}
	plan, err := segment.DecodePlan(data)
	if err != nil {
		return err
	}
	tissue, err := plan.TissueMap()
	if err != nil {
		return err
	}
	classes := tissue.Count()
	m.regions, m.jobs, m.batch, m.tissue = len(plan.Regions), plan.Batches(), plan.BatchSize, float64(classes[segment.Tissue])/float64(len(tissue.Class))
	began, err := modified(s, keys.Plan())
	if err != nil {
		return err
	}
	for _, r := range plan.Regions {
		t, err := modified(s, keys.Region(r))
		if err != nil {
			return err
		}
		m.stored = append(m.stored, t)
	}
	if len(m.stored) < 4*m.batch {
		return fmt.Errorf("%d regions: want a slide with at least %d", len(m.stored), 4*m.batch)
	}
	slices.SortFunc(m.stored, time.Time.Compare)
	m.segmenting = m.stored[len(m.stored)-1].Sub(began)
	return nil
}

// modified is when an object came: the file's own time, as S3 rounds to seconds.
func modified(s *site.Site, key string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(s.S3Dir, site.Bucket, "results", key))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// networkFrames are the functions that run a network: Gorgonia and our kernels.
const networkFrames = `pkg/segment/nn|gorgonia\.org`

// networkShare is the share of the processor time in the profiles that went into the network.
func networkShare(ctx context.Context, program string, profiles []string) (float64, error) {
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
