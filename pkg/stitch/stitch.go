// Package stitch joins the regions of a run into what a pathologist opens: mask, overlay, contours,
// lesions and report. It sits after segment and before export and viewer, reads regions from the store
// and writes everything that a run's folder holds.
//
// It publishes nothing before it has proved that every region of the plan is there and undamaged, and
// it writes run.json last: a folder with run.json is whole. It does not compute probabilities, queue
// jobs or decide what tissue is.
//
// # The steps of Run
//
//  1. prove: every region is decoded and checked; what is missing or damaged is a *CoverageError.
//  2. join: one sweep over the rows of the canvas gives the two sums, mask.tiff and the outlines.
//  3. overlay: one pass over the regions gives both tile pyramids, tile by tile or in an archive each, and
//     the overview.
//  4. publish: contours, preview, report, and after a sync run.json.
//
// # Memory
//
// Each step states its own; none grows with the area of the slide. The largest is the outlines' limit,
// which real masks stay far below. What remains grows with the width of the slide only, or with the
// number of regions, at some hundred bytes each.
package stitch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Run proves, joins and publishes a run, and returns its report. It is idempotent: done twice, by two
// workers at once even, it writes the same bytes, the report's seconds apart.
//
// A *CoverageError says which regions have to be computed first; nothing was published then.
func Run(ctx context.Context, c Config) (*Report, error) {
	start := time.Now()
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &stitcher{Config: c, regions: newRegions(&c), start: start}
	s.keys = s.regions.keys
	s.shelf = newShelf(c.Bucket, s.keys)
	report, err := s.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("stitch run %v: %w", c.Plan.Run, err)
	}
	return report, nil
}

// stitcher holds what the steps hand on.
type stitcher struct {
	Config
	regions *regions
	keys    store.RunKeys
	shelf   *shelf
	start   time.Time
}

func (s *stitcher) run(ctx context.Context) (*Report, error) {
	cut := cutOf(s.Plan.Parameters.Threshold)
	proof, err := s.regions.prove(ctx, cut, func(done int64) {
		s.Progress(StepProve, done, int64(len(s.Plan.Regions)))
	})
	if err != nil {
		return nil, err
	}
	s.regions.unlike = proof.unlike
	joined, err := s.join(ctx)
	if err != nil {
		return nil, err
	}
	overlays, err := s.overlay(ctx)
	if err != nil {
		return nil, err
	}
	report := s.report(proof, &joined)
	if err := s.publish(ctx, report, joined.outlines, overlays); err != nil {
		return nil, err
	}
	return report, nil
}

// join sweeps over the canvas and puts the mask into the store.
func (s *stitcher) join(ctx context.Context) (got joined, err error) {
	file, err := newSpool(s.TempDir)
	if err != nil {
		return joined{}, err
	}
	defer func() { err = errors.Join(err, file.discard()) }()
	frame := s.Plan.Frame
	got, err = join(ctx, s.regions, file, maskConfig{
		size:        frame.Size,
		mpp:         pyramid.MPP{X: frame.Model, Y: frame.Model, Source: pyramid.Derived},
		description: s.maskDescription(),
		software:    s.Software,
		workers:     s.Workers,
	}, func(done int64) { s.Progress(StepJoin, done, frame.Size.Pixels()) })
	if err != nil {
		return joined{}, fmt.Errorf("join: %w", err)
	}
	return got, file.store(ctx, s.shelf, s.keys.Mask())
}

// maskDescription is the provenance inside the mask file, which travels without its folder.
func (s *stitcher) maskDescription() string {
	return fmt.Sprintf("Slidemill carcinoma mask. %s\nslide_sha256=%s\nrun=%v\nmodel=%s %s\nmodel_sha256=%s\nthreshold=%g\nMPP=%g",
		Notice, s.Slide.SHA256, s.Plan.Run, s.Plan.Model.Name, s.Plan.Model.Version, s.Plan.Model.SHA256,
		s.Plan.Parameters.Threshold, s.Plan.Frame.Model)
}

func (s *stitcher) overlay(ctx context.Context) (*overlays, error) {
	s.regions.rest() // the cache holds the regions from here on
	total := pyramid.DeepZoom{Size: s.Plan.Frame.Size, Tile: overlayTile}.Tiles()
	o := newOverlays(s.regions, s.Tissue, func(done int64) { s.Progress(StepOverlay, done, total) })
	build := o.build
	if s.Pack != nil {
		build = func(ctx context.Context) error { return o.pack(ctx, s.Pack) }
	}
	if err := build(ctx); err != nil {
		return nil, fmt.Errorf("overlay: %w", err)
	}
	return o, nil
}

// report puts together what was found.
func (s *stitcher) report(p *proof, j *joined) *Report {
	frame := s.Plan.Frame
	seen := p.unlike.sight(s.Tissue, frame.Size.Bounds())
	r := &Report{
		Slide:   slideInfo(s.Slide, frame.MPP),
		Run:     runInfo(s.Plan, s.Slide),
		Status:  Done,
		Notice:  Notice,
		Lesions: []Lesion{},
		QC:      inWords(slices.Concat(checksOf(s.Slide, s.Plan), s.checks(), seen.checks())),
		SHA256:  j.sums,
		Outputs: s.outputs(),
	}
	r.Run.Software = s.Software
	r.Run.Parameters.ContourStep = j.step
	found := areas(frame, survey(s.Plan, s.Tissue, s.regions.planned), seen, counts{j.carcinoma, p.doubtful.Load(), p.highGrade.Load()})
	r.Areas = &found
	foci := 0
	for _, o := range j.outlines {
		if o.lesion {
			r.Lesions = append(r.Lesions, o.Lesion)
		} else {
			foci++
		}
	}
	r.SmallFoci = &foci
	r.Triage = evidence{
		areas: found, weighted: float64(j.weight) / 255 * frame.PixelMM2(), lesions: r.Lesions,
		foci: foci, checks: r.QC, cutoff: s.Plan.Parameters.Threshold,
	}.triage()
	return r
}

// checks are the stitcher's own lines of quality control.
func (s *stitcher) checks() []Check {
	n := len(s.Plan.Regions)
	if len(s.Lost) > 0 {
		l := s.Lost[0]
		value := fmt.Sprintf("%d of %d regions proved; not analysed: region %d,%d (%s)", n, n+len(s.Lost), l.Region.Col, l.Region.Row, l.Reason)
		if more := len(s.Lost) - 1; more > 0 {
			value += fmt.Sprintf(" and %d more", more)
		}
		return []Check{{Check: "coverage", Status: CheckFailed, Value: value}}
	}
	return []Check{{Check: "coverage", Status: CheckPassed, Value: fmt.Sprintf("%d of %d regions proved", n, n)}}
}

func (s *stitcher) outputs() map[string]string {
	k := s.keys
	return map[string]string{
		"probability": k.ProbabilityDZI(),
		"overlay":     k.OverlayDZI(),
		"mask":        k.Mask(),
		"contours":    k.Contours(),
		"preview":     k.Preview(),
		"report":      k.Report(),
		"html":        k.ReportHTML(),
		"manifest":    k.Manifest(),
	}
}
