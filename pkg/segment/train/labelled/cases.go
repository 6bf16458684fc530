package labelled

import (
	"context"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment/train"
)

// Cut says how slides become training images.
type Cut struct {
	MPP      float64 // of the images: the model's scale
	Side     int     // of an image, pixels; 0 means train's
	MaxBytes int64   // of all images; 0 means 4 GiB
}

// Cases cuts training images out of slides.
//
// # Memory
//
// A pixel takes four bytes, and all images together at most MaxBytes.
func (c Cut) Cases(ctx context.Context, slides []Slide) ([]train.Case, error) {
	limit := c.MaxBytes
	if limit == 0 {
		limit = 4 << 30
	}
	var all []train.Case
	for i := range slides {
		cases, err := c.slide(ctx, &slides[i])
		if err != nil {
			return nil, err
		}
		for _, k := range cases {
			limit -= 4 * int64(k.W) * int64(k.H)
		}
		if limit < 0 {
			return nil, fmt.Errorf("slide %s: the images of all slides take too much memory; annotate parts of them, or use fewer", slides[i].Name)
		}
		all = append(all, cases...)
	}
	return all, nil
}

func (c Cut) slide(ctx context.Context, s *Slide) (_ []train.Case, err error) {
	o, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return train.SlideCases(ctx, o, o.Truth, train.SlideSource{Name: s.Name, Patient: s.Patient, MPP: c.MPP, Side: c.Side})
}
