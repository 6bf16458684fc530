package workers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// openRun is what the regions of one run share.
type openRun struct {
	plan    *segment.Plan
	tissue  *segment.TissueMap
	pyramid *tiler.Pyramid
}

// maxOpenRuns bounds the runs whose plan and tiles are kept; a worker rarely sees more than two at once.
const maxOpenRuns = 4

func (s *Segment) open(ctx context.Context, job jobs.Job) (*openRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run, ok := s.runs[job.Run]; ok {
		return run, nil
	}
	plan, err := loadPlan(ctx, s.Bucket, job)
	if err != nil {
		return nil, err
	}
	if err := sameModel(plan.Model.SHA256, s.Model.Ref); err != nil {
		return nil, err
	}
	if err := knownEngine(plan.Parameters.Engine, s.Engines); err != nil {
		return nil, err
	}
	if plan.Field != s.Model.Field || plan.Parameters.Windows != s.Model.Windows {
		return nil, &Permanent{&intake.Refusal{Err: fmt.Errorf("the plan's halo is not the model's (%s): another version of this program made it; order the slide again", s.Model.Reach())}}
	}
	tissue, err := plan.TissueMap()
	if err != nil {
		return nil, &Permanent{err}
	}
	p, err := tiler.OpenUnfinished(ctx, s.Bucket, job.Slide) // the finest levels may still be on their way
	if err != nil {
		return nil, err
	}
	if s.runs == nil || len(s.runs) >= maxOpenRuns {
		s.runs = map[pyramid.RunID]*openRun{}
	}
	run := &openRun{plan, tissue, p}
	s.runs[job.Run] = run
	return run, nil
}

// knownEngine refuses a run that an engine began which this worker does not have: the bits would not fit. Another worker may
// have it, so the job is not dead.
func knownEngine(want string, have map[string]segment.Engine) error {
	if _, ok := have[want]; ok {
		return nil
	}
	var titles []string
	for _, name := range slices.Sorted(maps.Keys(have)) {
		titles = append(titles, segment.EngineTitle(name))
	}
	return &intake.Refusal{Err: fmt.Errorf("the run was ordered for the engine %s, this worker has %s: start it with the same --engine, and with the same version of the program",
		segment.EngineTitle(want), strings.Join(titles, " and "))}
}

// Limits of what is read from the store into memory at once.
const (
	maxPlanBytes   = 256 << 20
	maxRegionBytes = 256 << 20
)

func loadPlan(ctx context.Context, b store.Bucket, job jobs.Job) (*segment.Plan, error) {
	data, err := store.ReadAll(ctx, b, store.Slide(job.Slide).Run(job.Run).Plan(), maxPlanBytes)
	if err != nil {
		return nil, err
	}
	plan, err := segment.DecodePlan(data)
	switch {
	case errors.Is(err, segment.ErrNewer): // another worker may know it, so the job is not dead
		return nil, &intake.Refusal{Err: fmt.Errorf("%w: start this worker with that version", err)}
	case err != nil:
		return nil, &Permanent{err}
	}
	if plan.Slide != job.Slide || plan.Run != job.Run {
		return nil, &Permanent{fmt.Errorf("plan of slide %v, run %v under the key of slide %v, run %v", plan.Slide, plan.Run, job.Slide, job.Run)}
	}
	return plan, nil
}

func loadManifest(ctx context.Context, b store.Bucket, job jobs.Job) (slide.Manifest, error) {
	data, err := store.ReadAll(ctx, b, store.Slide(job.Slide).Manifest(), slide.MaxManifest)
	if err != nil {
		return slide.Manifest{}, err
	}
	m, err := slide.DecodeManifest(data)
	if err != nil {
		return m, &Permanent{err}
	}
	return m, nil
}
