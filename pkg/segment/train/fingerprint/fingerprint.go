// Package fingerprint describes how images look, apart from what they show: amounts of stain,
// brightness, contrast and sharpness, measured on tissue. A model carries the fingerprint of its training images,
// and a slide's report says how far the slide lies outside. It imports nothing of Slidemill, decides
// nothing about tissue beyond "not glass", and knows no networks.
package fingerprint

import (
	"fmt"
	"math"
	"slices"
)

// Features are what is measured on one image at the model's scale, in this order.
const (
	Haematoxylin = iota // mean optical density of haematoxylin on tissue
	Eosin               // of eosin
	Brightness          // mean grey of tissue, 0 to 1
	Contrast            // standard deviation of the grey of tissue
	Sharpness           // log10 of the mean squared Laplacian of the grey (0 to 1) on tissue
	Count
)

// Names are the features as files spell them.
func Names() []string {
	return []string{"haematoxylin", "eosin", "brightness", "contrast", "sharpness"}
}

// glassGrey is the grey from which on a pixel is glass.
const glassGrey = 0.88

// minTissue is the share of tissue below which an image says nothing.
const minTissue = 0.02

// Stain unmixing after Ruifrok and Johnston (2001): the pseudo-inverse of the two stain vectors in
// optical density, red green blue.
var unmix = pseudoInverse([3]float64{0.65, 0.70, 0.29}, [3]float64{0.07, 0.99, 0.11})

func pseudoInverse(h, e [3]float64) (p [2][3]float64) {
	norm := func(v [3]float64) [3]float64 {
		n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
		return [3]float64{v[0] / n, v[1] / n, v[2] / n}
	}
	h, e = norm(h), norm(e)
	he := h[0]*e[0] + h[1]*e[1] + h[2]*e[2]
	for k := range 3 {
		p[0][k] = (h[k] - he*e[k]) / (1 - he*he)
		p[1][k] = (e[k] - he*h[k]) / (1 - he*he)
	}
	return p
}

// Of measures interleaved RGB; ok is false when there is too little tissue to say anything.
func Of(rgb []uint8, w, h int) (f [Count]float64, ok bool) {
	if w < 3 || h < 3 || len(rgb) != 3*w*h {
		return f, false
	}
	grey := make([]float64, w*h)
	for i := range grey {
		grey[i] = (0.299*float64(rgb[3*i]) + 0.587*float64(rgb[3*i+1]) + 0.114*float64(rgb[3*i+2])) / 255
	}
	n, square, laplace, inner := 0.0, 0.0, 0.0, 0.0
	for i, g := range grey {
		if g >= glassGrey {
			continue
		}
		n++
		f[Brightness] += g
		square += g * g
		for k := range 3 {
			od := -math.Log((float64(rgb[3*i+k]) + 1) / 256)
			f[Haematoxylin] += unmix[0][k] * od
			f[Eosin] += unmix[1][k] * od
		}
		if x, y := i%w, i/w; x > 0 && y > 0 && x < w-1 && y < h-1 {
			d := 4*g - grey[i-1] - grey[i+1] - grey[i-w] - grey[i+w]
			laplace += d * d
			inner++
		}
	}
	if n < minTissue*float64(w*h) || inner == 0 {
		return f, false
	}
	f[Haematoxylin], f[Eosin], f[Brightness] = f[Haematoxylin]/n, f[Eosin]/n, f[Brightness]/n
	f[Contrast] = math.Sqrt(max(square/n-f[Brightness]*f[Brightness], 0))
	f[Sharpness] = math.Log10(max(laplace/inner, 1e-8))
	return f, true
}

// Range is how one feature spreads over images.
type Range struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
	Low  float64 `json:"p01"` // first percentile
	High float64 `json:"p99"` // last percentile
}

// Fingerprint is how every feature spreads over the training images.
type Fingerprint struct {
	Images   int              `json:"images"`
	Features map[string]Range `json:"features"`
}

// New gathers the features of images.
func New(images [][Count]float64) Fingerprint {
	fp := Fingerprint{Images: len(images), Features: map[string]Range{}}
	for k, name := range Names() {
		values := make([]float64, len(images))
		for i, f := range images {
			values[i] = f[k]
		}
		fp.Features[name] = spread(values)
	}
	return fp
}

func spread(values []float64) (r Range) {
	if len(values) == 0 {
		return r
	}
	for _, v := range values {
		r.Mean += v / float64(len(values))
	}
	for _, v := range values {
		r.Std += (v - r.Mean) * (v - r.Mean) / float64(len(values))
	}
	slices.Sort(values)
	at := func(q float64) float64 { return values[int(math.Round(q*float64(len(values)-1)))] }
	return Range{round(r.Mean), round(math.Sqrt(r.Std)), round(at(0.01)), round(at(0.99))}
}

func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// Distance is how far an image lies from the training images.
type Distance struct {
	Feature string  `json:"feature"`
	Value   float64 `json:"value"`
	Sigmas  float64 `json:"sigmas"`  // from the mean, in standard deviations, signed
	Outside bool    `json:"outside"` // beyond the first or last percentile
}

// String says it for a report.
func (d Distance) String() string {
	if !d.Outside {
		return fmt.Sprintf("%s %.2f is like the training images (%+.1f σ)", d.Feature, d.Value, d.Sigmas)
	}
	return fmt.Sprintf("%s %.2f is unlike the training images (%+.1f σ)", d.Feature, d.Value, d.Sigmas)
}

// Compare measures features against the fingerprint, in the order of Names; features that the
// fingerprint lacks are left out.
func (fp Fingerprint) Compare(f [Count]float64) []Distance {
	var all []Distance
	for k, name := range Names() {
		r, ok := fp.Features[name]
		if !ok {
			continue
		}
		d := Distance{Feature: name, Value: f[k], Outside: f[k] < r.Low || f[k] > r.High}
		if r.Std > 0 {
			d.Sigmas = (f[k] - r.Mean) / r.Std
		}
		all = append(all, d)
	}
	return all
}
