package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// shift is one `run`: its crew at work and the desk that hands it slides.
type shift struct {
	cmd    *cobra.Command
	flags  *runFlags
	crew   *crew
	desk   *intake.Desk
	model  *segment.Model
	meter  *meter
	done   chan error
	unlock func() error
	web    string // the page of the serve that does the work, if one does
	// ownQueue: the queue ends with this process.
	ownQueue bool

	patience *intake.Patience
	receives *intake.Reception // see reception
}

// start opens store and queue and puts the crew to work.
func (f *runFlags) start(ctx context.Context, cmd *cobra.Command, model *segment.Model) (_ *shift, err error) {
	if err := makeData(f.data); err != nil {
		return nil, err
	}
	unlock, err := lockData(f.data)
	if errors.Is(err, errInUse) && f.nats == "" {
		if s, joinErr := f.join(ctx, cmd, model); s != nil || joinErr != nil {
			return s, joinErr
		}
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closing(&err, unlock)
		}
	}()
	bucket, err := f.openStore(ctx)
	if err != nil {
		return nil, err
	}
	queue, err := f.openRunQueue(ctx)
	if err != nil {
		return nil, err
	}
	events, err := queue.Watch(ctx)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	c := &crew{bucket: bucket, queue: queue, model: model, driver: f.driver, workers: f.workers, pyramidFirst: !f.maskFirst, ahead: f.elsewhere(), log: f.logger(cmd, silent)}
	loops, err := c.loops(allRoles)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	s := &shift{
		cmd: cmd, flags: f, crew: c, model: model, meter: newMeter(cmd.ErrOrStderr()), unlock: unlock,
		desk: &intake.Desk{Bucket: bucket, Queue: queue, Events: events}, done: make(chan error, 1),
		ownQueue: f.nats == "", patience: &intake.Patience{Silence: f.silence},
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range loops {
		group.Go(func() error { return l.Run(ctx) })
	}
	go func() { s.done <- group.Wait() }()
	return s, nil
}

// join hands the slides to the serve that works in the data folder, if there is one: its workers do the
// work, and this process waits and tells.
func (f *runFlags) join(ctx context.Context, cmd *cobra.Command, model *segment.Model) (*shift, error) {
	bucket, err := f.openStore(ctx)
	if err != nil {
		return nil, err
	}
	system := &reached{bucket: bucket}
	if err := f.call(ctx, system); err != nil || system.queue == nil {
		return nil, err
	}
	if err := system.sameModel(model, f.driver.name); err != nil {
		return nil, errors.Join(err, system.close())
	}
	events, err := system.queue.Watch(ctx)
	if err != nil {
		return nil, errors.Join(err, system.close())
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "the serve at %s works in %s: it does the work\n", system.web, f.data)
	done := make(chan error, 1)
	done <- nil // there is no crew to wait for
	return &shift{
		cmd: cmd, flags: f, crew: &crew{bucket: bucket, queue: system.queue}, model: model, meter: newMeter(cmd.ErrOrStderr()),
		desk: &intake.Desk{Bucket: bucket, Queue: system.queue, Events: events}, done: done, unlock: func() error { return nil },
		patience: &intake.Patience{Silence: f.silence}, web: system.web,
	}, nil
}

// end waits for the crew, whose context has ended, and closes what start opened.
func (s *shift) end() error {
	return errors.Join(<-s.done, s.crew.queue.Close(), s.unlock())
}

// slide does one slide and says how it went, and whether there is an order of it.
func (s *shift) slide(ctx context.Context, path string) (ordered, done bool) {
	name := slide.FileName(path)
	s.meter.begin(name)
	started := time.Now()
	order, report, err := s.order(ctx, path)
	s.meter.finish()
	ordered = order != nil
	if ctx.Err() != nil {
		return ordered, false
	}
	if err != nil {
		s.failed(path, order, err)
		return ordered, false
	}
	report.Slide.File = name
	if err := sayCounting(ctx, s.cmd.ErrOrStderr(), s.crew.bucket, path, order); err != nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: warning: %s: nobody can say whether this run is the one that counts: %v\n", path, err)
	}
	if err := s.finished(report, order, time.Since(started)); err != nil {
		s.failed(path, order, fmt.Errorf("the result is in the store, but not written here: %w", err))
		return ordered, false
	}
	return ordered, true
}

func (s *shift) order(ctx context.Context, path string) (*intake.Order, *stitch.Report, error) {
	watch := startStopwatch()
	source, err := findable(path) // a serve may do the work, from another folder
	if err != nil {
		return nil, nil, err
	}
	order, err := intake.Prepare(ctx, source, intake.PrepareConfig{
		Model: s.model, Parameters: s.flags.params, Remote: openObject, Patience: s.patience,
		Progress: func(done, total int64) { s.meter.set("read", "kB", done>>10, total>>10) },
	})
	if err != nil {
		return nil, nil, err
	}
	watch.stage("open")
	if order.Contradiction != "" {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: warning: %s: %s\n", path, order.Contradiction)
	}
	report, err := s.desk.Report(ctx, order)
	if err == nil {
		err = s.desk.Found(ctx, order)
		s.replace(ctx, order)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return order, report, err
	}
	if err := s.desk.Submit(ctx, order); err != nil {
		return order, nil, err
	}
	s.replace(ctx, order)
	var shown follower
	report, err = s.desk.Wait(ctx, order, func(e jobs.Event) {
		if e.State != jobs.Progress || !shown.follows(&e) {
			return
		}
		watch.stage(string(e.Stage))
		if e.Stage == jobs.Segment && e.Done > 0 {
			watch.region()
		}
		s.meter.set(string(e.Stage), e.Unit, e.Done, e.Total)
	})
	if err == nil {
		report.Seconds = watch.seconds()
	}
	return order, report, err
}
