package segment

import (
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Frame places a slide at the model's scale. Model pixel (x, y) covers the level-0 rectangle from
// (x·StepX, y·StepY) to ((x+1)·StepX, (y+1)·StepY); both images share their top left corner.
type Frame struct {
	Slide pyramid.Size `json:"slide"`  // level-0 pixels
	MPP   pyramid.MPP  `json:"mpp"`    // of level 0
	Model float64      `json:"model"`  // microns per model pixel
	Size  pyramid.Size `json:"canvas"` // the slide in model pixels, rounded up
}

// maxSide bounds a slide at the model's scale: 2^20 pixels at 1 µm are a metre of glass.
const maxSide = 1 << 20

// NewFrame places a slide. It refuses an unknown or impossible scale.
func NewFrame(slide pyramid.Size, mpp pyramid.MPP, model float64) (Frame, error) {
	if err := mpp.Validate(); err != nil {
		return Frame{}, err
	}
	f := Frame{Slide: slide, MPP: mpp, Model: model}
	w, h := math.Ceil(float64(slide.W)/f.StepX()), math.Ceil(float64(slide.H)/f.StepY())
	if slide.Empty() || !(w <= maxSide && h <= maxSide) {
		return Frame{}, fmt.Errorf("slide of %v at %v: impossible size at the model's %g µm/px", slide, mpp, model)
	}
	f.Size = pyramid.Size{W: int(w), H: int(h)}
	return f, nil
}

// StepX is the width of a model pixel in level-0 pixels.
func (f Frame) StepX() float64 { return f.Model / f.MPP.X }

// StepY is the height of a model pixel in level-0 pixels.
func (f Frame) StepY() float64 { return f.Model / f.MPP.Y }

// Level0 maps a point in model pixels to level-0 pixels, clipped to the slide.
func (f Frame) Level0(x, y float64) (float64, float64) {
	return min(x*f.StepX(), float64(f.Slide.W)), min(y*f.StepY(), float64(f.Slide.H))
}

// PixelMM2 is the area of one model pixel in square millimetres.
func (f Frame) PixelMM2() float64 { return f.Model * f.Model / 1e6 }
