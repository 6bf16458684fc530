package judge

import (
	"cmp"
	"slices"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
)

// finish fills in what only the whole slide shows: its group, its score and its boundary distance.
func (c *chart) finish(sum *evaluate.Summary) {
	sum.Group = NegativeGroup
	if c.carcinoma {
		sum.Group = PositiveGroup
	}
	smooth := c.smooth()
	sum.Score = 0
	called := make([]bool, len(c.prob))
	for i, p := range smooth {
		if c.judged[i] {
			sum.Score = max(sum.Score, float64(p)/255)
			called[i] = float64(c.prob[i]) >= c.scheme.Threshold*255
		}
	}
	sum.HD95 = evaluate.HD95(c.truth, called, c.width()) * c.cellMicrons()
}

func (c *chart) cellMicrons() float64 { return c.mpp * segment.TissueCell }

// smooth is the map averaged over three by three cells, 60 µm at 1.3 µm per pixel: a stray cell is no
// finding.
func (c *chart) smooth() []uint8 {
	w := c.width()
	h := len(c.prob) / w
	out := make([]uint8, len(c.prob))
	for i := range out {
		x, y := i%w, i/w
		sum, n := 0, 0
		for yy := max(y-1, 0); yy <= min(y+1, h-1); yy++ {
			for xx := max(x-1, 0); xx <= min(x+1, w-1); xx++ {
				sum += int(c.prob[yy*w+xx])
				n++
			}
		}
		out[i] = uint8((sum + n/2) / n)
	}
	return out
}

// What counts as a detection: a peak of the smoothed map of at least floor, the highest within reach
// microns. Peaks closer than that are one finding to a person.
const (
	floor         = 26 // of 255: a tenth
	reach         = 150.0
	maxDetections = 10_000
)

// detected lists the peaks, the highest first.
func (c *chart) detected(name string) evaluate.DetectedSlide {
	w, smooth := c.width(), c.smooth()
	s := evaluate.DetectedSlide{Name: name, Width: w, Tumour: c.truth, MPP: c.cellMicrons(), Partial: c.partial}
	var order []int
	for i, p := range smooth {
		if p >= floor && c.judged[i] {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(smooth[b], smooth[a]) })
	taken, radius := make([]bool, len(smooth)), int(reach/c.cellMicrons())
	for _, i := range order {
		if taken[i] || len(s.Detections) == maxDetections {
			continue
		}
		x, y := i%w, i/w
		s.Detections = append(s.Detections, evaluate.Detection{X: float64(x) + 0.5, Y: float64(y) + 0.5, Probability: float64(smooth[i]) / 255})
		for yy := max(y-radius, 0); yy <= min(y+radius, len(smooth)/w-1); yy++ {
			for xx := max(x-radius, 0); xx <= min(x+radius, w-1); xx++ {
				if (xx-x)*(xx-x)+(yy-y)*(yy-y) <= radius*radius {
					taken[yy*w+xx] = true
				}
			}
		}
	}
	return s
}
