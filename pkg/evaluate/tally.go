package evaluate

import (
	"fmt"
	"math"
)

// Tally counts a large picture, such as a slide, part by part. Parts may come in any order: the counts
// are the same. It is not safe for concurrent use.
type Tally struct {
	scheme      Scheme
	sum         *Summary
	grade, high [256]int64
}

// NewTally begins the count of a picture of which img says everything but the pixels.
func (s Scheme) NewTally(img *Image) *Tally {
	return &Tally{scheme: s, sum: &Summary{
		Name: img.Name, Patient: img.Patient, Group: img.Group, Columns: img.Columns, HD95: math.NaN(),
		Confusion: newMatrix(len(s.Classes)), Microns: img.MPP > 0, PixelMM2: img.MPP * img.MPP / 1e6, Threshold: s.Threshold,
	}}
}

// Add counts a part.
func (t *Tally) Add(part *Image) error {
	if err := t.scheme.check(part); err != nil {
		return fmt.Errorf("image %s: %w", part.Name, err)
	}
	s, sum := t.scheme, t.sum
	level := s.level()
	for i, truth := range part.Truth {
		if truth == Ignore {
			continue
		}
		best, decided := s.decide(part.Prob, i, level)
		sum.Confusion[truth][decided]++
		sum.count(part.Prob[best][i], int(truth) == best)
		p := part.Prob[s.Carcinoma][i]
		if int(truth) == s.Carcinoma {
			sum.Carcinoma[p]++
		} else {
			sum.Other[p]++
		}
		if s.HighGrade >= 0 {
			h := part.Prob[s.HighGrade][i]
			t.high[h]++
			t.grade[min(int(p)+int(h), 255)]++
		}
	}
	return nil
}

// Summary is the picture so far. Its boundary distance is unknown: parts do not show whole outlines.
func (t *Tally) Summary() *Summary {
	sum := *t.sum
	all := add(sum.Carcinoma, sum.Other)
	sum.Score, sum.GradeScore, sum.HighScore = score(all), score(t.grade), score(t.high)
	return &sum
}

// Judged is how many pixels of the image were judged.
func (s *Summary) Judged() (pixels int64) {
	for _, row := range s.Confusion {
		for _, n := range row {
			pixels += n
		}
	}
	return pixels
}
