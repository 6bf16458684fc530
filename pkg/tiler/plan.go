package tiler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// PlanConfig is what decides a plan. All fields are required.
type PlanConfig struct {
	Slide      pyramid.SlideID
	Frame      segment.Frame
	Field      segment.Field
	Model      segment.ModelRef
	Parameters segment.Parameters
	Tissue     *segment.TissueMap
	Summary    TissueSummary // of Tissue
}

// A job is a batch of regions. Towards the end of a slide they hold about batchPixels model pixels, a second or two of one
// processor: long enough that the queue costs nothing, short enough that no worker waits long for another. The first half
// or more comes in batches up to leadFactor times as large, of a tenth (leadShare) of all regions at most: the regions of a batch are neighbours, and the tiles on their
// border are read by one worker and not by two. What is done of a batch is in the store, so that a killed worker loses one
// region whatever the batch.
// A small slide is cut into at least minBatches, so that eight workers have two each, and what follows the lead keeps
// as many as evenWorkers busy while one of them does the last of it: they are done as soon as with single regions. The number
// of workers at hand plays no part: whoever makes the plan again must make the same one.
const (
	batchPixels = 4 << 20
	minBatches  = 16
	leadFactor  = 4
	leadShare   = 10
	evenWorkers = 12
)

// MakePlan lists the regions that hold tissue. It is pure: the same configuration gives the same
// plan. The region's side is rounded up to what network and tissue map need before it names the run.
func MakePlan(cfg PlanConfig) (*segment.Plan, error) {
	if cfg.Field.Align < 1 {
		return nil, fmt.Errorf("plan slide %v: a network's stride is at least 1, not %d", cfg.Slide, cfg.Field.Align)
	}
	unit := pyramid.LCM(cfg.Field.Align, segment.TissueCell)
	cfg.Parameters.Region = pyramid.CeilDiv(cfg.Parameters.Region, unit) * unit
	if err := cfg.Parameters.Validate(); err != nil {
		return nil, fmt.Errorf("plan slide %v: %w", cfg.Slide, err)
	}
	tissue, err := cfg.Tissue.Encode()
	if err != nil {
		return nil, fmt.Errorf("plan slide %v: %w", cfg.Slide, err)
	}
	found, err := json.Marshal(cfg.Summary)
	if err != nil {
		return nil, fmt.Errorf("plan slide %v: %w", cfg.Slide, err)
	}
	p := &segment.Plan{
		Slide:      cfg.Slide,
		Run:        cfg.Parameters.RunID(cfg.Slide, cfg.Model),
		Model:      cfg.Model,
		Parameters: cfg.Parameters,
		Frame:      cfg.Frame,
		Field:      cfg.Field,
		Side:       segment.RegionSide(cfg.Frame.Size, cfg.Parameters.Region, cfg.Field),
		Tissue:     tissue,
		QC:         checkTissue(cfg.Summary),
		Found:      found,
	}
	p.Regions = regions(p.Grid(), cfg.Tissue)
	p.Batching = batching(len(p.Regions), p.Side)
	p.Version = p.Batching.Version()
	return p, nil
}

// regions lists the cells of the grid with tissue along a Hilbert curve: whatever the batch, its
// regions lie together, so that one tile is read for several of them and for their halos.
func regions(grid pyramid.Grid, tissue *segment.TissueMap) []pyramid.Region {
	var out []pyramid.Region
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			if tissue.Any(grid.Bounds(col, row), segment.Tissue) {
				out = append(out, pyramid.Region{Col: col, Row: row})
			}
		}
	}
	side := 1
	for side < max(grid.Cols(), grid.Rows()) {
		side *= 2
	}
	slices.SortFunc(out, func(a, b pyramid.Region) int {
		return cmp.Compare(hilbert(side, a), hilbert(side, b))
	})
	return out
}

// hilbert is the distance along the Hilbert curve over a square grid whose side is a power of two.
func hilbert(side int, r pyramid.Region) (d int64) {
	x, y := r.Col, r.Row
	for s := side / 2; s > 0; s /= 2 {
		var rx, ry int
		if x&s != 0 {
			rx = 1
		}
		if y&s != 0 {
			ry = 1
		}
		d += int64(s) * int64(s) * int64((3*rx)^ry)
		if ry == 0 { // turn the quadrant, so that its curve joins the next
			if rx == 1 {
				x, y = side-1-x, side-1-y
			}
			x, y = y, x
		}
	}
	return d
}

// batching deals so many regions of a side out.
func batching(regions, side int) segment.Batching {
	b := segment.Batching{BatchSize: max(1, min(batchPixels/(side*side), regions/minBatches))}
	size := min(leadFactor*b.BatchSize, regions/leadShare)
	if size > b.BatchSize {
		rest := min((regions+1)/2, (evenWorkers-1)*size)
		b.LeadSize, b.Lead = size, (regions-rest)/size
	}
	return b
}
