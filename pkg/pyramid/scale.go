package pyramid

import (
	"errors"
	"fmt"
	"math"
)

// ScaleSource says where a scale comes from. An area without one is never reported.
type ScaleSource string

const (
	FromFile     ScaleSource = "file"     // the slide's own metadata
	FromOperator ScaleSource = "operator" // --mpp, typed by a person
	Derived      ScaleSource = "derived"  // computed from another scale, such as a level's
)

// MPP is the scale of an image: microns per pixel along both axes, with its provenance.
// The zero value means "unknown".
type MPP struct {
	X      float64     `json:"x"`
	Y      float64     `json:"y"`
	Source ScaleSource `json:"source"`
}

// ErrNoScale marks a slide whose scale nobody knows. It is refused, not guessed.
var ErrNoScale = errors.New("the scale (microns per pixel) is unknown")

// The range in which a light microscope's scan can lie: 0.05 µm/px is beyond the diffraction limit,
// 100 µm/px is a photograph of the glass. Outside it a unit was mistaken.
const (
	MinMPP = 0.05
	MaxMPP = 100
)

// Known reports whether the scale is there at all.
func (m MPP) Known() bool { return m.X > 0 && m.Y > 0 }

// Validate reports an unknown, impossible or strongly anisotropic scale, with what to do about it.
func (m MPP) Validate() error {
	if !m.Known() {
		return ErrNoScale
	}
	for _, v := range []float64{m.X, m.Y} {
		if math.IsNaN(v) || v < MinMPP || v > MaxMPP {
			return fmt.Errorf("scale of %g µm/px is outside %g to %g: check the unit of the resolution tag", v, float64(MinMPP), float64(MaxMPP))
		}
	}
	if r := m.X / m.Y; r < 0.9 || r > 1/0.9 {
		return fmt.Errorf("scale differs along the axes (%g by %g µm/px): state the right one with --mpp", m.X, m.Y)
	}
	return nil
}

// Mean is the geometric mean of both axes, the scale of a square pixel of the same area.
func (m MPP) Mean() float64 { return math.Sqrt(m.X * m.Y) }

// Scaled is the scale of the image shrunk by the factor.
func (m MPP) Scaled(factor float64) MPP { return MPP{m.X * factor, m.Y * factor, m.Source} }

// SquareMM converts a number of pixels to square millimetres.
func (m MPP) SquareMM(pixels float64) float64 { return pixels * m.X * m.Y / 1e6 }

func (m MPP) String() string {
	if !m.Known() {
		return "unknown"
	}
	return fmt.Sprintf("%.4g µm/px (%s)", m.Mean(), m.Source)
}
