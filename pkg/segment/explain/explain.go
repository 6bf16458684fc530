// Package explain says what in a picture drove a model's answer for a place: by the gradient of the
// answer with respect to the pixels, or by covering parts and looking again. It sits on segment and
// segment/nn, whose autodiff it uses, and draws its result. It opens no slides and judges nothing: what
// moved a model need not be what a pathologist would go by.
package explain

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// Method is how contributions are found.
type Method string

// Methods. Both ask the same: by how much would the score fall if a part looked like the picture's mean
// colour? Saliency adds up gradients on the way from that colour to the picture (integrated gradients,
// Sundararajan et al. 2017); occlusion covers each part in turn and looks. Saliency is fast and fine,
// occlusion slow and direct; where they disagree, believe occlusion.
const (
	Saliency  Method = "saliency"
	Occlusion Method = "occlusion"
)

// Options say how to explain. The zero value works.
type Options struct {
	Method Method // "" means Saliency
	Steps  int    // gradients added up for Saliency; 0 means 8
	Patch  int    // side of a part in pixels; 0 means 16 for Saliency, 48 for Occlusion
	// Progress is told how many passes are done. It may be nil.
	Progress func(done, total int)
}

func (o Options) orDefault() (Options, error) {
	if o.Method == "" {
		o.Method = Saliency
	}
	if o.Steps == 0 {
		o.Steps = 8
	}
	if o.Patch == 0 {
		o.Patch = 16
		if o.Method == Occlusion {
			o.Patch = 48
		}
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	switch {
	case o.Method != Saliency && o.Method != Occlusion:
		return o, fmt.Errorf("method %q: want %s or %s", o.Method, Saliency, Occlusion)
	case o.Steps < 1 || o.Steps > 256:
		return o, fmt.Errorf("%d steps: want 1 to 256", o.Steps)
	case o.Patch < 4 || o.Patch > 1024:
		return o, fmt.Errorf("patches of %d pixels: want 4 to 1024", o.Patch)
	}
	return o, nil
}

// Place is where a canvas lies on its slide: level-0 pixel of its top left corner, level-0 pixels per
// model pixel.
type Place struct{ X, Y, Step float64 }

// Canvas is a picture at the model's scale around the window whose score is explained.
type Canvas struct {
	Image  *image.RGBA
	Window image.Rectangle // within Image; what lies around it is the model's context
	Place  Place
}

// MaxSide bounds a window, pixels at the model's scale.
const MaxSide = 1024

// Frame is the rectangle of model pixels that a canvas around a window of a side needs, the window's
// middle being at (x, y) of the model's pixels, and the window in it.
func Frame(m *segment.Model, x, y float64, side int) (canvas, window image.Rectangle, err error) {
	if side < 16 || side > MaxSide {
		return canvas, window, fmt.Errorf("a window of %d pixels: want 16 to %d", side, MaxSide)
	}
	if m.Unbounded != "" {
		return canvas, window, fmt.Errorf("a model that sees the whole picture at once (%s) cannot be explained yet", m.Unbounded)
	}
	align := m.Field.Align
	full := pyramid.CeilDiv(side+2*m.Field.Halo, align) * align
	at := image.Pt(int(math.Round(x))-full/2, int(math.Round(y))-full/2)
	canvas = image.Rectangle{Min: at, Max: at.Add(image.Pt(full, full))}
	corner := image.Pt((full-side)/2, (full-side)/2)
	return canvas, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(side, side))}, nil
}

// Explain says what drove the carcinoma score of a canvas's window. It is deterministic.
//
// # Memory
//
// The activations of one pass, at 864 pixels of the built-in model some 2 GB with gradients, bounded by
// memoryLimit, and a few planes of the canvas.
func Explain(ctx context.Context, m *segment.Model, c Canvas, o Options) (*Explanation, error) {
	o, err := o.orDefault()
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	if !c.Window.In(c.Image.Rect) || c.Window.Empty() || c.Image.Rect.Min != (image.Point{}) {
		return nil, fmt.Errorf("explain: window %v of a canvas of %v", c.Window, c.Image.Rect)
	}
	e, err := explain(ctx, m, c, o)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return e, nil
}

// memoryLimit bounds the activations of a pass.
const memoryLimit = 6 << 30

func explain(ctx context.Context, m *segment.Model, c Canvas, o Options) (_ *Explanation, err error) {
	s, err := newScorer(m, c, o.Method == Occlusion)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.net.Close()) }()
	e := &Explanation{
		Use: notice, Method: o.Method, Patch: o.Patch, MPP: m.Description.MPP, Model: m.Ref, Canvas: c,
		Class: m.Description.Classes[m.Description.Carcinoma], Baseline: s.mean,
	}
	if o.Method == Occlusion {
		return e, e.occlude(ctx, s, o)
	}
	e.Steps = o.Steps
	return e, e.integrate(ctx, s, o)
}

// scorer is the network at work on one canvas.
type scorer struct {
	net      *nn.Saliency
	size     pyramid.Size
	picture  []float32 // normalised planes
	blank    []float32 // the mean colour, the same
	mean     [3]uint8
	weight   []float32 // 1 in the window
	gradient []float32
}

func newScorer(m *segment.Model, c Canvas, scoreOnly bool) (*scorer, error) {
	size := pyramid.Size{W: c.Image.Rect.Dx(), H: c.Image.Rect.Dy()}
	n, err := m.Net(size)
	if err != nil {
		return nil, err
	}
	s := &scorer{size: size, mean: meanColour(c.Image)}
	s.net, err = nn.NewSaliency(nn.SaliencyConfig{
		Net: n, H: size.H, W: size.W, Class: m.Description.Carcinoma, Threads: threads(),
		Probabilities: endsInProbabilities(n), ScoreOnly: scoreOnly, MemoryLimit: memoryLimit,
	})
	if err != nil {
		return nil, err
	}
	s.load(m, c.Image)
	s.weight = make([]float32, size.W*size.H)
	for y := c.Window.Min.Y; y < c.Window.Max.Y; y++ {
		for x := c.Window.Min.X; x < c.Window.Max.X; x++ {
			s.weight[y*size.W+x] = 1
		}
	}
	if !scoreOnly {
		s.gradient = make([]float32, len(s.picture))
	}
	return s, nil
}

// endsInProbabilities: the network of a model always does; a softmax is looked through by nn.
func endsInProbabilities(n *net.Net) bool {
	_, softmax := n.Nodes[n.Outputs[0]].Op.(*net.Softmax)
	return !softmax
}

// load fills in picture and blank.
func (s *scorer) load(m *segment.Model, img *image.RGBA) {
	plane := s.size.W * s.size.H
	s.picture, s.blank = make([]float32, 3*plane), make([]float32, 3*plane)
	for k := range 3 {
		value := func(v uint8) float32 {
			return (float32(v)/255 - m.Description.Mean[k]) / m.Description.Std[k]
		}
		for i := range plane {
			s.picture[k*plane+i] = value(img.Pix[i/s.size.W*img.Stride+4*(i%s.size.W)+k])
			s.blank[k*plane+i] = value(s.mean[k])
		}
	}
}

// meanColour is the mean over the picture: what a covered part looks like.
func meanColour(img *image.RGBA) (mean [3]uint8) {
	var sum [3]int64
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range h {
		for x := range w {
			px := img.Pix[y*img.Stride+4*x:]
			for k := range sum {
				sum[k] += int64(px[k])
			}
		}
	}
	for k := range mean {
		mean[k] = uint8(sum[k] / int64(w*h))
	}
	return mean
}

// run is the score of an input, and its gradient unless only the score is wanted.
func (s *scorer) run(ctx context.Context, x []float32) (float64, error) {
	return s.net.Run(ctx, x, s.weight, s.gradient)
}

// integrate adds up gradients on the way from the mean colour to the picture, in the middles of steps.
func (e *Explanation) integrate(ctx context.Context, s *scorer, o Options) error {
	plane := s.size.W * s.size.H
	sum, x := make([]float64, plane), make([]float32, 3*plane)
	for step := range o.Steps {
		part := (float32(step) + 0.5) / float32(o.Steps)
		for i := range x {
			x[i] = s.blank[i] + part*(s.picture[i]-s.blank[i])
		}
		if _, err := s.run(ctx, x); err != nil {
			return err
		}
		for i := range x {
			sum[i%plane] += float64(s.gradient[i]) * float64(s.picture[i]-s.blank[i]) / float64(o.Steps)
		}
		o.Progress(step+1, o.Steps+2)
	}
	if err := e.ends(ctx, s, o, o.Steps); err != nil {
		return err
	}
	e.grid(s.size)
	for i, v := range sum {
		e.Grid[i/s.size.W/e.Patch*e.Columns+i%s.size.W/e.Patch] += v
	}
	e.finish()
	return nil
}

// ends scores the picture itself and the mean colour.
func (e *Explanation) ends(ctx context.Context, s *scorer, o Options, done int) (err error) {
	if e.BaselineLogOdds, err = s.run(ctx, s.blank); err != nil {
		return err
	}
	if e.LogOdds, err = s.run(ctx, s.picture); err != nil {
		return err
	}
	e.Probability = 1 / (1 + math.Exp(-e.LogOdds))
	o.Progress(done+2, done+2)
	return nil
}

// occlude covers each part in turn.
func (e *Explanation) occlude(ctx context.Context, s *scorer, o Options) error {
	if err := e.ends(ctx, s, Options{Progress: func(int, int) {}}, 0); err != nil {
		return err
	}
	e.grid(s.size)
	x := slices.Clone(s.picture)
	for i := range e.Grid {
		s.cover(x, s.blank, e.rect(i))
		score, err := s.run(ctx, x)
		if err != nil {
			return err
		}
		s.cover(x, s.picture, e.rect(i))
		e.Grid[i] = e.LogOdds - score
		o.Progress(i+1, len(e.Grid))
	}
	e.finish()
	return nil
}

// cover copies a rectangle of all planes.
func (s *scorer) cover(dst, src []float32, r image.Rectangle) {
	for k := range 3 {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			at := (k*s.size.H+y)*s.size.W + r.Min.X
			copy(dst[at:at+r.Dx()], src[at:at+r.Dx()])
		}
	}
}
