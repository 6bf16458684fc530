package train

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// Truth is what is known of a slide, in level-0 pixels.
type Truth interface {
	// Labels are the classes of w×h pixels, step level-0 pixels apart, from level-0 point (x, y) on;
	// Ignore where nobody judged.
	Labels(ctx context.Context, x, y, step float64, w, h int) ([]uint8, error)
}

// SlideSource says how a slide with annotations becomes images.
type SlideSource struct {
	Name    string
	Patient string
	MPP     float64 // of the images: the model's scale
	Side    int     // of an image, pixels; 0 means 448
	// MaxImages bounds what one slide gives; 0 means 4096. More is an error, not a silent cut.
	MaxImages int
}

// SlideCases cuts an annotated slide into images, on a grid: wherever a lesion or benign epithelium was
// outlined, and wherever tissue is known to be background.
//
// # Memory
//
// An image of 448×448 takes 0.8 MB, so a slide gives at most 3.3 GB, and the caller's bound applies to the sum.
func SlideCases(ctx context.Context, r SlideReader, truth Truth, s SlideSource) ([]Case, error) {
	cases, err := s.cut(ctx, r, truth)
	if err != nil {
		return nil, fmt.Errorf("slide %s: %w", s.Name, err)
	}
	return cases, nil
}

func (s SlideSource) cut(ctx context.Context, r SlideReader, truth Truth) ([]Case, error) {
	if s.Side == 0 {
		s.Side = 448
	}
	if s.MaxImages == 0 {
		s.MaxImages = 4096
	}
	if !(s.MPP > 0) || !(r.MPP() > 0) || s.Side < 32 || s.Side > 8192 {
		return nil, fmt.Errorf("cut images of %d pixels at %g µm out of a slide at %g µm: each must be known", s.Side, s.MPP, r.MPP())
	}
	side := float64(s.Side) * s.MPP / r.MPP()
	w, h := r.Size()
	var cases []Case
	for row := range int(math.Ceil(float64(h) / side)) {
		for col := range int(math.Ceil(float64(w) / side)) {
			c, err := s.image(ctx, r, truth, cell{col, row})
			if err != nil {
				return nil, err
			}
			if c == nil {
				continue
			}
			if len(cases) == s.MaxImages {
				return nil, fmt.Errorf("it gives more than %d images of %d pixels; annotate a part of it, or raise the limit", s.MaxImages, s.Side)
			}
			cases = append(cases, *c)
		}
	}
	if len(cases) == 0 {
		return nil, errors.New("no tissue on it is annotated")
	}
	return cases, nil
}

// cell is a place of the grid of images.
type cell struct{ col, row int }

// image is one cell, or nil if nothing is to be learned from it.
func (s SlideSource) image(ctx context.Context, r SlideReader, truth Truth, at cell) (*Case, error) {
	step := s.MPP / r.MPP()
	x, y := float64(at.col*s.Side)*step, float64(at.row*s.Side)*step
	labels, err := truth.Labels(ctx, x, y, step, s.Side, s.Side)
	if err != nil {
		return nil, err
	}
	known, lesion := 0, 0
	for _, l := range labels {
		switch {
		case l == Ignore:
			continue
		case l >= Classes:
			return nil, fmt.Errorf("class map names class %d; there are %d", l, Classes)
		case l != Background:
			lesion++
		}
		known++
	}
	if known == 0 {
		return nil, nil
	}
	rgb, err := r.Read(ctx, x, y, step, s.Side, s.Side)
	if err != nil {
		return nil, fmt.Errorf("read at %.0f, %.0f: %w", x, y, err)
	}
	if len(rgb) != 3*s.Side*s.Side {
		return nil, fmt.Errorf("read at %.0f, %.0f: %d bytes for %d×%d pixels", x, y, len(rgb), s.Side, s.Side)
	}
	if lesion == 0 && !hasTissue(rgb) {
		return nil, nil
	}
	c := &Case{Name: fmt.Sprintf("%s-%d-%d", s.Name, at.col, at.row), Patient: s.Patient, W: s.Side, H: s.Side, RGB: rgb, Label: labels}
	c.finish()
	c.Group = ClassNames()[c.Main]
	return c, nil
}

// Glass is as bright in all colours; stained tissue is not. A picture shows tissue when a twentieth of
// its pixels differ between colours by more than coloured.
const (
	coloured    = 20
	tissueShare = 20
)

func hasTissue(rgb []uint8) bool {
	n := 0
	for i := 0; i+2 < len(rgb); i += 3 {
		r, g, b := rgb[i], rgb[i+1], rgb[i+2]
		if max(r, g, b)-min(r, g, b) > coloured {
			n++
		}
	}
	return n*tissueShare*3 >= len(rgb)
}
