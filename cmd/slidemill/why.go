package main

import (
	"bytes"
	"context"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/explain"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/tiler"
	"github.com/slidemill/slidemill/pkg/viewer"
)

// whySide is the side of the window that the viewer asks about, pixels at the model's scale: what is in
// the middle of the screen, and small enough for seconds.
const whySide = 192

// maxPlanBytes bounds a plan read from the store.
const maxPlanBytes = 64 << 20

// answerWhy explains places of runs in a store with the model that made them. The viewer asks one
// question at a time.
func answerWhy(bucket store.Bucket, m *segment.Model) viewer.Explain {
	return func(ctx context.Context, q viewer.Question) (viewer.Answer, error) {
		canvas, err := storedCanvas(ctx, bucket, m, storedPlace{q, whySide})
		if err != nil {
			return viewer.Answer{}, err
		}
		e, err := explain.Explain(ctx, m, *canvas, explain.Options{})
		if err != nil {
			return viewer.Answer{}, err
		}
		var png bytes.Buffer
		err = e.WritePNG(&png)
		return viewer.Answer{PNG: png.Bytes(), Said: e.Said(), Window: e.Window()}, err
	}
}

// storedPlace is a place of a run in the store, and the window's side at the model's scale.
type storedPlace struct {
	viewer.Question
	side int
}

// storedPlan is the plan of a run, if the model is the run's.
func storedPlan(ctx context.Context, bucket store.Bucket, m *segment.Model, q viewer.Question) (*segment.Plan, error) {
	data, err := store.ReadAll(ctx, bucket, store.Slide(q.Slide).Run(q.Run).Plan(), maxPlanBytes)
	if err != nil {
		return nil, err
	}
	plan, err := segment.DecodePlan(data)
	if err != nil {
		return nil, err
	}
	if plan.Model.SHA256 != m.Ref.SHA256 {
		return nil, fmt.Errorf("%w: the run is of model %s %s, here is %s %s: give that one with --model",
			viewer.ErrCannotExplain, plan.Model.Name, plan.Model.Version, m.Ref.Name, m.Ref.Version)
	}
	return plan, nil
}

// storedCanvas reads the surroundings of a place from the pyramid: the pixels that the run saw.
func storedCanvas(ctx context.Context, bucket store.Bucket, m *segment.Model, q storedPlace) (*explain.Canvas, error) {
	plan, err := storedPlan(ctx, bucket, m, q.Question)
	if err != nil {
		return nil, err
	}
	f := plan.Frame
	if q.X < 0 || q.Y < 0 || q.X >= f.Slide.W || q.Y >= f.Slide.H {
		return nil, fmt.Errorf("%w: %d, %d is beyond the slide of %v", viewer.ErrCannotExplain, q.X, q.Y, f.Slide)
	}
	rect, window, err := explain.Frame(m, float64(q.X)/f.StepX(), float64(q.Y)/f.StepY(), q.side)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", viewer.ErrCannotExplain, err)
	}
	p, err := tiler.Open(ctx, bucket, q.Slide)
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(rect)
	if err := p.Canvas(ctx, f, rect, img); err != nil {
		return nil, err
	}
	img.Rect = image.Rect(0, 0, rect.Dx(), rect.Dy())
	return &explain.Canvas{Image: img, Window: window, Place: explain.Place{
		X: float64(rect.Min.X) * f.StepX(), Y: float64(rect.Min.Y) * f.StepY(), Step: f.StepX(),
	}}, nil
}

// why is the viewer's explanation with the model that this server works with.
func (f *serveFlags) why(bucket store.Bucket) (viewer.Explain, error) {
	m, err := openModel(f.model)
	if err != nil {
		return nil, err
	}
	return answerWhy(bucket, m), nil
}
