package evaluate

import (
	"errors"
	"fmt"
	"math"
)

// Difference is how one figure differs between two models on the same images.
type Difference struct {
	Key   string   `json:"key"`
	Label string   `json:"label"`
	A     Number   `json:"a"`
	B     Number   `json:"b"`
	Delta Interval `json:"delta"` // B − A, with the interval of the paired bootstrap by patient
	// P is two-sided: twice the smaller share of replicates on either side of no difference, at least
	// 1/replicates. No correction for the number of figures compared.
	P Number `json:"p"`
}

// Compare judges two models on the same images, in the same order, with a test that pairs patients.
func (s Scheme) Compare(a, b []*Summary, boot Bootstrap) ([]Difference, error) {
	if err := paired(a, b); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	boot = boot.orDefault()
	ua, ub := byPatient(a, len(s.Classes)), byPatient(b, len(s.Classes))
	table := kinds()
	draws := make([][]float64, len(table))
	s.replicates(ua, boot, func(index []int) {
		fa, fb := s.figures(pick(ua, index)), s.figures(pick(ub, index))
		for i, k := range table {
			draws[i] = append(draws[i], k.at(&fb)-k.at(&fa))
		}
	})
	fa, fb := s.figures(ua), s.figures(ub)
	diffs := make([]Difference, len(table))
	for i, k := range table {
		va, vb := k.at(&fa), k.at(&fb)
		diffs[i] = Difference{
			Key: k.key, Label: k.label, A: Number(va), B: Number(vb),
			Delta: percentile(vb-va, draws[i], boot.Level), P: Number(twoSided(draws[i])),
		}
	}
	return diffs, nil
}

func paired(a, b []*Summary) error {
	if len(a) == 0 || len(a) != len(b) {
		return errors.New("both models need predictions of the same images, at least one")
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Patient != b[i].Patient {
			return fmt.Errorf("image %d is %q for one model and %q for the other", i, a[i].Name, b[i].Name)
		}
	}
	return nil
}

// twoSided counts replicates on either side of zero, those at zero half on each.
func twoSided(draws []float64) float64 {
	below, n := 0.0, 0.0
	for _, d := range draws {
		switch {
		case math.IsNaN(d):
			continue
		case d < 0:
			below++
		case d == 0:
			below += 0.5
		}
		n++
	}
	if n == 0 {
		return math.NaN()
	}
	return max(2*min(below, n-below)/n, 1/n)
}
