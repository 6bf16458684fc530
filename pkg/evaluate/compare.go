package evaluate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Difference is how one figure differs between two models on the same images.
type Difference struct {
	Key       string   `json:"key"`
	Label     string   `json:"label"`
	LowBetter bool     `json:"low_is_better,omitempty"`
	A         Number   `json:"a"`
	B         Number   `json:"b"`
	Delta     Interval `json:"delta"` // B − A, with the interval of the paired bootstrap by patient
	// P is two-sided, of the paired permutation test: how often a difference at least as large comes
	// about when the models' answers are swapped for half of the patients, drawn anew each time.
	P    Number `json:"p"`
	Holm Number `json:"p_holm"` // P corrected for the number of figures compared (Holm, 1979)
}

// Better is "a" or "b" when the corrected test and the interval both say so, and "" when they do not.
func (d *Difference) Better() string {
	if !(d.Holm < significance) {
		return ""
	}
	return d.leader()
}

// leader says whom the whole interval favours.
func (d *Difference) leader() string {
	switch {
	case float64(d.Delta.Low) > 0 != d.LowBetter && float64(d.Delta.Low)*float64(d.Delta.High) > 0:
		return "b"
	case float64(d.Delta.Low)*float64(d.Delta.High) > 0:
		return "a"
	}
	return ""
}

// significance is the level of the test.
const significance = 0.05

// Compare judges two models on the same images, in the same order, with tests that pair patients. Both
// must have been summarised with this scheme's classes; each summary keeps its own threshold.
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
	p := s.permutation(ua, ub, boot)
	fa, fb := s.figures(ua), s.figures(ub)
	diffs := make([]Difference, len(table))
	for i, k := range table {
		va, vb := k.at(&fa), k.at(&fb)
		diffs[i] = Difference{
			Key: k.key, Label: k.label, LowBetter: k.lowBetter, A: Number(va), B: Number(vb),
			Delta: percentile(vb-va, draws[i], boot.Level), P: Number(p[i]),
		}
	}
	holm(diffs)
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

// permutation is the p-value of every kind of figure: if the models were alike, it would not matter
// which of them had answered for a patient. NaN where the figure has no value.
func (s Scheme) permutation(ua, ub []*unit, boot Bootstrap) []float64 {
	table := kinds()
	fa, fb := s.figures(ua), s.figures(ub)
	atLeast, known := make([]float64, len(table)), make([]float64, len(table))
	r := rand.New(rand.NewPCG(boot.Seed, 0x7065726d))
	left, right := make([]*unit, len(ua)), make([]*unit, len(ua))
	for range boot.Replicates {
		for i := range ua {
			left[i], right[i] = ua[i], ub[i]
			if r.Uint64()&1 == 1 {
				left[i], right[i] = ub[i], ua[i]
			}
		}
		fl, fr := s.figures(left), s.figures(right)
		for i, k := range table {
			observed, drawn := math.Abs(k.at(&fb)-k.at(&fa)), math.Abs(k.at(&fr)-k.at(&fl))
			if math.IsNaN(drawn) {
				continue
			}
			known[i]++
			if drawn >= observed-1e-12 {
				atLeast[i]++
			}
		}
	}
	p := make([]float64, len(table))
	for i, k := range table {
		p[i] = (1 + atLeast[i]) / (1 + known[i])
		if math.IsNaN(k.at(&fb) - k.at(&fa)) {
			p[i] = math.NaN()
		}
	}
	return p
}

// holm fills in the corrected p-values of the figures that have one.
func holm(diffs []Difference) {
	var order []int
	for i := range diffs {
		diffs[i].Holm = diffs[i].P
		if !math.IsNaN(float64(diffs[i].P)) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(diffs[a].P, diffs[b].P) })
	most := Number(0)
	for rank, i := range order {
		most = max(most, min(diffs[i].P*Number(len(order)-rank), 1))
		diffs[i].Holm = most
	}
}
