package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

// Stitch proves that a run is covered and joins its regions.
type Stitch struct {
	Bucket  store.Bucket
	Queue   jobs.Queue
	Events  jobs.Events
	Workers int // tiles made at once
	// Software is name and version of the program, for the record.
	Software string

	mu    sync.Mutex
	fills map[pyramid.RunID]fillState
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
	_, err := s.Bucket.Stat(ctx, store.Slide(job.Slide).Run(job.Run).Manifest())
	if err == nil {
		s.done(ctx, job)
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	plan, err := loadPlan(ctx, s.Bucket, job)
	if err != nil {
		return err
	}
	manifest, err := loadManifest(ctx, s.Bucket, job)
	if err != nil {
		return err
	}
	lost, err := s.condemned(ctx, plan)
	if err != nil {
		return err
	}
	news := &progress{events: s.Events, job: job}
	_, err = stitch.Run(ctx, stitch.Config{
		Lost: lost, Bucket: s.Bucket, Plan: plan, Slide: manifest, Workers: s.Workers, Pack: s.pack(), Software: s.Software,
		Progress: func(step stitch.Step, done, total int64) { news.tell(ctx, stitchUnits[step], done, total) },
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

// pack begins the archives of a run's pyramids where the slide's is one too, and is nil elsewhere.
func (s *Stitch) pack() stitch.Pack {
	if !szi.Packs(s.Bucket) {
		return nil
	}
	return func(ctx context.Context, key string, descriptor []byte) (stitch.Archive, error) {
		u, err := szi.Create(ctx, s.Bucket, key, szi.Image{Folder: szi.Folder(key), Format: store.OverlayTile.Format(), Descriptor: descriptor})
		if err != nil {
			return nil, err // and no *szi.Upload in the interface
		}
		return u, nil
	}
}

// condemned are the regions that the run may end without. Without permission there are none.
func (s *Stitch) condemned(ctx context.Context, plan *segment.Plan) (lost []stitch.Lost, err error) {
	if !plan.Parameters.Partial {
		return nil, nil
	}
	for o, err := range s.Bucket.List(ctx, store.Slide(plan.Slide).Run(plan.Run).Quarantines()) {
		if err != nil {
			return nil, err
		}
		q, err := loadQuarantine(ctx, s.Bucket, o.Key)
		if err != nil {
			return nil, err
		}
		ref, err := store.Parse(o.Key)
		if err != nil || q.Reason == "" {
			continue
		}
		_, err = s.Bucket.Stat(ctx, store.Slide(plan.Slide).Run(plan.Run).Region(ref.Region))
		switch {
		case err == nil: // somebody could compute it after all
		case errors.Is(err, store.ErrNotFound):
			reason, _, _ := strings.Cut(q.Reason, "\n")
			lost = append(lost, stitch.Lost{Region: ref.Region, Reason: reason})
		default:
			return nil, err
		}
	}
	return lost, nil
}

func (s *Stitch) done(ctx context.Context, job jobs.Job) {
	announce(ctx, s.Events, jobs.Event{Slide: job.Slide, Run: job.Run, Stage: jobs.Stitch, State: jobs.Done})
}

// fill has exactly the missing and damaged regions computed again; nothing is published until they are there. This job
// ends here: each of the batches, once done, enqueues the stitch job of this fill, and the last one's finds all regions.
// That is another job than this one: this one may still be in hand when the last batch is done, and its like would be
// dropped.
func (s *Stitch) fill(ctx context.Context, job jobs.Job, plan *segment.Plan, gap *stitch.CoverageError) error {
	lost := map[pyramid.Region]bool{}
	for _, r := range gap.Regions() {
		lost[r] = true
	}
	if s.stuck(job.Run, len(lost)) {
		return &Permanent{fmt.Errorf("computed again %d times: %w", maxFills, gap)}
	}
	next := job.InFill(job.Fill + 1)
	if err := s.allow(ctx, next); err != nil {
		return err
	}
	for i := range plan.Batches() {
		if !slices.ContainsFunc(plan.Batch(i), func(r pyramid.Region) bool { return lost[r] }) {
			continue
		}
		if err := s.again(ctx, handOn(next, jobs.NewSegment(job.Slide, job.Run, i))); err != nil {
			return fmt.Errorf("enqueue batch %d again: %w", i, err)
		}
	}
	return nil
}

// again enqueues a job, even if an earlier order of the run had the same fill lately.
func (s *Stitch) again(ctx context.Context, job jobs.Job) error {
	if err := s.allow(ctx, job); err != nil {
		return err
	}
	return publish(ctx, s.Queue, job)
}

// allow tells the queue that a job's result was lost. Otherwise it drops the second of two equal jobs.
func (s *Stitch) allow(ctx context.Context, job jobs.Job) error {
	if r, ok := s.Queue.(jobs.Repeater); ok {
		return r.Again(ctx, job.ID)
	}
	return nil
}

// maxFills is how often the same number of regions may be found missing: a store that loses what it was
// given must not keep a run going for ever.
const maxFills = 5

// stuck counts fills of a run that found as many regions missing as the one before.
func (s *Stitch) stuck(run pyramid.RunID, lost int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fills == nil {
		s.fills = map[pyramid.RunID]fillState{}
	}
	f := s.fills[run]
	if f.lost != lost {
		f = fillState{lost: lost}
	}
	f.times++
	s.fills[run] = f
	return f.times > maxFills
}

type fillState struct{ lost, times int }
