package stitch

import (
	"errors"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// Config is what a run is joined from.
type Config struct {
	Bucket  store.Bucket
	Plan    *segment.Plan
	Slide   slide.Manifest
	Tissue  *segment.TissueMap // nil takes the plan's
	Lost    []Lost             // regions that the run ends without; only if its parameters allow it
	Workers int                // regions or tiles worked on at once; 0 means 1
	Pack    Pack               // if set, each of the two tile pyramids goes into an archive; no sum depends on it
	// Progress, if set, is told how much of a step is done. Calls come from several goroutines.
	Progress func(step Step, done, total int64)
	Seconds  Seconds // of the stages before
	Software string  // name and version of the program, for the record
	TempDir  string  // for files whose size is not known before; empty means the system's

	keep int // bytes of region files kept; 0 means keptBytes
}

// Lost is a region that could not be computed. It is not analysed: drawn as such and in no denominator.
type Lost struct {
	Region pyramid.Region `json:"region"`
	Reason string         `json:"reason"`
}

// without is the plan that is left when some regions are lost.
func without(plan *segment.Plan, lost []Lost) *segment.Plan {
	if len(lost) == 0 {
		return plan
	}
	left := *plan
	left.Regions = slices.DeleteFunc(slices.Clone(plan.Regions), func(r pyramid.Region) bool {
		return slices.ContainsFunc(lost, func(l Lost) bool { return l.Region == r })
	})
	return &left
}

// Step names a part of Run.
type Step string

// The steps in their order; each counts its own unit.
const (
	StepProve   Step = "prove"   // regions
	StepJoin    Step = "join"    // pixels
	StepOverlay Step = "overlay" // tiles
	StepPublish Step = "publish" // files
)

func (c *Config) validate() (err error) {
	switch {
	case c.Bucket == nil || c.Plan == nil:
		return errors.New("stitch: want a bucket and a plan")
	case c.Slide.ID != c.Plan.Slide:
		return fmt.Errorf("stitch: the plan is for slide %v, not %v", c.Plan.Slide, c.Slide.ID)
	case c.Slide.Pyramid.Size != c.Plan.Frame.Slide:
		return fmt.Errorf("stitch: the plan is for a slide of %v, not %v", c.Plan.Frame.Slide, c.Slide.Pyramid.Size)
	}
	if c.Tissue == nil {
		if c.Tissue, err = c.Plan.TissueMap(); err != nil {
			return fmt.Errorf("stitch: %w", err)
		}
	}
	if want := segment.NewTissueMap(c.Plan.Frame.Size).Cells; c.Tissue.Cells != want {
		return fmt.Errorf("stitch: tissue map of %v cells, want %v", c.Tissue.Cells, want)
	}
	if len(c.Lost) > 0 && !c.Plan.Parameters.Partial {
		return fmt.Errorf("stitch: %d regions are lost, but the run may not end without them", len(c.Lost))
	}
	c.Plan = without(c.Plan, c.Lost)
	c.Workers = max(1, c.Workers)
	if c.Progress == nil {
		c.Progress = func(Step, int64, int64) {}
	}
	return nil
}
