package stitch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
)

// CoverageError says which planned regions are not in the store as they should be. Nothing is
// published; whoever gets it queues exactly these regions again.
type CoverageError struct {
	Planned int              // regions in the plan
	Missing []pyramid.Region // not in the store
	Damaged []pyramid.Region // there, but not what they promise
}

func (e *CoverageError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, fmt.Sprintf("%d missing (%s)", len(e.Missing), first(e.Missing)))
	}
	if len(e.Damaged) > 0 {
		parts = append(parts, fmt.Sprintf("%d damaged (%s)", len(e.Damaged), first(e.Damaged)))
	}
	return fmt.Sprintf("coverage is not whole: of %d planned regions %s: they have to be computed again", e.Planned, strings.Join(parts, " and "))
}

// Regions is everything that has to be computed again.
func (e *CoverageError) Regions() []pyramid.Region {
	return append(slices.Clone(e.Missing), e.Damaged...)
}

// first names the first few regions, enough to look for the reason.
func first(list []pyramid.Region) string {
	const shown = 5
	var names []string
	for _, r := range list[:min(shown, len(list))] {
		names = append(names, r.String())
	}
	if len(list) > shown {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// proof is what proving every region gives besides the proof: counts that do not depend on order.
type proof struct {
	highGrade atomic.Int64 // pixels at or above the cut for high-grade dysplasia but not for carcinoma
	doubtful  atomic.Int64 // pixels of the mask in tissue unlike the training images
	unlike    *unlike
}

// prove decodes every planned region, which checks its run, place, size and checksum. It looks at all
// of them, so that one error names everything that has to be done again.
//
// # Memory
//
// Per worker one region file with its decoded planes.
func (r *regions) prove(ctx context.Context, cut uint8, progress func(done int64)) (*proof, error) {
	p := &proof{unlike: newUnlike(r.plan)}
	var mu sync.Mutex
	var done int64
	gap := CoverageError{Planned: len(r.plan.Regions)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.workers)
	for _, at := range r.plan.Regions {
		group.Go(func() error {
			err := r.look(ctx, at, everything, func(m *segment.RegionMap) { p.take(r.plan, m, cut) })
			mu.Lock()
			defer mu.Unlock()
			done++
			progress(done)
			return gap.absorb(err)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return p, gap.verdict()
}

// take counts a region.
func (p *proof) take(plan *segment.Plan, m *segment.RegionMap, cut uint8) {
	p.unlike.take(plan, m)
	cell := plan.Grid().Bounds(m.Region.Col, m.Region.Row)
	carcinoma, highGrade := m.Planes[segment.PlaneCarcinoma], m.Planes[segment.PlaneHighGrade]
	var only, doubtful int64
	for y := range m.Size.H {
		row, other := carcinoma[y*m.Size.W:][:m.Size.W], highGrade[y*m.Size.W:][:m.Size.W]
		only += highGradeOnly(row, other, cut)
		doubtful += p.unlike.doubtful(cell.Min.X, cell.Min.Y+y, row, cut)
	}
	p.highGrade.Add(only)
	p.doubtful.Add(doubtful)
}

// absorb collects a region's coverage error and passes every other error on.
func (e *CoverageError) absorb(err error) error {
	var one *CoverageError
	if !errors.As(err, &one) {
		return err
	}
	e.Missing = append(e.Missing, one.Missing...)
	e.Damaged = append(e.Damaged, one.Damaged...)
	return nil
}

// verdict is nil if nothing was collected, otherwise the error with its regions row by row.
func (e *CoverageError) verdict() error {
	if len(e.Missing)+len(e.Damaged) == 0 {
		return nil
	}
	slices.SortFunc(e.Missing, byRow)
	slices.SortFunc(e.Damaged, byRow)
	return e
}

func byRow(a, b pyramid.Region) int {
	if a.Row != b.Row {
		return a.Row - b.Row
	}
	return a.Col - b.Col
}

// highGradeOnly counts the pixels that are at least the cut for high-grade dysplasia but not for carcinoma.
func highGradeOnly(carcinoma, highGrade []uint8, cut uint8) (n int64) {
	for ; len(highGrade) >= 8; carcinoma, highGrade = carcinoma[8:], highGrade[8:] {
		n += int64(bytewise.Count(bytewise.AtLeast(bytewise.Load(highGrade), cut) &^ bytewise.AtLeast(bytewise.Load(carcinoma), cut)))
	}
	for i, v := range highGrade {
		if v >= cut && carcinoma[i] < cut {
			n++
		}
	}
	return n
}
