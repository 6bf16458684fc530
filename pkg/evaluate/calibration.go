package evaluate

import (
	"math"
	"slices"
)

// Bins is the number of bins of every calibration figure.
const Bins = 15

// Bin is one point of a reliability diagram.
type Bin struct {
	From       float64 `json:"from"` // probability
	To         float64 `json:"to"`
	Count      int64   `json:"pixels"`
	Confidence Number  `json:"said"` // mean probability; NaN when empty
	Frequency  Number  `json:"was"`  // share that was so; NaN when empty
}

// reliability sorts bytes into bins of equal width of probability.
func reliability(hit, miss *[256]int64) []Bin {
	bins := make([]Bin, Bins)
	var sum, hits [Bins]float64
	for b := range 256 {
		p := float64(b) / 255
		i := min(int(p*Bins), Bins-1)
		n := hit[b] + miss[b]
		bins[i].Count += n
		sum[i] += p * float64(n)
		hits[i] += float64(hit[b])
	}
	for i := range bins {
		n := float64(bins[i].Count)
		bins[i].From, bins[i].To = float64(i)/Bins, float64(i+1)/Bins
		bins[i].Confidence, bins[i].Frequency = Number(ratio(sum[i], n)), Number(ratio(hits[i], n))
	}
	return bins
}

// ece is the expected calibration error: the mean gap between what was said and what was so, each bin
// weighted by its pixels.
func ece(hit, miss *[256]int64) float64 {
	gap, all := 0.0, 0.0
	for _, b := range reliability(hit, miss) {
		if b.Count > 0 {
			gap += float64(b.Count) * math.Abs(float64(b.Confidence-b.Frequency))
			all += float64(b.Count)
		}
	}
	return ratio(gap, all)
}

// brier is the mean squared difference between probability and outcome.
func brier(hit, miss *[256]int64) float64 {
	sum, n := 0.0, 0.0
	for b := range 256 {
		p := float64(b) / 255
		sum += float64(hit[b])*(1-p)*(1-p) + float64(miss[b])*p*p
		n += float64(hit[b] + miss[b])
	}
	return ratio(sum, n)
}

// Logits are samples for fitting a temperature: rows of one logit per class, and the true class.
type Logits struct {
	Classes int
	Values  []float32
	Truth   []uint8
}

// Add appends one sample.
func (l *Logits) Add(truth uint8, logits ...float32) {
	l.Values = append(l.Values, logits...)
	l.Truth = append(l.Truth, truth)
}

// NLL is the mean negative log likelihood of the truth when logits are divided by a temperature.
func (l *Logits) NLL(temperature float64) float64 {
	sum := 0.0
	for i, truth := range l.Truth {
		z := l.Values[i*l.Classes : (i+1)*l.Classes]
		top := float64(slices.Max(z)) / temperature
		e := 0.0
		for _, v := range z {
			e += math.Exp(float64(v)/temperature - top)
		}
		sum += math.Log(e) + top - float64(z[truth])/temperature
	}
	return ratio(sum, float64(len(l.Truth)))
}

// Temperatures considered; outside them a model is broken rather than uncalibrated.
const (
	minTemperature = 0.1
	maxTemperature = 10
)

// Temperature is the one that minimises NLL, by golden-section search over its logarithm, in which NLL
// of log-linear models has a single minimum. 1 when there are no samples.
func (l *Logits) Temperature() float64 {
	if len(l.Truth) == 0 {
		return 1
	}
	const golden = 0.6180339887498949
	lo, hi := math.Log(minTemperature), math.Log(maxTemperature)
	a, b := hi-golden*(hi-lo), lo+golden*(hi-lo)
	fa, fb := l.NLL(math.Exp(a)), l.NLL(math.Exp(b))
	for hi-lo > 1e-4 {
		if fa < fb {
			hi, b, fb = b, a, fa
			a = hi - golden*(hi-lo)
			fa = l.NLL(math.Exp(a))
		} else {
			lo, a, fa = a, b, fb
			b = lo + golden*(hi-lo)
			fb = l.NLL(math.Exp(b))
		}
	}
	return math.Exp((lo + hi) / 2)
}

// quantile interpolates linearly between order statistics (type 7 of Hyndman and Fan); NaN of nothing.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
