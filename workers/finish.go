package workers

import (
	"context"
	"fmt"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
)

// finish marks a job's part of its run, and passes the run on to the stitcher once all parts are marked. They are
// the batches and, behind them, the slide itself: regions are done while the finest levels are still being cut,
// and a stitcher must find slide.json. So nobody waits for anybody: a slide whose tiler fails, or that is
// cancelled, is never stitched. A fresh mark of what is done already passes the run on again, which is harmless.
func finish(ctx context.Context, q jobs.Queue, job jobs.Job, plan *segment.Plan) (all bool, err error) {
	part := job.Batch
	if job.Stage == jobs.Tile {
		part = plan.Batches()
	}
	all, err = q.Finish(ctx, job.Slide, plan.Run, part, plan.Batches()+1)
	if err != nil {
		return false, fmt.Errorf("finish part %d: %w", part, err)
	}
	if !all {
		return false, nil
	}
	return true, publish(ctx, q, handOn(job, jobs.NewStitch(job.Slide, plan.Run)))
}

// reopen takes the slide's mark back before its regions are enqueued, until finish sets it: marks outlive the objects
// of a slide that somebody removed and ordered again, and its first batch would hand the run on before there is a
// slide.json.
func reopen(ctx context.Context, q jobs.Queue, job jobs.Job, plan *segment.Plan) error {
	if err := q.Unfinish(ctx, job.Slide, plan.Run, plan.Batches(), plan.Batches()+1); err != nil {
		return fmt.Errorf("reopen the run: %w", err)
	}
	return nil
}
