//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/scripts/site"
	"github.com/slidemill/slidemill/scripts/site/front"
)

// order is one slide of one round: a base slide under another identity.
type order struct {
	*intake.Order
	base *base
	file string
}

// round orders the slides, disturbs (but for round 0) and proves the outcome.
func (s *storm) round(ctx context.Context, number int) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	orders, err := s.order(ctx, number)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	plot := make(chan error, 1)
	words := "undisturbed"
	if number == 0 {
		plot <- nil
	} else {
		p := s.draw()
		words = p.String()
		go func() { plot <- s.disturb(ctx, p) }()
	}
	bucket, err := s.site.Objects(ctx)
	for wait := true; err != nil && wait; { // the S3 server may be the victim
		time.Sleep(200 * time.Millisecond)
		bucket, err = s.site.Objects(ctx)
		wait = ctx.Err() == nil
	}
	if err != nil {
		return 0, err
	}
	waitErr := s.await(ctx, bucket, orders)
	took = time.Since(started)
	select {
	case err := <-plot:
		plot <- err
	default:
		s.late++
	}
	if err := errors.Join(<-plot, waitErr); err != nil {
		return 0, fmt.Errorf("%s: %w", words, err)
	}
	s.proxy.Arm("", 0, 0)
	if err := s.site.Await(time.Minute); err != nil { // the victim may have been started a moment ago
		return 0, err
	}
	if err := s.prove(ctx, bucket, orders); err != nil {
		return 0, fmt.Errorf("%s: %w", words, err)
	}
	fmt.Printf("round %2d: %5.1f s  %s\n", number, took.Seconds(), words)
	return took, s.clear(orders)
}

// order makes the round's slides and hands them in.
func (s *storm) order(ctx context.Context, number int) (orders []order, err error) {
	model, err := builtin.Model()
	if err != nil {
		return nil, err
	}
	queue, err := s.site.Queue(ctx)
	if err != nil {
		return nil, err
	}
	defer queue.Close()
	bucket, err := s.site.Objects(ctx)
	if err != nil {
		return nil, err
	}
	desk := &intake.Desk{Bucket: bucket, Queue: queue}
	for i, b := range s.base {
		file := filepath.Join(s.dir, "slides", fmt.Sprintf("%d-%d.tiff", number, i))
		if err := b.copy(file, number); err != nil {
			return nil, err
		}
		o, err := site.Prepare(ctx, file, model, parameters())
		if err != nil {
			return nil, err
		}
		if err := desk.Submit(ctx, o); err != nil {
			return nil, err
		}
		orders = append(orders, order{o, b, file})
	}
	return orders, nil
}

// plot is what will go wrong in a round.
type plot struct {
	victim string
	after  time.Duration // of the round's beginning
	away   time.Duration // until it is started again
	fault  string
	faults int
}

func (p plot) String() string {
	words := fmt.Sprintf("kill -9 %s after %.2f s, back after %.2f s", p.victim, p.after.Seconds(), p.away.Seconds())
	if p.fault != "" {
		words += fmt.Sprintf("; %d × %s from the store", p.faults, p.fault)
	}
	return words
}

// draw decides at the round's start, so that a seed tells the same story again.
func (s *storm) draw() plot {
	names := s.site.Names()
	p := plot{
		victim: names[s.rng.IntN(len(names))],
		after:  time.Duration(s.rng.Float64() * 0.9 * float64(s.calm)),
		away:   time.Duration(s.rng.Float64() * 1.5 * float64(time.Second)),
	}
	if s.rng.IntN(2) == 0 {
		kinds := front.Kinds()
		p.fault, p.faults = kinds[s.rng.IntN(len(kinds))], 1+s.rng.IntN(8)
		if p.fault == front.Stall {
			p.faults = 1
		}
	}
	return p
}

func (s *storm) disturb(ctx context.Context, p plot) error {
	s.proxy.Arm(p.fault, p.faults, 0.05)
	victim := s.site.Process(p.victim)
	if !sleep(ctx, p.after) {
		return ctx.Err()
	}
	if victim.PID() == 0 {
		return fmt.Errorf("%s ended by itself:\n%s", p.victim, victim.Tail(20))
	}
	s.kills[p.victim]++
	if err := victim.Kill(); err != nil {
		return err
	}
	if !sleep(ctx, p.away) {
		return ctx.Err()
	}
	return victim.Start()
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// await waits until every run has its manifest. A store that does not answer now will do so later.
func (s *storm) await(ctx context.Context, bucket store.Bucket, orders []order) error {
	for _, o := range orders {
		key := store.Slide(o.Slide).Run(o.Run).Manifest()
		for {
			_, err := bucket.Stat(ctx, key)
			if err == nil {
				break
			}
			if !sleep(ctx, 100*time.Millisecond) {
				return fmt.Errorf("slide %s is not done: %w: %s", o.Slide, context.Cause(ctx), s.standing(o))
			}
		}
	}
	return nil
}

// standing says what the queue knows of an order that does not end.
func (s *storm) standing(o order) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	queue, err := s.site.Queue(ctx)
	if err != nil {
		return err.Error()
	}
	defer queue.Close()
	dead, deadErr := queue.Dead(ctx)
	depths, depthErr := queue.Depths(ctx)
	words := fmt.Sprintf("waiting %v", busy(depths))
	for _, d := range dead {
		words += fmt.Sprintf("; dead: %s: %s", d.Job.ID, d.Reason)
	}
	return fmt.Sprintf("run %s: %s %v", o.Run, words, errors.Join(deadErr, depthErr))
}

func busy(all []jobs.Depth) (some []jobs.Depth) {
	for _, d := range all {
		if d.Waiting+d.InHand > 0 {
			some = append(some, d)
		}
	}
	return some
}

// clear removes the round's slides and results, so that a long storm needs no more disk than a short one.
func (s *storm) clear(orders []order) error {
	var errs []error
	for _, o := range orders {
		errs = append(errs, os.Remove(o.file), os.RemoveAll(filepath.Join(s.site.S3Dir, "slidemill", "results", "slides", o.Slide.String())))
	}
	return errors.Join(errs...)
}
