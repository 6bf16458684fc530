//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/scripts/site"
)

// Batches of a slide: 15 is a slide of 100,000 × 80,000 pixels with 40 % tissue in regions of 1024 at
// 1.3 µm, rounded up.
const batches = 15

// throughQueue puts the jobs of many slides through a real server, as fast as it goes, and prints what
// the server holds on disk and in memory on the way and at the end.
func throughQueue(ctx context.Context, o options) error {
	s, err := site.Open(site.Config{Dir: o.dir, Workers: 1})
	if err != nil {
		return err
	}
	if err := s.Build(); err != nil {
		return err
	}
	if err := s.Process("nats").Start(); err != nil {
		return err
	}
	defer s.Process("nats").Stop(15 * time.Second)
	var q *jetstream.Queue
	for range 50 {
		if q, err = s.Queue(ctx); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer q.Close()
	started := time.Now()
	const step = 10
	for i := range step {
		if err := slides(ctx, q, i*o.slides/step, (i+1)*o.slides/step); err != nil {
			return err
		}
		disk, memory, err := held(s)
		if err != nil {
			return err
		}
		fmt.Printf("%6d slides, %7d jobs, %5.0f s: %6.1f MB on disk, server's memory %4d MB\n",
			(i+1)*o.slides/step, (i+1)*o.slides/step*(batches+2), time.Since(started).Seconds(), float64(disk)/1e6, memory>>20)
	}
	jobsDone := o.slides * (batches + 2)
	fmt.Printf("%.2f ms a job: publish, take, mark, ack, each flushed to disk\n", time.Since(started).Seconds()*1000/float64(jobsDone))
	return nil
}

// slides takes slides through all three stages, some at once.
func slides(ctx context.Context, q *jetstream.Queue, from, to int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := from; i < to; i++ {
		group.Go(func() error { return pass(ctx, q, i) })
	}
	return group.Wait()
}

// pass takes one slide through all stages.
func pass(ctx context.Context, q *jetstream.Queue, i int) error {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	id := pyramid.NewSlideID(sum)
	run := pyramid.NewRunID(sum[:])
	if err := errors.Join(q.Publish(ctx, jobs.NewTile(id, "/scans/2026/11/23/slide.svs", []byte(`{"threshold":0.5}`))), end(ctx, q, jobs.Tile)); err != nil {
		return err
	}
	for b := range batches {
		if err := q.Publish(ctx, jobs.NewSegment(id, run, b)); err != nil {
			return err
		}
	}
	for b := range batches {
		if err := end(ctx, q, jobs.Segment); err != nil {
			return err
		}
		if _, err := q.Finish(ctx, id, run, b, batches+1); err != nil {
			return err
		}
	}
	return errors.Join(q.Publish(ctx, jobs.NewStitch(id, run)), end(ctx, q, jobs.Stitch))
}

// end takes any job of the stage and acks it: whose it is does not matter here.
func end(ctx context.Context, q *jetstream.Queue, s jobs.Stage) error {
	d, err := q.Take(ctx, s)
	if err != nil {
		return err
	}
	return d.Ack(ctx)
}

// held is what the server has on disk and in memory.
func held(s *site.Site) (disk, memory int64, err error) {
	err = walk(s.NATSDir, func(size int64) { disk += size })
	if err != nil {
		return 0, 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Process("nats").PID()))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err = fmt.Sscan(text, &memory)
			memory <<= 10
		}
	}
	return disk, memory, err
}
