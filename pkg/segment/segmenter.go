package segment

import (
	"context"
	"fmt"
	"image"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/planes"
)

// New makes a Segmenter of the model for canvases of the given size, run by the engine.
//
// # Memory
//
// The network's own arena. Beside a network that is no RowNetwork it holds one input of 3 and one output of classes float32
// planes, 4·(3+classes)·W·H bytes, and what a blender holds for a model without a receptive field.
func New(m *Model, engine Engine, canvas pyramid.Size) (Segmenter, error) {
	if canvas.W <= 2*m.Field.Halo || canvas.H <= 2*m.Field.Halo || canvas.W%m.Field.Align != 0 || canvas.H%m.Field.Align != 0 {
		return nil, fmt.Errorf("canvas %v: want multiples of %d beyond the halo of %d on each side", canvas, m.Field.Align, m.Field.Halo)
	}
	network, err := m.Blend(engine).Network(canvas)
	if err != nil {
		return nil, fmt.Errorf("network for %v: %w", canvas, err)
	}
	classes := len(m.Description.Classes)
	return &segmenter{
		network: byRows(network, canvas, classes), size: canvas, halo: m.Field.Halo, classes: classes,
		norm: normalisation(m.Description.Mean, m.Description.Std),
	}, nil
}

type segmenter struct {
	network RowNetwork
	size    pyramid.Size
	halo    int
	classes int
	norm    planes.Norm // a byte's value after normalisation, per channel
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
	if canvas.Rect.Dx() != s.size.W || canvas.Rect.Dy() != s.size.H || len(out) != s.classes {
		return fmt.Errorf("segment: canvas %v and %d planes for a network of %v and %d classes", canvas.Rect.Size(), len(out), s.size, s.classes)
	}
	inner := image.Rect(0, 0, s.size.W, s.size.H).Inset(s.halo)
	levels := &levels{inner: inner}
	keep := make([]KeepRow, len(out))
	for c, plane := range out {
		if plane == nil {
			continue
		}
		if len(plane) != inner.Dx()*inner.Dy() {
			return fmt.Errorf("segment: plane %d of %d bytes for %v", c, len(plane), inner.Size())
		}
		keep[c] = levels.of(plane)
	}
	load := func(y int, red, green, blue []float32) {
		planes.Split(red, green, blue, canvas.Pix[y*canvas.Stride:][:4*s.size.W], &s.norm)
	}
	if err := s.network.RunRows(ctx, load, inner, keep); err != nil {
		return fmt.Errorf("segment: %w", err)
	}
	return levels.damage()
}

// Close implements Segmenter.
func (s *segmenter) Close() error { return s.network.Close() }

// levels makes probability × 255 of the inner part of a network's output.
type levels struct {
	inner image.Rectangle
	mu    sync.Mutex
	bad   *image.Point // the first value that is no number, in the inner part
}

// of writes into a plane.
func (l *levels) of(plane []uint8) KeepRow {
	width := l.inner.Dx()
	return func(y int, row []float32) {
		y -= l.inner.Min.Y
		if x := planes.Levels(plane[y*width:][:width], row); x >= 0 {
			l.report(image.Pt(x, y))
		}
	}
}

// report keeps the first in reading order, whoever comes first.
func (l *levels) report(at image.Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bad == nil || at.Y < l.bad.Y || at.Y == l.bad.Y && at.X < l.bad.X {
		l.bad = &at
	}
}

func (l *levels) damage() error {
	if l.bad == nil {
		return nil
	}
	return fmt.Errorf("segment: the network's output is not a number at %d,%d: the model is damaged", l.bad.X, l.bad.Y)
}
