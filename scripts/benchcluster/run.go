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

// once runs the night's slides through a site of its own, in a folder of that name.
func once(ctx context.Context, o options, run string, workers int) (m measure, err error) {
	quota := &quotas{share: o.quota}
	defer func() { err = errors.Join(err, quota.remove()) }()
	s, profiles, err := arrange(o, run, workers, quota)
	if err != nil {
		return m, err
	}
	if err := s.Build(); err != nil {
		return m, err
	}
	mill := filepath.Join(s.Dir, "bin", "slidemill")
	files, err := draw(ctx, o, mill)
	if err != nil {
		return m, err
	}
	if m, err = through(ctx, s, o, files); err != nil {
		return m, err
	}
	share, err := profiledShare(ctx, mill, profiles)
	m.network = time.Duration(share * float64(m.cpu.of("segment")))
	return m, err
}

// othersCore is where all processes run that do not segment, with one worker as with two: beside the first worker. If they
// could go where they like, one worker's would have a core to themselves, which the second worker then takes away from them;
// what is measured would be that as well, and not what a second worker adds. What it takes to run them then costs two
// workers' regions what it costs one's. This program, which orders and waits, is not held anywhere: it sleeps.
const othersCore = 0

// arrange makes the site: each segmenting worker on a core of its own, and with its share of it. Their profiles come
// into the files that it names.
func arrange(o options, run string, workers int, quota *quotas) (s *site.Site, profiles []string, err error) {
	c := site.Config{
		Dir: filepath.Join(o.dir, run), Workers: workers + 2,
		Under: map[string][]string{}, UnderOthers: onCore(othersCore), Args: map[string][]string{},
	}
	profile := func(name string) string {
		file := filepath.Join(o.dir, fmt.Sprintf("%s-%s.pprof", run, name))
		c.Args[name] = []string{"--profile", file}
		return file
	}
	for i := range workers { // worker-1 tiles, the last one stitches
		name := fmt.Sprintf("worker-%d", i+2)
		if c.Under[name], err = quota.under(name, i); err != nil {
			return nil, nil, err
		}
		profiles = append(profiles, profile(name))
	}
	if o.keep { // somebody wants to look at all of them
		for _, name := range []string{"s3", "worker-1", fmt.Sprintf("worker-%d", workers+2)} {
			profile(name)
		}
	}
	s, err = site.Open(c)
	return s, profiles, err
}

// draw makes those of the night's slides that are not there.
func draw(ctx context.Context, o options, mill string) (files []string, err error) {
	for i := range o.night {
		file := filepath.Join(o.dir, fmt.Sprintf("slide-%d.tiff", i+1))
		files = append(files, file)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		out, err := exec.CommandContext(ctx, mill, "synth", "--out", file, "--size", o.size, "--seed", strconv.Itoa(o.seed+i),
			"--tissue", fmt.Sprint(o.tissue)).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("synth: %w\n%s", err, out)
		}
	}
	return files, nil
}

// through takes the slides through the site, and stops it.
func through(ctx context.Context, s *site.Site, o options, files []string) (m measure, err error) {
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.Start(); err != nil {
		return m, err
	}
	p := segment.Parameters{Region: o.region}
	if m, err = ordered(ctx, s, files, p); err != nil || !o.warm {
		return m, err
	}
	p.Threshold = warmThreshold
	return ordered(ctx, s, files, p)
}

// warmThreshold makes other runs of the slides that were done before: their regions are computed once more.
const warmThreshold = 0.75

// ordered orders the slides, one after the other, and waits for their masks.
func ordered(ctx context.Context, s *site.Site, files []string, p segment.Parameters) (m measure, err error) {
	orders, err := prepare(ctx, files, p)
	if err != nil {
		return m, err
	}
	bucket, err := s.Objects(ctx)
	if err != nil {
		return m, err
	}
	before, err := processorTime(s)
	if err != nil {
		return m, err
	}
	started := time.Now()
	if err := submit(ctx, s, bucket, orders); err != nil {
		return m, err
	}
	for _, o := range orders {
		if err := await(ctx, s, store.Slide(o.Slide).Run(o.Run).Manifest()); err != nil {
			return m, err
		}
	}
	m.total = time.Since(started)
	after, err := processorTime(s)
	if err != nil {
		return m, err
	}
	m.cpu = after.since(before)
	return m, m.count(ctx, bucket, orders, s)
}

// prepare reads the slides before the clock runs: whoever orders does that on a machine of their own.
func prepare(ctx context.Context, files []string, p segment.Parameters) (orders []*intake.Order, err error) {
	model, err := builtin.Model()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		order, err := site.Prepare(ctx, file, model, p)
		if err != nil {
			return nil, err
		}
		orders = append(orders, order)
	}
	return orders, nil
}

func submit(ctx context.Context, s *site.Site, bucket store.Bucket, orders []*intake.Order) (err error) {
	queue, err := s.Queue(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	desk := &intake.Desk{Bucket: bucket, Queue: queue}
	for _, order := range orders {
		if err := desk.Submit(ctx, order); err != nil {
			return err
		}
	}
	return nil
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

// count reads from the store when the first plan and each region came.
func (m *measure) count(ctx context.Context, bucket store.Bucket, orders []*intake.Order, s *site.Site) error {
	var began time.Time
	for _, o := range orders {
		planned, err := m.add(ctx, bucket, store.Slide(o.Slide).Run(o.Run), s)
		if err != nil {
			return err
		}
		if began.IsZero() || planned.Before(began) {
			began = planned
		}
	}
	if len(m.stored) < 4*m.batch {
		return fmt.Errorf("%d regions: want a slide with at least %d", len(m.stored), 4*m.batch)
	}
	slices.SortFunc(m.stored, time.Time.Compare)
	m.segmenting = m.stored[len(m.stored)-1].Sub(began)
	m.tissue /= float64(len(orders))
	return nil
}

// add counts one slide in, and says when its plan came.
func (m *measure) add(ctx context.Context, bucket store.Bucket, keys store.RunKeys, s *site.Site) (planned time.Time, err error) {
	data, err := store.ReadAll(ctx, bucket, keys.Plan(), 1<<28)
	if err != nil {
		return planned, err
	}
	plan, err := segment.DecodePlan(data)
	if err != nil {
		return planned, err
	}
	tissue, err := plan.TissueMap()
	if err != nil {
		return planned, err
	}
	m.regions, m.jobs, m.batch = m.regions+len(plan.Regions), m.jobs+plan.Batches(), plan.BatchSize
	m.tissue += float64(tissue.Count()[segment.Tissue]) / float64(len(tissue.Class))
	for _, r := range plan.Regions {
		t, err := modified(s, keys.Region(r))
		if err != nil {
			return planned, err
		}
		m.stored = append(m.stored, t)
	}
	return modified(s, keys.Plan())
}

// modified is when an object came: the file's own time, as S3 rounds to seconds.
func modified(s *site.Site, key string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(s.S3Dir, site.Bucket, "results", key))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
