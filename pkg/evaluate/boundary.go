package evaluate

import (
	"math"
	"slices"
)

// boundary is the HD95 of the carcinoma masks of an image; NaN when either is empty, as there is no
// distance to nothing.
func (s Scheme) boundary(img *Image, level uint8) float64 {
	truth, pred := make([]bool, len(img.Truth)), make([]bool, len(img.Truth))
	for i, t := range img.Truth {
		truth[i] = int(t) == s.Carcinoma
		pred[i] = t != Ignore && img.Prob[s.Carcinoma][i] >= level
	}
	d := HD95(truth, pred, img.W)
	if img.MPP > 0 {
		d *= img.MPP
	}
	return d
}

// HD95 is the 95th percentile of the distances from each boundary to the other, in pixels: the larger
// of the two directed percentiles (nearest rank). NaN when either mask is empty.
func HD95(a, b []bool, width int) float64 {
	ea, eb := edgePixels(a, width), edgePixels(b, width)
	if len(ea) == 0 || len(eb) == 0 {
		return math.NaN()
	}
	toB := DistanceTo(eb, len(b), width)
	toA := DistanceTo(ea, len(a), width)
	return max(percentile95(ea, toB), percentile95(eb, toA))
}

func percentile95(edge []int, squared []float64) float64 {
	d := make([]float64, len(edge))
	for i, at := range edge {
		d[i] = squared[at]
	}
	slices.Sort(d)
	rank := int(math.Ceil(0.95*float64(len(d)))) - 1
	return math.Sqrt(d[rank])
}

// edgePixels lists the pixels of a mask with a neighbour (of four) outside it or outside the image.
func edgePixels(mask []bool, width int) []int {
	height := len(mask) / width
	var edge []int
	for i, in := range mask {
		if !in {
			continue
		}
		x, y := i%width, i/width
		if x == 0 || y == 0 || x == width-1 || y == height-1 ||
			!mask[i-1] || !mask[i+1] || !mask[i-width] || !mask[i+width] {
			edge = append(edge, i)
		}
	}
	return edge
}

// DistanceTo is the exact squared Euclidean distance of every pixel to the nearest of some pixels
// (Felzenszwalb and Huttenlocher, Theory of Computing 8, 2012: the lower envelope of parabolas, first
// along columns, then along rows). n is the number of pixels. Without targets it is infinite.
func DistanceTo(targets []int, n, width int) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = math.Inf(1)
	}
	for _, t := range targets {
		d[t] = 0
	}
	height := n / width
	e := newEnvelope(max(width, height))
	for x := range width {
		e.run(d, x, width, height)
	}
	for y := range height {
		e.run(d, y*width, 1, width)
	}
	return d
}

// envelope is the lower envelope of parabolas rooted at the points of a line.
type envelope struct {
	in    []float64
	root  []int
	bound []float64
}

func newEnvelope(n int) *envelope {
	return &envelope{in: make([]float64, n), root: make([]int, n), bound: make([]float64, n+1)}
}

// run replaces count values of d, from start on at a step, by the envelope at their places.
func (e *envelope) run(d []float64, start, step, count int) {
	k := -1
	for q := range count {
		e.in[q] = d[start+q*step]
		if math.IsInf(e.in[q], 1) {
			continue
		}
		s := math.Inf(-1)
		for k >= 0 {
			if s = e.meet(e.root[k], q); s > e.bound[k] {
				break
			}
			k--
			s = math.Inf(-1)
		}
		k++
		e.root[k], e.bound[k] = q, s
	}
	if k < 0 {
		return
	}
	e.bound[k+1] = math.Inf(1)
	at := 0
	for q := range count {
		for e.bound[at+1] < float64(q) {
			at++
		}
		gap := float64(q - e.root[at])
		d[start+q*step] = gap*gap + e.in[e.root[at]]
	}
}

// meet is where the parabolas rooted at p < q cross.
func (e *envelope) meet(p, q int) float64 {
	fp, fq := e.in[p]+float64(p*p), e.in[q]+float64(q*q)
	return (fq - fp) / float64(2*(q-p))
}
