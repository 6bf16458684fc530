//go:build unix

package site

import (
	"context"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// Prepare reads a slide for an order such as the program's commands make: of our own engine as it runs the model's regions.
func Prepare(ctx context.Context, file string, m *segment.Model, p segment.Parameters) (*intake.Order, error) {
	engine, err := nn.ForModel(m, 1)
	if err != nil {
		return nil, err
	}
	p.Engine = engine.Name()
	return intake.Prepare(ctx, file, intake.PrepareConfig{Model: m, Parameters: p})
}
