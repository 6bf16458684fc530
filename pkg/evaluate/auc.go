package evaluate

import (
	"math"
	"slices"
)

// AUC is the area under the ROC curve by the Mann-Whitney statistic: the share of pairs of a positive
// and a negative in which the positive scores higher, ties counting half. NaN when a side is empty.
func AUC(positive, negative []float64) float64 {
	if len(positive) == 0 || len(negative) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(negative))
	wins := 0.0
	for _, p := range positive {
		below, _ := slices.BinarySearch(sorted, p)
		upTo, _ := slices.BinarySearchFunc(sorted, p, func(v, p float64) int {
			if v <= p {
				return -1
			}
			return 1
		})
		wins += float64(below) + float64(upTo-below)/2
	}
	return wins / float64(len(positive)) / float64(len(negative))
}

// histogramAUC is AUC for scores that are bytes.
func histogramAUC(positive, negative *[256]int64) float64 {
	below, wins, n := 0.0, 0.0, 0.0
	for b := range 256 {
		p, q := float64(positive[b]), float64(negative[b])
		wins += p * (below + q/2)
		below += q
		n += p
	}
	return ratio(wins, n*below)
}
