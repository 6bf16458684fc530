package workers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"sync"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// Segment computes the probabilities of a batch of regions.
//
// # Memory
//
// Each network that runs, at most Networks, holds one Segmenter (its arena, stated by `model bench`), each of
// the Loop's goroutines one slate: 8 bytes per pixel of a region with its surroundings, and its file. Slates stay for the next
// region, as many as there ever were regions in hand at once. Each open run, at most maxOpenRuns, has a tile cache of
// tiler.DefaultCache bytes.
type Segment struct {
	Bucket store.Bucket
	Queue  jobs.Queue
	Events jobs.Events
	Model  *segment.Model
	// Engines are those whose runs it does, by their names in segment.Parameters.
	Engines map[string]segment.Engine
	// Networks is how many networks run at once. Jobs in hand beyond it are read ahead: their tiles are fetched
	// while a network computes. 0 is as many as there are jobs in hand.
	Networks int

	gate  gate
	alone sync.RWMutex // held for writing by a region that may kill the process
	mu    sync.Mutex
	runs  map[pyramid.RunID]*openRun
	idle  map[network][]segment.Segmenter
	spare []*slate
}

// network is what Segmenters are alike in.
type network struct {
	engine string
	size   pyramid.Size
}

var _ Handler = (*Segment)(nil)

// Stage implements Handler.
func (s *Segment) Stage() jobs.Stage { return jobs.Segment }

// Do implements Handler. Regions that are in the store and whole are not computed again.
func (s *Segment) Do(ctx context.Context, job jobs.Job) error { return s.Attempt(ctx, job, 1) }

// Attempt implements Persistent.
func (s *Segment) Attempt(ctx context.Context, job jobs.Job, attempt int) error {
	run, err := s.open(ctx, job)
	if err != nil {
		return err
	}
	if job.Batch < 0 {
		return &Permanent{fmt.Errorf("batch %d of a plan of %d", job.Batch, run.plan.Batches())}
	}
	if job.Batch >= run.plan.Batches() {
		return nil // an older program dealt smaller batches out, and its tiler's job came again: these regions are in others
	}
	t := &try{run: run, attempt: attempt, priority: job.Priority}
	for _, r := range run.plan.Batch(job.Batch) {
		if err := s.guarded(ctx, t, r); err != nil {
			return fmt.Errorf("region %d,%d: %w", r.Col, r.Row, err)
		}
		announce(ctx, s.Events, jobs.Event{
			Slide: job.Slide, Run: job.Run, Stage: jobs.Segment, State: jobs.Progress,
			Done: 1, Total: int64(len(run.plan.Regions)), Unit: "regions",
		})
	}
	return s.finish(ctx, job, run.plan)
}

// finish marks the batch, and forgets the run once all its parts are marked, or if its plan is not the one that counts.
func (s *Segment) finish(ctx context.Context, job jobs.Job, plan *segment.Plan) error {
	all, err := finish(ctx, s.Queue, job, plan)
	if all || errors.Is(err, jobs.ErrInvalid) { // its parts are counted otherwise: the plan was made again
		s.mu.Lock()
		delete(s.runs, job.Run)
		s.mu.Unlock()
	}
	return err
}

// region computes one region unless the store holds it whole.
func (s *Segment) region(ctx context.Context, t *try, r pyramid.Region) error {
	run, plan := t.run, t.run.plan
	key := store.Slide(plan.Slide).Run(plan.Run).Region(r)
	if whole, err := s.whole(ctx, plan, r, key); whole || err != nil {
		return err
	}
	on := s.slate()
	defer s.wipe(on)
	view := tiler.View{
		Frame: plan.Frame, Rect: plan.Sight(r, s.Model.Look),
		Matters: func(shown image.Rectangle) bool { return plan.Matters(r, run.tissue, shown) },
	}
	err := run.pyramid.Show(ctx, view, &on.sight)
	if err != nil {
		return err
	}
	if err := s.compute(ctx, t, on, plan.Canvas(r)); err != nil {
		return err
	}
	result := &on.result
	result.Fill(plan, r, run.tissue, s.Model, on.planes)
	result.Judge(plan, run.tissue, s.Model.Look, &on.sight)
	if on.file, err = segment.EncodeRegionInto(on.file, result); err != nil {
		return err
	}
	return s.Bucket.Put(ctx, key, bytes.NewReader(on.file), int64(len(on.file)))
}

// whole reports whether the region is in the store and passes its checksum.
func (s *Segment) whole(ctx context.Context, plan *segment.Plan, r pyramid.Region, key string) (bool, error) {
	data, err := store.ReadAll(ctx, s.Bucket, key, maxRegionBytes)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = segment.DecodeRegion(data, plan.Run, r, plan.RegionSize(r))
	return err == nil, nil
}

// compute segments a canvas, of which the slate holds the pixels, when it is its turn.
func (s *Segment) compute(ctx context.Context, t *try, on *slate, canvas image.Rectangle) error {
	if err := s.gate.enter(ctx, s.Networks, t.priority); err != nil {
		return err
	}
	defer s.gate.leave()
	return s.average(ctx, t.run.plan, on, on.sight.SubImage(canvas).(*image.RGBA))
}

// average segments a canvas, turned eight ways where the run asks for it.
func (s *Segment) average(ctx context.Context, plan *segment.Plan, on *slate, canvas *image.RGBA) error {
	if !plan.Parameters.TTA {
		return s.segment(ctx, plan.Parameters.Engine, on, canvas)
	}
	planes, err := segment.Average(canvas, s.Model.Field.Halo, func(turned *image.RGBA) ([][]uint8, error) {
		err := s.segment(ctx, plan.Parameters.Engine, on, turned)
		return on.planes, err
	})
	on.planes = planes
	return err
}

// segment runs a Segmenter of the engine that no other goroutine uses.
func (s *Segment) segment(ctx context.Context, engine string, on *slate, canvas *image.RGBA) error {
	size := pyramid.Size{W: canvas.Rect.Dx(), H: canvas.Rect.Dy()}
	kind := network{engine, size}
	seg, err := s.take(kind)
	if err != nil {
		return err
	}
	halo := s.Model.Field.Halo
	on.planes = segment.RegionPlanesOf(&s.Model.Description, pyramid.Size{W: size.W - 2*halo, H: size.H - 2*halo}, on.planes)
	if err := seg.Segment(ctx, canvas, on.planes); err != nil {
		return errors.Join(err, seg.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = map[network][]segment.Segmenter{}
	}
	s.idle[kind] = append(s.idle[kind], seg)
	return nil
}

// take returns an idle Segmenter of the kind or makes one. Those of another kind are let go: a worker
// mostly sees one, and arenas are large.
func (s *Segment) take(kind network) (segment.Segmenter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if free := s.idle[kind]; len(free) > 0 {
		s.idle[kind] = free[:len(free)-1]
		return free[len(free)-1], nil
	}
	var errs []error
	for other, segs := range s.idle {
		if other == kind {
			continue
		}
		for _, seg := range segs {
			errs = append(errs, seg.Close())
		}
		delete(s.idle, other)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return segment.New(s.Model, s.Engines[kind.engine], kind.size)
}
