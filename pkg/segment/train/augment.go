package train

import (
	"math/rand/v2"
)

// Augment says how far a training image may be changed. A probability of 0 switches a step off; the
// zero value only crops the middle.
type Augment struct {
	Flip           bool    `json:"flip"`     // mirror images and quarter turns, all eight alike
	Rotate         float64 `json:"rotate"`   // probability of a turn by any angle
	ScaleMin       float64 `json:"scaleMin"` // enlargement, drawn evenly in its logarithm; 0 means 1
	ScaleMax       float64 `json:"scaleMax"`
	Stain          float64 `json:"stain"`      // each stain's optical density is multiplied by 1 ± Stain
	StainOffset    float64 `json:"offset"`     // added to each stain's density, ±
	StainMix       float64 `json:"mix"`        // the stain vectors turn by up to this share of one another
	Brightness     float64 `json:"brightness"` // ± share of full scale
	Contrast       float64 `json:"contrast"`   // ± around middle grey
	Gamma          float64 `json:"gamma"`      // exponent 1 ± Gamma
	Tint           float64 `json:"tint"`       // gain of each colour 1 ± Tint: lamp and white balance
	Focus          float64 `json:"focus"`      // probability of blur or sharpening
	Resample       float64 `json:"resample"`   // probability of shrinking and enlarging: another scanner's optics
	JPEG           float64 `json:"jpeg"`       // probability of a second JPEG generation
	Noise          float64 `json:"noise"`      // probability of sensor noise
	Glass          float64 `json:"glass"`      // probability that part of the image is bare glass
	Mosaic         float64 `json:"mosaic"`     // probability that a second image meets the first along a line
	Smoothing      float64 `json:"smoothing"`  // label smoothing where the outline is fine
	CoarseSmoothed float64 `json:"coarse"`     // label smoothing where it is coarse
}

// DefaultAugment is what the built-in model was trained with.
func DefaultAugment() Augment {
	return Augment{
		Flip: true, Rotate: 0.4, ScaleMin: 0.7, ScaleMax: 1.4,
		Stain: 0.35, StainOffset: 0.05, StainMix: 0.12,
		Brightness: 0.06, Contrast: 0.15, Gamma: 0.2, Tint: 0.06,
		Focus: 0.4, Resample: 0.2, JPEG: 0.25, Noise: 0.15, Glass: 0.06, Mosaic: 0.12,
		Smoothing: 0.03, CoarseSmoothed: 0.12,
	}
}

// Gentle is the same augmentation for the last epochs: the geometry stays, what makes images unreal
// goes, so that the averaged weights end on images like those of the clinic.
func (a Augment) Gentle() Augment {
	a.Mosaic, a.Glass = a.Mosaic/4, a.Glass/2
	a.Rotate /= 2
	a.ScaleMin, a.ScaleMax = (1+a.scaleMin())/2, (1+a.scaleMax())/2
	a.Stain, a.Contrast, a.Gamma = a.Stain*0.8, a.Contrast/2, a.Gamma/2
	a.Focus, a.Resample, a.Noise = a.Focus/2, a.Resample/2, a.Noise/2
	return a
}

func (a Augment) scaleMin() float64 { return orOne(a.ScaleMin) }
func (a Augment) scaleMax() float64 { return orOne(a.ScaleMax) }

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

// Sample is one augmented image with soft labels.
type Sample struct {
	Size  int
	RGB   []uint8   // Size·Size·3
	Share []float32 // Classes planes of Size·Size: how much of the pixel belongs to each class; the rest is ignored
	Eps   []float32 // Size·Size: label smoothing
}

// augmenter holds the scratch memory of one goroutine.
type augmenter struct {
	Augment
	size    int
	a, b    Sample
	scratch []uint8
	source  []uint8
	jpeg    jpegPass
}

func newAugmenter(a Augment, size int) *augmenter {
	return &augmenter{Augment: a, size: size, a: newSample(size), b: newSample(size), scratch: make([]uint8, 3*size*size)}
}

func newSample(size int) Sample {
	n := size * size
	return Sample{Size: size, RGB: make([]uint8, 3*n), Share: make([]float32, Classes*n), Eps: make([]float32, n)}
}

// sample augments one case; other supplies the second case of a mosaic and is called at most once.
// The result is valid until the next call.
func (g *augmenter) sample(r *rand.Rand, c *Case, other func() *Case) *Sample {
	s := &g.a
	g.place(r, c, s)
	if chance(r, g.Mosaic) {
		g.place(r, other(), &g.b)
		join(r, s, &g.b)
	}
	if chance(r, g.Glass) {
		bareGlass(r, s)
	}
	g.colour(r, s.RGB)
	g.optics(r, s.RGB)
	if chance(r, g.JPEG) {
		g.jpeg.run(s.RGB, g.size, 35+r.IntN(56))
	}
	return s
}

// place cuts a transformed window out of a case.
func (g *augmenter) place(r *rand.Rand, c *Case, s *Sample) {
	v := g.draw(r, c)
	rgb := c.RGB
	if v.scale < 0.9 {
		rgb = g.antiAlias(c, v.scale)
	}
	v.cut(c, rgb, s)
	eps := float32(g.Smoothing)
	if c.Coarse {
		eps = float32(g.CoarseSmoothed)
	}
	for i := range s.Eps {
		s.Eps[i] = eps
	}
}

// antiAlias blurs a case before it is shrunk, or its texture would fold into false coarse texture.
func (g *augmenter) antiAlias(c *Case, scale float64) []uint8 {
	if len(g.source) < 2*len(c.RGB) {
		g.source = make([]uint8, 2*len(c.RGB))
	}
	out, tmp := g.source[:len(c.RGB)], g.source[len(c.RGB):2*len(c.RGB)]
	copy(out, c.RGB)
	blur(out, tmp, c.W, c.H, shrinkSigma(scale))
	return out
}

func chance(r *rand.Rand, p float64) bool { return p > 0 && r.Float64() < p }

// spread is a number drawn evenly from [−d, d).
func spread(r *rand.Rand, d float64) float64 { return d * (2*r.Float64() - 1) }
