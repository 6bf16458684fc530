//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/scripts/site"
)

// once runs the slide through a site of its own, in a folder of that name.
func once(ctx context.Context, o options, run string, workers int) (m measure, err error) {
	dir := filepath.Join(o.dir, run)
	c := site.Config{Dir: dir, Workers: workers + 2, Under: map[string][]string{}, Args: map[string][]string{}}
	quota := &quotas{share: o.quota}
	defer func() { err = errors.Join(err, quota.remove()) }()
	var profiles []string
	for i := range workers { // worker-1 tiles, the last one stitches
		name := fmt.Sprintf("worker-%d", i+2)
		profile := filepath.Join(o.dir, fmt.Sprintf("%s-%s.pprof", run, name))
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
			c.Args[name] = []string{"--profile", filepath.Join(o.dir, fmt.Sprintf("%s-%s.pprof", run, name))}
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
	share, err := profiledShare(ctx, mill, profiles)
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
	p := segment.Parameters{Region: o.region}
	if m, err = ordered(ctx, s, file, p); err != nil || !o.warm {
		return m, err
	}
	p.Threshold = warmThreshold
	return ordered(ctx, s, file, p)
}

// warmThreshold makes another run of the slide that was done before: its regions are computed once more.
const warmThreshold = 0.75

// ordered orders the slide and waits for its mask.
func ordered(ctx context.Context, s *site.Site, file string, p segment.Parameters) (m measure, err error) {
	model, err := builtin.Model()
	if err != nil {
		return m, err
	}
	order, err := intake.Prepare(ctx, file, intake.PrepareConfig{Model: model, Parameters: p})
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
