package train

import (
	"context"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// ensemble is the mean of the probabilities over the eight turns and mirror images of an image: eight
// times the work, and an answer that does not depend on how the glass lay.
func (p *Predictor) ensemble(ctx context.Context, c *Case, temperature float64) ([][]uint8, error) {
	sum := make([][]int32, Classes)
	for k := range sum {
		sum[k] = make([]int32, c.W*c.H)
	}
	for d := range 8 {
		turned, size := segment.Turn(c.RGB, pyramid.Size{W: c.W, H: c.H}, 3, d)
		logits, err := p.Logits(ctx, turned, size.W, size.H)
		if err != nil {
			return nil, err
		}
		for k, plane := range Probabilities(logits, temperature) {
			for i, v := range segment.TurnBack(plane, pyramid.Size{W: c.W, H: c.H}, d) {
				sum[k][i] += int32(v)
			}
		}
	}
	planes := make([][]uint8, Classes)
	for k := range planes {
		planes[k] = make([]uint8, c.W*c.H)
		for i, v := range sum[k] {
			planes[k][i] = uint8((v + 4) / 8)
		}
	}
	return planes, nil
}
