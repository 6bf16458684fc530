package evaluate

import (
	"math"
	"math/rand/v2"
)

// Bootstrap says how intervals are made.
type Bootstrap struct {
	Replicates int     `json:"replicates"` // 0 means 2000
	Seed       uint64  `json:"seed"`       // the same seed gives the same intervals
	Level      float64 `json:"level"`      // 0 means 0.95
}

func (b Bootstrap) orDefault() Bootstrap {
	if b.Replicates == 0 {
		b.Replicates = 2000
	}
	if b.Level == 0 {
		b.Level = 0.95
	}
	return b
}

// Interval is an estimate with its confidence interval.
type Interval struct {
	Value Number `json:"value"`
	Low   Number `json:"low"`
	High  Number `json:"high"`
}

// String is the estimate with its interval for people.
func (i Interval) String() string { return interval(i) }

// replicates calls visit with each resampled set of patients. Patients with carcinoma and those without
// are drawn apart, so that every replicate has both if the data have: otherwise some have no AUC.
func (s Scheme) replicates(units []*unit, b Bootstrap, visit func(index []int)) {
	var strata [2][]int
	for i, u := range units {
		k := 0
		for _, sum := range u.sums {
			if sum.has(s.Carcinoma) {
				k = 1
			}
		}
		strata[k] = append(strata[k], i)
	}
	r := rand.New(rand.NewPCG(b.Seed, 0x626f6f74))
	index := make([]int, 0, len(units))
	for range b.Replicates {
		index = index[:0]
		for _, stratum := range strata {
			for range stratum {
				index = append(index, stratum[r.IntN(len(stratum))])
			}
		}
		visit(index)
	}
}

func pick(units []*unit, index []int) []*unit {
	drawn := make([]*unit, len(index))
	for i, j := range index {
		drawn[i] = units[j]
	}
	return drawn
}

// intervals returns the percentile interval of every kind of figure, and of every class's Dice and IoU.
func (s Scheme) intervals(units []*unit, b Bootstrap) (map[string]Interval, []ClassFigures) {
	b = b.orDefault()
	point := s.figures(units)
	table := kinds()
	draws := make([][]float64, len(table))
	dice, iou := make([][]float64, len(s.Classes)), make([][]float64, len(s.Classes))
	s.replicates(units, b, func(index []int) {
		f := s.figures(pick(units, index))
		for i, k := range table {
			draws[i] = append(draws[i], k.at(&f))
		}
		for c := range s.Classes {
			dice[c], iou[c] = append(dice[c], f.ClassDice[c]), append(iou[c], f.ClassIoU[c])
		}
	})
	all := map[string]Interval{}
	for i, k := range table {
		all[k.key] = percentile(k.at(&point), draws[i], b.Level)
	}
	classes := make([]ClassFigures, len(s.Classes))
	for c, name := range s.Classes {
		classes[c] = ClassFigures{
			Name: name, Dice: percentile(point.ClassDice[c], dice[c], b.Level),
			IoU: percentile(point.ClassIoU[c], iou[c], b.Level), ImageDice: Number(point.ClassImageDice[c]),
		}
	}
	return all, classes
}

// percentile is the percentile interval of the replicates that have the figure at all.
func percentile(value float64, draws []float64, level float64) Interval {
	var known []float64
	for _, d := range draws {
		if !math.IsNaN(d) {
			known = append(known, d)
		}
	}
	tail := (1 - level) / 2
	return Interval{Value: Number(value), Low: Number(quantile(known, tail)), High: Number(quantile(known, 1-tail))}
}

// Wilson is the Wilson score interval of a proportion at 95 %.
func Wilson(successes, trials int) Interval {
	if trials == 0 {
		nan := Number(math.NaN())
		return Interval{nan, nan, nan}
	}
	const z = 1.959963984540054
	n, p := float64(trials), float64(successes)/float64(trials)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Interval{Number(p), Number(max(middle-half, 0)), Number(min(middle+half, 1))}
}
