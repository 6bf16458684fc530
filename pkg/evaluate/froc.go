package evaluate

import (
	"fmt"
	"math"
	"slices"
)

// DetectedSlide is one slide of a FROC analysis. All lengths are in pixels of Tumour.
type DetectedSlide struct {
	Name       string
	Width      int
	Tumour     []bool  // what the pathologist outlined; all false on a slide without tumour
	MPP        float64 // microns per pixel of Tumour
	Detections []Detection
	Partial    bool // parts of the slide were not judged: false detections there are not counted
}

// Detection is a point that a model calls tumour.
type Detection struct {
	X, Y        float64
	Probability float64
}

// FROC is the free-response curve of CAMELYON16 (Ehteshami Bejnordi et al., JAMA 2017, 318:2199, and the
// organisers' evaluation program).
type FROC struct {
	Slides  int         `json:"slides"`
	Lesions int         `json:"lesions"` // isolated tumour cells not counted
	Points  []FROCPoint `json:"points"`  // from the laxest threshold to none detected
	// Sensitivity at 1/4, 1/2, 1, 2, 4 and 8 false positives per slide; Score is their mean.
	At    []float64 `json:"sensitivity_at"`
	Score Number    `json:"score"`
}

// FROCPoint is one threshold.
type FROCPoint struct {
	FalsePositives float64 `json:"false_positives_per_slide"`
	Sensitivity    float64 `json:"sensitivity"`
}

// frocRates are the false positives per slide at which sensitivity is read.
var frocRates = [...]float64{0.25, 0.5, 1, 2, 4, 8}

// Distances of CAMELYON16, in microns: outlines closer than 75 µm to one another are one lesion, and
// a lesion whose longer axis is below 275 µm is isolated tumour cells.
const (
	joinMicrons = 75
	cellMicrons = 275
)

// EvaluateFROC computes the curve. A detection inside isolated tumour cells is neither true nor false.
func EvaluateFROC(slides []DetectedSlide) (*FROC, error) {
	f := &FROC{Slides: len(slides)}
	var hits, falses []float64
	for i := range slides {
		s := &slides[i]
		if s.Width <= 0 || len(s.Tumour)%s.Width != 0 || !(s.MPP > 0) {
			return nil, fmt.Errorf("froc: slide %s: mask of %d pixels, width %d, %g µm/px", s.Name, len(s.Tumour), s.Width, s.MPP)
		}
		h, fp := s.match()
		hits, falses = append(hits, h...), append(falses, fp...)
	}
	if len(slides) == 0 {
		return nil, fmt.Errorf("froc: no slides")
	}
	f.Lesions = len(hits)
	f.curve(hits, falses)
	return f, nil
}

// match returns the best probability of each lesion, 0 when missed, and of every false detection.
func (s *DetectedSlide) match() (hits, falses []float64) {
	labels, n := s.lesions()
	isCell := make([]bool, n+1)
	for l, axis := range majorAxes(labels, s.Width, n) {
		isCell[l] = axis < cellMicrons/s.MPP
	}
	best := make([]float64, n+1)
	height := len(s.Tumour) / s.Width
	for _, d := range s.Detections {
		x, y := int(math.Floor(d.X)), int(math.Floor(d.Y))
		label := 0
		if x >= 0 && y >= 0 && x < s.Width && y < height {
			label = labels[y*s.Width+x]
		}
		switch {
		case label == 0:
			falses = append(falses, d.Probability)
		case !isCell[label]:
			best[label] = max(best[label], d.Probability)
		}
	}
	for l := 1; l <= n; l++ {
		if !isCell[l] {
			hits = append(hits, best[l])
		}
	}
	return hits, falses
}

// lesions joins outlines that are close, fills their holes and numbers them, neighbours of eight.
func (s *DetectedSlide) lesions() (labels []int, n int) {
	var inside []int
	for i, t := range s.Tumour {
		if t {
			inside = append(inside, i)
		}
	}
	labels = make([]int, len(s.Tumour))
	if len(inside) == 0 {
		return labels, 0
	}
	reach := joinMicrons / (2 * s.MPP)
	grown := make([]bool, len(s.Tumour))
	for i, d := range DistanceTo(inside, len(s.Tumour), s.Width) {
		grown[i] = d < reach*reach
	}
	fillHoles(grown, s.Width)
	for i, g := range grown {
		if g && labels[i] == 0 {
			n++
			flood(grown, s.Width, i, true, func(at int) bool {
				if labels[at] != 0 {
					return false
				}
				labels[at] = n
				return true
			})
		}
	}
	return labels, n
}

// fillHoles sets what the outside cannot reach, moving along rows and columns.
func fillHoles(mask []bool, width int) {
	empty := make([]bool, len(mask))
	for i, m := range mask {
		empty[i] = !m
	}
	outside := make([]bool, len(mask))
	visit := func(at int) bool {
		if outside[at] {
			return false
		}
		outside[at] = true
		return true
	}
	height := len(mask) / width
	for i := range mask {
		x, y := i%width, i/width
		if empty[i] && (x == 0 || y == 0 || x == width-1 || y == height-1) {
			flood(empty, width, i, false, visit)
		}
	}
	for i := range mask {
		mask[i] = mask[i] || !outside[i]
	}
}

// flood visits the connected set pixels around a start; visit says whether a pixel is new.
func flood(mask []bool, width, start int, diagonal bool, visit func(int) bool) {
	if !visit(start) {
		return
	}
	height := len(mask) / width
	stack := []int{start}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := at%width, at/width
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if !diagonal && dx*dy != 0 {
					continue
				}
				nx, ny := x+dx, y+dy
				if nx < 0 || ny < 0 || nx >= width || ny >= height {
					continue
				}
				if to := ny*width + nx; mask[to] && visit(to) {
					stack = append(stack, to)
				}
			}
		}
	}
}

// majorAxes is the longer axis of the ellipse with each label's second moments, pixels being squares:
// 4·sqrt of the larger eigenvalue, as scikit-image's regionprops has it. Index 0 is unused.
func majorAxes(labels []int, width, n int) []float64 {
	type moments struct{ n, x, y, xx, yy, xy float64 }
	m := make([]moments, n+1)
	for i, l := range labels {
		if l == 0 {
			continue
		}
		x, y := float64(i%width), float64(i/width)
		p := &m[l]
		p.n, p.x, p.y = p.n+1, p.x+x, p.y+y
		p.xx, p.yy, p.xy = p.xx+x*x, p.yy+y*y, p.xy+x*y
	}
	axes := make([]float64, n+1)
	for l := 1; l <= n; l++ {
		p := m[l]
		a := p.xx/p.n - p.x/p.n*p.x/p.n + 1.0/12
		b := p.yy/p.n - p.y/p.n*p.y/p.n + 1.0/12
		c := p.xy/p.n - p.x/p.n*p.y/p.n
		axes[l] = 4 * math.Sqrt((a+b)/2+math.Sqrt(4*c*c+(a-b)*(a-b))/2)
	}
	return axes
}

// curve counts at every threshold that occurs.
func (f *FROC) curve(hits, falses []float64) {
	f.Score = Number(math.NaN())
	thresholds := slices.Concat(hits, falses)
	slices.Sort(thresholds)
	for _, t := range slices.Compact(thresholds) {
		if t <= 0 {
			continue // a missed lesion's probability is no threshold
		}
		f.Points = append(f.Points, FROCPoint{
			FalsePositives: float64(count(falses, t)) / float64(f.Slides),
			Sensitivity:    ratio(float64(count(hits, t)), float64(len(hits))),
		})
	}
	f.Points = append(f.Points, FROCPoint{})
	if len(hits) == 0 {
		f.Points = nil
		return
	}
	sum := 0.0
	for _, rate := range frocRates {
		s := f.sensitivityAt(rate)
		f.At = append(f.At, s)
		sum += s
	}
	f.Score = Number(sum / float64(len(frocRates)))
}

// sensitivityAt interpolates linearly; beyond the curve's ends the end's value holds.
func (f *FROC) sensitivityAt(rate float64) float64 {
	last := len(f.Points) - 1
	if rate >= f.Points[0].FalsePositives {
		return f.Points[0].Sensitivity
	}
	for i := 0; i < last; i++ { // false positives fall along the points
		a, b := f.Points[i], f.Points[i+1]
		if rate >= b.FalsePositives && rate < a.FalsePositives {
			return b.Sensitivity + (a.Sensitivity-b.Sensitivity)*(rate-b.FalsePositives)/(a.FalsePositives-b.FalsePositives)
		}
	}
	return f.Points[last].Sensitivity
}
