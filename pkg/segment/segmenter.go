package segment

import (
	"context"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/planes"
)

// New makes a Segmenter of the model for canvases of the given size, run by the engine.
//
// # Memory
//
// Beside the network's own arena it holds one input of 3 and one output of classes float32 planes:
// at most 4·(3+classes)·W·H bytes; and what a blender holds for a model without a receptive field.
func New(m *Model, engine Engine, canvas pyramid.Size) (Segmenter, error) {
	if canvas.W <= 2*m.Field.Halo || canvas.H <= 2*m.Field.Halo || canvas.W%m.Field.Align != 0 || canvas.H%m.Field.Align != 0 {
		return nil, fmt.Errorf("canvas %v: want multiples of %d beyond the halo of %d on each side", canvas, m.Field.Align, m.Field.Halo)
	}
	network, err := m.Blend(engine).Network(canvas)
	if err != nil {
		return nil, fmt.Errorf("network for %v: %w", canvas, err)
	}
	pixels := canvas.W * canvas.H
	return &segmenter{
		network: network, size: canvas, halo: m.Field.Halo, classes: len(m.Description.Classes),
		norm: normalisation(m.Description.Mean, m.Description.Std),
		in:   make([]float32, 3*pixels), out: make([]float32, len(m.Description.Classes)*pixels),
	}, nil
}

type segmenter struct {
	network Network
	size    pyramid.Size
	halo    int
	classes int
	norm    planes.Norm // a byte's value after normalisation, per channel
	in, out []float32
}

var _ Segmenter = (*segmenter)(nil)

func normalisation(mean, std [3]float32) (norm planes.Norm) {
	for c := range norm {
		for v := range norm[c] {
			norm[c][v] = float32(float32(float32(v)/255)-mean[c]) / std[c]
		}
	}
	return norm
}

// Segment implements Segmenter.
func (s *segmenter) Segment(ctx context.Context, canvas *image.RGBA, out [][]uint8) error {
	inner := pyramid.Size{W: s.size.W - 2*s.halo, H: s.size.H - 2*s.halo}
	if canvas.Rect.Dx() != s.size.W || canvas.Rect.Dy() != s.size.H || len(out) != s.classes {
		return fmt.Errorf("segment: canvas %v and %d planes for a network of %v and %d classes", canvas.Rect.Size(), len(out), s.size, s.classes)
	}
	s.load(canvas)
	if err := s.network.Run(ctx, s.in, s.out); err != nil {
		return fmt.Errorf("segment: %w", err)
	}
	for c, plane := range out {
		if plane == nil {
			continue
		}
		if len(plane) != inner.W*inner.H {
			return fmt.Errorf("segment: plane %d of %d bytes for %v", c, len(plane), inner)
		}
		if err := s.quantise(plane, c, inner); err != nil {
			return err
		}
	}
	return nil
}

// load turns the canvas into normalised planes.
func (s *segmenter) load(canvas *image.RGBA) {
	pixels := s.size.W * s.size.H
	r, g, b := s.in[:pixels], s.in[pixels:2*pixels], s.in[2*pixels:]
	for y := range s.size.H {
		at := y * s.size.W
		planes.Split(r[at:], g[at:], b[at:], canvas.Pix[y*canvas.Stride:][:4*s.size.W], &s.norm)
	}
}

// quantise writes the inner part of one class as probability × 255.
func (s *segmenter) quantise(plane []uint8, class int, inner pyramid.Size) error {
	from := s.out[class*s.size.W*s.size.H:]
	for y := range inner.H {
		row, to := from[(y+s.halo)*s.size.W+s.halo:][:inner.W], plane[y*inner.W:][:inner.W]
		if x := planes.Levels(to, row); x >= 0 {
			return fmt.Errorf("segment: the network's output is not a number at %d,%d: the model is damaged", x, y)
		}
	}
	return nil
}

// Close implements Segmenter.
func (s *segmenter) Close() error { return s.network.Close() }
