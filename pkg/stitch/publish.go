package stitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// published is the number of files that publish puts, for progress.
const published = 7

// publish puts what remains and, after everything before it is safe on disk, run.json.
func (s *stitcher) publish(ctx context.Context, r *Report, list []outline, o *overlays) error {
	var done int64
	for _, put := range []func() error{
		func() error { return o.descriptors(ctx, s.shelf, s.keys) },
		func() error { return s.contours(ctx, r, list) },
		func() error { return s.pictures(ctx, r, o) },
		func() error { return s.reportFile(ctx, r) },
		func() error { return store.Sync(ctx, s.Bucket) },
		func() error { return s.manifest(ctx, r, o) },
		func() error { return store.Sync(ctx, s.Bucket) },
	} {
		if err := put(); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		done++
		s.Progress(StepPublish, done, published)
	}
	return nil
}

func (s *stitcher) contours(ctx context.Context, r *Report, list []outline) (err error) {
	file, err := newSpool(s.TempDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.discard()) }()
	if err := writeContours(ctx, file, list, newEdges(s.Plan.Frame, r.Run.Parameters.ContourStep), r); err != nil {
		return fmt.Errorf("contours: %w", err)
	}
	return file.store(ctx, s.shelf, s.keys.Contours())
}

// pictures puts the preview and the page that shows it.
func (s *stitcher) pictures(ctx context.Context, r *Report, o *overlays) error {
	whole, err := slidePicture(ctx, &s.Config)
	if err != nil {
		return err
	}
	pic := newPicture(whole, s.Plan, o.overview, o.palette)
	data, err := encodePreview(o.png, pic.marked)
	if err != nil {
		return err
	}
	if err := s.shelf.put(ctx, s.keys.Preview(), data); err != nil {
		return err
	}
	if data, err = renderPage(r, pic); err != nil {
		return err
	}
	return s.shelf.put(ctx, s.keys.ReportHTML(), data)
}

// reportFile puts report.json. What it promises of it is the report without its seconds, which are the
// only thing that differs between equal runs.
func (s *stitcher) reportFile(ctx context.Context, r *Report) error {
	sum, err := reportSum(r)
	if err != nil {
		return err
	}
	r.Seconds = s.Seconds
	r.Seconds.Stitch = time.Since(s.start).Seconds()
	r.Seconds.Total = r.Seconds.Open + r.Seconds.Tile + r.Seconds.Segment + r.Seconds.Stitch
	data, err := r.Encode()
	if err != nil {
		return err
	}
	if err := s.shelf.put(ctx, s.keys.Report(), data); err != nil {
		return err
	}
	s.shelf.files[s.shelf.name(s.keys.Report())] = File{SHA256: sum}
	return nil
}

func (s *stitcher) manifest(ctx context.Context, r *Report, o *overlays) error {
	m := Manifest{
		Version:     ManifestVersion,
		Notice:      Notice,
		Slide:       s.Plan.Slide,
		SlideSHA256: s.Slide.SHA256,
		Run:         s.Plan.Run,
		Model:       s.Plan.Model,
		Software:    s.Software,
		Frame:       s.Plan.Frame,
		Alignment:   align(s.Plan.Frame),
		Regions:     len(s.Plan.Regions),
		Lost:        s.Lost,
		SHA256:      r.SHA256,
		Files:       s.shelf.files,
		Pyramid:     pyramid.DeepZoom{Size: s.Plan.Frame.Size, Tile: overlayTile},
		Tiles: map[string]Tiles{
			string(store.ProbabilityTile): o.probability.tiles(),
			string(store.OverlayTile):     o.overlay.tiles(),
		},
	}
	data, err := m.Encode()
	if err != nil {
		return err
	}
	if err := s.Bucket.Put(ctx, s.keys.Manifest(), bytes.NewReader(data), int64(len(data))); err != nil {
		return fmt.Errorf("put run.json: %w", err)
	}
	return nil
}
