package judge

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/train"
	"github.com/slidemill/slidemill/pkg/segment/train/labelled"
)

// Slides judges whole slides wherever their truth is known. A slide's score, for its AUC, is the
// highest probability on its map, see chart; its boundary distance is that of the map, too.
//
// Glass is told from tissue more simply here than in `run`: a cell without colour is not carcinoma.
//
// # Memory
//
// Each worker holds one network for a window of windowSide and the halo; a slide leaves behind two
// bytes for each cell of its map, a megabyte at most for a slide of 40000 µm.
func (j *Judge) Slides(ctx context.Context, slides []labelled.Slide) (*Verdict, error) {
	if err := j.Scheme().Validate(); err != nil {
		return nil, err
	}
	v := &Verdict{}
	for i := range slides {
		if err := j.slide(ctx, &slides[i], v); err != nil {
			return nil, fmt.Errorf("judge slide %s: %w", slides[i].Name, err)
		}
		if j.Progress != nil {
			j.Progress(i+1, len(slides))
		}
	}
	if len(v.Summaries) == 0 {
		return nil, errors.New("no slide to judge: nothing on them is annotated, or the model has no class for it")
	}
	return v, nil
}

func (j *Judge) slide(ctx context.Context, s *labelled.Slide, v *Verdict) (err error) {
	o, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	c := j.newChart(s, o)
	if err := j.windows(ctx, o, c); err != nil {
		return err
	}
	sum := c.tally.Summary()
	if sum.Judged() == 0 || c.unknown {
		v.LeftOut++
		return nil
	}
	v.MM2 += float64(sum.Judged()) * sum.PixelMM2
	c.finish(sum)
	v.Summaries = append(v.Summaries, sum)
	v.Detected = append(v.Detected, c.detected(s.Name))
	return nil
}

// windowSide is the side of a piece of a slide, pixels at the model's scale.
const windowSide = 1024

// windows segments the slide piece by piece, some at once.
func (j *Judge) windows(ctx context.Context, o *labelled.Open, c *chart) error {
	align := j.Model.Field.Align
	side := pyramid.CeilDiv(min(windowSide, max(c.size.W, c.size.H)), align) * align
	grid := pyramid.Grid{Size: c.size, Tile: side}
	places := make(chan image.Point)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(places)
		for row := range pyramid.CeilDiv(c.size.H, side) {
			for col := range pyramid.CeilDiv(c.size.W, side) {
				select {
				case places <- grid.Bounds(col, row).Min:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	for range j.workers() {
		group.Go(func() (err error) {
			w := &window{judge: j, open: o, chart: c, side: side}
			defer func() { err = errors.Join(err, w.close()) }()
			for at := range places {
				if err := w.run(ctx, at); err != nil {
					return fmt.Errorf("at %d, %d of the model's pixels: %w", at.X, at.Y, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// window is a worker on the pieces of a slide.
type window struct {
	judge *Judge
	open  *labelled.Open
	chart *chart
	side  int
	seg   segment.Segmenter // made when first needed
}

func (w *window) close() error {
	if w.seg == nil {
		return nil
	}
	return w.seg.Close()
}

// run judges the piece whose top left corner is at, unless nobody knows anything of it.
func (w *window) run(ctx context.Context, at image.Point) error {
	inside := image.Rectangle{Min: at, Max: at.Add(image.Pt(w.side, w.side))}.Intersect(w.chart.size.Bounds())
	step := w.chart.step
	labels, err := w.open.Truth.Labels(ctx, float64(inside.Min.X)*step, float64(inside.Min.Y)*step, step, inside.Dx(), inside.Dy())
	if err != nil {
		return err
	}
	known := false
	for _, l := range labels {
		known = known || l != train.Ignore
	}
	if !known {
		w.chart.skip()
		return nil
	}
	halo := w.judge.Model.Field.Halo
	full := w.side + 2*halo
	rgb, err := w.open.Read(ctx, float64(at.X-halo)*step, float64(at.Y-halo)*step, step, full, full)
	if err != nil {
		return err
	}
	if w.judge.Change != nil {
		w.judge.Change(rgb)
	}
	part := &piece{at: inside, labels: labels, halo: halo, full: full, rgb: rgb}
	if part.findTissue() {
		if part.planes, err = w.segment(ctx, picture(rgb, full, full)); err != nil {
			return err
		}
		part.crop(w.side)
	}
	return w.chart.add(w.judge, part)
}

// segment computes the probabilities of a canvas without its halo.
func (w *window) segment(ctx context.Context, canvas *image.RGBA) ([][]uint8, error) {
	if w.seg == nil {
		size := pyramid.Size{W: canvas.Rect.Dx(), H: canvas.Rect.Dy()}
		seg, err := segment.New(w.judge.Model, w.judge.Engine, size)
		if err != nil {
			return nil, err
		}
		w.seg = seg
	}
	once := func(img *image.RGBA) ([][]uint8, error) {
		planes := make([][]uint8, len(w.judge.Model.Description.Classes))
		for i := range planes {
			planes[i] = make([]uint8, w.side*w.side)
		}
		return planes, w.seg.Segment(ctx, img, planes)
	}
	if !w.judge.Ensemble {
		return once(canvas)
	}
	return ensemble(canvas, w.judge.Model.Field.Halo, once)
}

// chart is what is kept of a slide: its counts, and a map of cells.
type chart struct {
	size  pyramid.Size // model pixels
	step  float64      // level-0 pixels per model pixel
	mpp   float64
	cells pyramid.Grid
	image evaluate.Image // what names the slide

	mu        sync.Mutex
	scheme    evaluate.Scheme
	tally     *evaluate.Tally
	truth     []bool  // cells that are mostly carcinoma
	judged    []bool  // cells of which anything is known
	prob      []uint8 // mean probability of carcinoma
	carcinoma bool
	partial   bool // parts of the slide were not judged
	unknown   bool // the truth holds a class that the model does not know
}

// newChart makes an empty chart of a slide.
func (j *Judge) newChart(s *labelled.Slide, o *labelled.Open) *chart {
	c := &chart{step: j.Model.Description.MPP / o.MPP(), mpp: j.Model.Description.MPP, scheme: j.Scheme()}
	w, h := o.Size()
	c.size = pyramid.Size{W: ceil(float64(w) / c.step), H: ceil(float64(h) / c.step)}
	c.cells = pyramid.Grid{Size: c.size, Tile: segment.TissueCell}
	n := c.cells.Cells()
	c.truth, c.judged, c.prob = make([]bool, n), make([]bool, n), make([]uint8, n)
	c.image = evaluate.Image{Name: s.Name, Patient: s.Patient, MPP: c.mpp}
	if j.Columns != nil {
		c.image.Columns = j.Columns(s.Name, s.Patient)
	}
	c.tally = c.scheme.NewTally(&c.image)
	return c
}

// skip notes that a piece was not judged.
func (c *chart) skip() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial = true
}

func ceil(v float64) int {
	n := int(v)
	if float64(n) < v {
		n++
	}
	return max(n, 1)
}
