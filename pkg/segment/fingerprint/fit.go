package fingerprint

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Sample is the features of the training patches that a fingerprint is made of.
type Sample struct {
	Images int
	Plain  [][]float64 // as the images are: they calibrate the limit
	// Varied are the same patches with what another slide of the same tissue may bring: other focus,
	// enlargement, compression and amounts of stain. They widen the spread, never the limit.
	Varied [][]float64
}

// ErrTooFew marks a sample that is too small to say what is unusual.
var ErrTooFew = errors.New("too few training patches for a fingerprint")

const (
	fewest      = 100   // patches
	falseAlarms = 0.01  // share of the training patches beyond the limit
	outlying    = 0.02  // share of the patches that do not shape the spread
	ridge       = 0.02  // share of the correlations that is taken for chance
	rounds      = 4     // of leaving out what lies outside
	tiniest     = 1e-12 // spread below which a feature is constant
)

// Fit makes the fingerprint of a sample.
func Fit(s Sample) (*Fingerprint, error) {
	if len(s.Plain) < fewest {
		return nil, fmt.Errorf("%d patches, want at least %d: %w", len(s.Plain), fewest, ErrTooFew)
	}
	f := &Fingerprint{Version: Version, Images: s.Images, Patches: len(s.Plain), Features: Names(), FalseAlarms: falseAlarms}
	all := slices.Concat(s.Plain, s.Varied)
	inner := all
	for range rounds {
		f.spread(inner)
		far := f.distances(all)
		cut := quantile(far, 1-outlying)
		inner = nil
		for i, d := range far {
			if d <= cut {
				inner = append(inner, all[i])
			}
		}
	}
	plain := f.distances(s.Plain)
	f.Limit = short(quantile(plain, 1-falseAlarms))
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99, 0.999} {
		f.Quantiles = append(f.Quantiles, short(quantile(plain, q)))
	}
	f.Ranges = ranges(s.Plain)
	return f, f.validate()
}

// spread computes Mean and Whiten: the inverse of the Cholesky factor of the covariance.
func (f *Fingerprint) spread(x [][]float64) {
	n := len(names)
	f.Mean = make([]float64, n)
	for _, v := range x {
		for i := range v {
			f.Mean[i] += v[i] / float64(len(x))
		}
	}
	cov := make([][]float64, n)
	for i := range cov {
		f.Mean[i] = short(f.Mean[i])
		cov[i] = make([]float64, n)
	}
	for _, v := range x {
		for i := range n {
			for k := range i + 1 {
				cov[i][k] += (v[i] - f.Mean[i]) * (v[k] - f.Mean[k]) / float64(len(x))
			}
		}
	}
	for i := range n {
		for k := range i {
			cov[i][k] *= 1 - ridge
		}
		cov[i][i] += tiniest
	}
	f.Whiten = inverse(cholesky(cov))
}

// cholesky is the lower triangular L with L·Lᵀ = c. The ridge keeps c positive definite.
func cholesky(c [][]float64) [][]float64 {
	l := make([][]float64, len(c))
	for i := range l {
		l[i] = make([]float64, i+1)
		for k := range i + 1 {
			s := c[i][k]
			for j := range k {
				s -= l[i][j] * l[k][j]
			}
			if k == i {
				l[i][i] = math.Sqrt(max(s, tiniest))
			} else {
				l[i][k] = s / l[k][k]
			}
		}
	}
	return l
}

// inverse is the inverse of a lower triangular matrix, rounded to what is kept.
func inverse(l [][]float64) [][]float64 {
	inv := make([][]float64, len(l))
	for i := range l {
		inv[i] = make([]float64, i+1)
		for k := range i {
			s := 0.0
			for j := k; j < i; j++ {
				s -= l[i][j] * inv[j][k]
			}
			inv[i][k] = s / l[i][i]
		}
		inv[i][i] = 1 / l[i][i]
	}
	for _, row := range inv {
		for k := range row {
			row[k] = short(row[k])
		}
	}
	return inv
}

func (f *Fingerprint) distances(x [][]float64) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		d[i] = f.Distance(v)
	}
	return d
}

// quantile leaves values as they are.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(math.Round(q*float64(len(sorted)-1)))]
}

func ranges(x [][]float64) map[string]Range {
	all := make(map[string]Range, len(names))
	values := make([]float64, len(x))
	for i, name := range names {
		var r Range
		for k, v := range x {
			values[k] = v[i]
			r.Mean += v[i] / float64(len(x))
		}
		for _, v := range values {
			r.Std += (v - r.Mean) * (v - r.Mean) / float64(len(x))
		}
		all[name] = Range{short(r.Mean), short(math.Sqrt(r.Std)), short(quantile(values, 0.01)), short(quantile(values, 0.99))}
	}
	return all
}

// short keeps six significant digits, so that a model's description stays readable.
func short(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		panic("a number of our own: " + err.Error())
	}
	return r
}
