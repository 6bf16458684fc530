package train

import "math"

// Schedule is the learning rate over a run: a straight rise, then half a cosine.
type Schedule struct {
	Peak   float64 `json:"peak"`
	Final  float64 `json:"final"`  // of the last step
	Warmup int     `json:"warmup"` // steps
	Total  int     `json:"total"`  // steps
}

// At is the learning rate of a step, counted from 0.
func (s Schedule) At(step int) float64 {
	if step < s.Warmup {
		return s.Peak * float64(step+1) / float64(s.Warmup)
	}
	length := s.Total - 1 - s.Warmup
	if length <= 0 {
		return s.Peak
	}
	done := min(float64(step-s.Warmup)/float64(length), 1)
	return s.Final + (s.Peak-s.Final)*0.5*(1+math.Cos(math.Pi*done))
}
