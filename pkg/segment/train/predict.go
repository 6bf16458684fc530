package train

import (
	"context"
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// Predictor runs a network over plain images, mirrored beyond their borders as everywhere in Slidemill.
// It is not safe for concurrent use.
//
// # Memory
//
// It keeps one compiled network, for the last size seen, and one image's logits.
type Predictor struct {
	engine segment.Engine
	norm   [3][256]float32
	pad    int // mirrored pixels on every side
	align  int
	size   pyramid.Size
	net    segment.Network
	in     []float32
	out    []float32
}

// NewPredictor makes a predictor; pad and align are in pixels, pad a multiple of align.
func NewPredictor(engine segment.Engine, norm Normalisation, field segment.Field) *Predictor {
	return &Predictor{engine: engine, norm: norm.table(), pad: field.Halo, align: max(field.Align, 1)}
}

// Close releases the compiled network.
func (p *Predictor) Close() error {
	if p.net == nil {
		return nil
	}
	err := p.net.Close()
	p.net = nil
	return err
}

// Logits computes Classes planes of an image's size; they are valid until the next call.
func (p *Predictor) Logits(ctx context.Context, rgb []uint8, w, h int) ([]float32, error) {
	size := pyramid.Size{W: p.roundUp(w + 2*p.pad), H: p.roundUp(h + 2*p.pad)}
	if err := p.compile(size); err != nil {
		return nil, err
	}
	p.load(rgb, w, h)
	if err := p.net.Run(ctx, p.in, p.out); err != nil {
		return nil, err
	}
	return p.crop(w, h), nil
}

func (p *Predictor) roundUp(n int) int { return (n + p.align - 1) / p.align * p.align }

func (p *Predictor) compile(size pyramid.Size) error {
	if p.net != nil && p.size == size {
		return nil
	}
	if err := p.Close(); err != nil {
		return err
	}
	n, err := p.engine.Network(size)
	if err != nil {
		return fmt.Errorf("compile for %v: %w", size, err)
	}
	p.net, p.size = n, size
	p.in = make([]float32, 3*size.W*size.H)
	p.out = make([]float32, Classes*size.W*size.H)
	return nil
}

func (p *Predictor) load(rgb []uint8, w, h int) {
	plane := p.size.W * p.size.H
	for y := range p.size.H {
		sy := reflect(y-p.pad, h)
		for x := range p.size.W {
			from, at := 3*(sy*w+reflect(x-p.pad, w)), y*p.size.W+x
			for k := range 3 {
				p.in[k*plane+at] = p.norm[k][rgb[from+k]]
			}
		}
	}
}

// crop moves the middle of every plane to the front of the output buffer.
func (p *Predictor) crop(w, h int) []float32 {
	plane := p.size.W * p.size.H
	to := 0
	for c := range Classes {
		for y := range h {
			from := c*plane + (y+p.pad)*p.size.W + p.pad
			to += copy(p.out[to:], p.out[from:from+w])
		}
	}
	return p.out[:to]
}

// Probabilities turns planes of logits into planes of bytes, softmax at a temperature.
func Probabilities(logits []float32, temperature float64) [][]uint8 {
	n := len(logits) / Classes
	planes := make([][]uint8, Classes)
	for c := range planes {
		planes[c] = make([]uint8, n)
	}
	var e [Classes]float64
	for i := range n {
		top := float64(logits[i])
		for c := 1; c < Classes; c++ {
			top = max(top, float64(logits[c*n+i]))
		}
		sum := 0.0
		for c := range e {
			e[c] = math.Exp((float64(logits[c*n+i]) - top) / temperature)
			sum += e[c]
		}
		for c := range e {
			planes[c][i] = uint8(255*e[c]/sum + 0.5)
		}
	}
	return planes
}
