package workers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// Tile cuts a slide into its pyramid, plans its regions and enqueues them.
type Tile struct {
	Bucket  store.Bucket
	Queue   jobs.Queue
	Events  jobs.Events
	Model   *segment.Model
	Workers int          // tiles made at once
	Remote  slide.Remote // opens slides that are no files; nil where there are none
	// PyramidFirst holds the regions back until the whole pyramid is written. The results are the same.
	PyramidFirst bool
	// Behind, if not nil, hears of work that was left behind (1), stuck in a read that does not end, and of its end (-1).
	Behind func(change int)

	limit *allowance // nil: cutAllowance
	clock *clock     // of the slide in hand, see cutInTime
}

var _ Handler = (*Tile)(nil)

// Stage implements Handler.
func (t *Tile) Stage() jobs.Stage { return jobs.Tile }

// Do implements Handler. What is already in the store is not done again.
func (t *Tile) Do(ctx context.Context, job jobs.Job) error {
	var ticket intake.Ticket
	if err := json.Unmarshal(job.Parameters, &ticket); err != nil {
		return &Permanent{fmt.Errorf("parameters: %w", err)}
	}
	if err := sameModel(ticket.Model, t.Model.Ref); err != nil {
		return err
	}
	p := t.Model.Settle(ticket.Parameters)
	if err := p.Validate(); err != nil {
		return &Permanent{err}
	}
	job.Run = p.RunID(job.Slide, t.Model.Ref)
	kept, err := t.kept(ctx, job, p)
	if err != nil {
		return err
	}
	if kept == nil {
		return t.cutInTime(ctx, job, p)
	}
	plan, err := loadPlan(ctx, t.Bucket, job)
	if errors.Is(err, store.ErrNotFound) {
		plan, err = t.plan(ctx, job, p, kept)
	}
	if err != nil {
		return err
	}
	err = t.handOver(ctx, job, plan)
	if errors.Is(err, jobs.ErrInvalid) { // an older program counted the parts otherwise
		if err = reopen(ctx, t.Queue, job, plan); err == nil {
			err = t.handOver(ctx, job, plan)
		}
	}
	return err
}

// sameModel refuses a job that wants another model than this worker has. Another worker may have it, so
// the job is not dead.
func sameModel(want string, have segment.ModelRef) error {
	if want == have.SHA256 {
		return nil
	}
	return &intake.Refusal{Err: fmt.Errorf("the run wants the model %.12s…, this worker has %s %s (%.12s…): start it with the same --model", want, have.Name, have.Version, have.SHA256)}
}

// plan writes the plan of a slide whose tissue is known.
func (t *Tile) plan(ctx context.Context, job jobs.Job, p segment.Parameters, s *sheet) (*segment.Plan, error) {
	plan, err := tiler.MakePlan(tiler.PlanConfig{
		Slide: job.Slide, Model: t.Model.Ref, Parameters: p,
		Frame: s.frame, Field: t.Model.Field, Tissue: s.tissue, Summary: s.summary,
	})
	if err != nil {
		return nil, &Permanent{err}
	}
	data, err := plan.Encode()
	if err != nil {
		return nil, err
	}
	key := store.Slide(job.Slide).Run(job.Run).Plan()
	return plan, t.Bucket.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

// handOver enqueues the regions of a slide that is whole, and ends what a tiler that was lost behind slide.json left
// to do: the archive of the coarse levels is of no more use.
func (t *Tile) handOver(ctx context.Context, job jobs.Job, plan *segment.Plan) error {
	if err := t.Bucket.Delete(ctx, store.Slide(job.Slide).PyramidHead()); err != nil {
		return err
	}
	if err := t.enqueue(ctx, job, plan); err != nil {
		return err
	}
	_, err := finish(ctx, t.Queue, job, plan)
	return err
}

// enqueue publishes the batches of regions.
func (t *Tile) enqueue(ctx context.Context, job jobs.Job, plan *segment.Plan) error {
	announce(ctx, t.Events, jobs.Event{
		Slide: job.Slide, Run: job.Run, Stage: jobs.Segment, State: jobs.Progress, Total: int64(len(plan.Regions)), Unit: "regions",
	})
	for i := range plan.Batches() {
		if err := publish(ctx, t.Queue, handOn(job, jobs.NewSegment(job.Slide, job.Run, i))); err != nil {
			return fmt.Errorf("enqueue batch %d: %w", i, err)
		}
	}
	return nil
}
