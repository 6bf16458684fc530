package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/segment/train/annotate"
)

// SlideReader hands over parts of a slide.
type SlideReader interface {
	// Size is the slide's in level-0 pixels, MPP its microns per level-0 pixel.
	Size() (w, h int)
	MPP() float64
	// Read resamples w×h pixels, step level-0 pixels apart, from level-0 point (x, y) on, as
	// interleaved RGB; what lies outside the slide is white.
	Read(ctx context.Context, x, y, step float64, w, h int) ([]uint8, error)
}

// SlideSource says how a slide with annotations becomes images.
type SlideSource struct {
	Name    string
	Patient string
	Group   string           // diagnosis, or ""
	MPP     float64          // of the images: the model's scale
	Side    int              // of an image, pixels; 0 means 448
	Classes map[string]uint8 // annotation class to class, or to Ignore
	// Outside is the label beside all annotations: Background where a slide was outlined completely,
	// Ignore where it was not.
	Outside uint8
	// MaxImages bounds what one slide gives; 0 means 4096. More is an error, not a silent cut.
	MaxImages int
}

// SlideCases cuts an annotated slide into images, on a grid, wherever an annotation reaches.
//
// # Memory
//
// An image of 448×448 takes 0.8 MB, so a slide gives at most 3.3 GB, and the caller's bound applies to the sum.
func SlideCases(ctx context.Context, r SlideReader, shapes []annotate.Shape, s SlideSource) ([]Case, error) {
	cases, err := s.cut(ctx, r, shapes)
	if err != nil {
		return nil, fmt.Errorf("slide %s: %w", s.Name, err)
	}
	return cases, nil
}

func (s SlideSource) cut(ctx context.Context, r SlideReader, shapes []annotate.Shape) ([]Case, error) {
	if s.Side == 0 {
		s.Side = 448
	}
	if s.MaxImages == 0 {
		s.MaxImages = 4096
	}
	if !(s.MPP > 0) || !(r.MPP() > 0) || s.Side < 32 || s.Side > 8192 {
		return nil, fmt.Errorf("cut images of %d pixels at %g µm out of a slide at %g µm: each must be known", s.Side, s.MPP, r.MPP())
	}
	if len(shapes) == 0 {
		return nil, errors.New("it has no annotated area")
	}
	places := s.places(r, shapes)
	if len(places) > s.MaxImages {
		return nil, fmt.Errorf("its annotations reach into %d images of %d pixels; at most %d are taken", len(places), s.Side, s.MaxImages)
	}
	cases := make([]Case, 0, len(places))
	for _, at := range places {
		c, err := s.image(ctx, r, shapes, at)
		if err != nil {
			return nil, err
		}
		cases = append(cases, *c)
	}
	return cases, nil
}

// cell is a place of the grid of images.
type cell struct{ col, row int }

// places lists the cells that an annotation's bounds touch, row by row.
func (s SlideSource) places(r SlideReader, shapes []annotate.Shape) []cell {
	side := float64(s.Side) * s.MPP / r.MPP()
	w, h := r.Size()
	cols, rows := int(math.Ceil(float64(w)/side)), int(math.Ceil(float64(h)/side))
	touched := make(map[cell]bool)
	for _, shape := range shapes {
		x0, y0, x1, y1 := shape.Bounds()
		for row := max(int(y0/side), 0); row < rows && float64(row)*side <= y1; row++ {
			for col := max(int(x0/side), 0); col < cols && float64(col)*side <= x1; col++ {
				touched[cell{col, row}] = true
			}
		}
	}
	var places []cell
	for row := range rows {
		for col := range cols {
			if touched[cell{col, row}] {
				places = append(places, cell{col, row})
			}
		}
	}
	return places
}

func (s SlideSource) image(ctx context.Context, r SlideReader, shapes []annotate.Shape, at cell) (*Case, error) {
	step := s.MPP / r.MPP()
	x, y := float64(at.col*s.Side)*step, float64(at.row*s.Side)*step
	rgb, err := r.Read(ctx, x, y, step, s.Side, s.Side)
	if err != nil {
		return nil, fmt.Errorf("read at %.0f, %.0f: %w", x, y, err)
	}
	if len(rgb) != 3*s.Side*s.Side {
		return nil, fmt.Errorf("read at %.0f, %.0f: %d bytes for %d×%d pixels", x, y, len(rgb), s.Side, s.Side)
	}
	labels, err := annotate.Canvas{X: x, Y: y, Step: step, W: s.Side, H: s.Side, Empty: s.Outside}.Paint(shapes, s.Classes)
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		if l >= Classes && l != Ignore {
			return nil, fmt.Errorf("class map names class %d; there are %d", l, Classes)
		}
	}
	c := &Case{
		Name: fmt.Sprintf("%s-%d-%d", s.Name, at.col, at.row), Patient: s.Patient, Group: s.Group,
		W: s.Side, H: s.Side, RGB: rgb, Label: labels,
	}
	c.finish()
	return c, nil
}
