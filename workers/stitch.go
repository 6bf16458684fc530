package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// Stitch proves that a run is covered and joins its regions.
type Stitch struct {
	Bucket  store.Bucket
	Queue   jobs.Queue
	Events  jobs.Events
	Workers int // tiles made at once
}

var _ Handler = (*Stitch)(nil)

// stitchUnits is what each step of the stitcher counts, for people who watch.
var stitchUnits = map[stitch.Step]string{
	stitch.StepProve: "regions proved", stitch.StepJoin: "pixels joined", stitch.StepOverlay: "overlay tiles", stitch.StepPublish: "files",
}

// Stage implements Handler.
func (s *Stitch) Stage() jobs.Stage { return jobs.Stitch }

// Do implements Handler.
func (s *Stitch) Do(ctx context.Context, job jobs.Job) error {
	if _, err := s.Bucket.Stat(ctx, store.Slide(job.Slide).Run(job.Run).Manifest()); err == nil {
		s.done(ctx, job)
		return nil
	}
	plan, err := loadPlan(ctx, s.Bucket, job)
	if err != nil {
		return err
	}
	manifest, err := loadManifest(ctx, s.Bucket, job)
	if err != nil {
		return err
	}
	_, err = stitch.Run(ctx, stitch.Config{
		Bucket: s.Bucket, Plan: plan, Slide: manifest, Workers: s.Workers,
		Progress: func(step stitch.Step, done, total int64) {
			announce(ctx, s.Events, jobs.Event{
				Slide: job.Slide, Run: job.Run, Stage: jobs.Stitch, State: jobs.Progress, Done: done, Total: total, Unit: stitchUnits[step],
			})
		},
	})
	var uncovered *stitch.CoverageError
	if errors.As(err, &uncovered) {
		return s.fill(ctx, job, plan, uncovered)
	}
	if err != nil {
		return err
	}
	s.done(ctx, job)
	return nil
}

func (s *Stitch) done(ctx context.Context, job jobs.Job) {
	announce(ctx, s.Events, jobs.Event{Slide: job.Slide, Run: job.Run, Stage: jobs.Stitch, State: jobs.Done})
}

// fill has exactly the missing and damaged regions computed again; nothing is published until they are
// there. This job ends here: the last of the batches enqueues it anew.
func (s *Stitch) fill(ctx context.Context, job jobs.Job, plan *segment.Plan, gap *stitch.CoverageError) error {
	lost := map[pyramid.Region]bool{}
	for _, r := range gap.Regions() {
		lost[r] = true
	}
	if err := s.permit(ctx, job, gap); err != nil {
		return err
	}
	for i := range plan.Batches() {
		if !slices.ContainsFunc(plan.Batch(i), func(r pyramid.Region) bool { return lost[r] }) {
			continue
		}
		again := handOn(job, jobs.NewSegment(job.Slide, job.Run, i))
		if err := s.permit(ctx, again, gap); err != nil {
			return err
		}
		if err := s.Queue.Publish(ctx, again); err != nil {
			return fmt.Errorf("enqueue batch %d again: %w", i, err)
		}
	}
	return nil
}

// permit lets a job that was done lately be enqueued once more. The queue drops the second of two equal
// jobs, unless the first one died and was forgotten.
func (s *Stitch) permit(ctx context.Context, job jobs.Job, why error) error {
	if err := s.Queue.Bury(ctx, jobs.Dead{Job: job, Reason: why.Error(), At: time.Now().UTC()}); err != nil {
		return err
	}
	return s.Queue.Forget(ctx, job.ID)
}
