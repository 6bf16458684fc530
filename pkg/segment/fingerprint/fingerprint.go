// Package fingerprint describes how images look, apart from what they show: amounts and mixture of
// stain, brightness, contrast, sharpness and the grain of the tissue, measured on tissue. A model carries
// the fingerprint of its training images; wherever it is used, patches that look like nothing in
// training are told apart from those it may be asked about. It imports nothing of Slidemill, decides
// nothing about tissue beyond "not glass", knows no networks, and cannot tell whether a patch that looks
// familiar is.
//
// What is summed over pixels and fine cells is written twice, in portable Go and for AVX2 (gen writes the assembly, by
// avo); both are whole numbers without a carry lost, so that all processors make the same sums.
package fingerprint

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Version is the kind of fingerprint that this code makes and reads.
const Version = 2

// Fingerprint is how the patches of the training images look: the middle and the spread of their
// features, and the distance within which all but a known share of them lie.
type Fingerprint struct {
	Version  int      `json:"version"`
	Images   int      `json:"images"`
	Patches  int      `json:"patches"` // that Limit was calibrated on
	Features []string `json:"features"`
	// Mean and Whiten turn features into numbers that are independent and of variance 1 on the training
	// patches: Whiten is lower triangular, one row longer than the one before.
	Mean   []float64   `json:"mean"`
	Whiten [][]float64 `json:"whiten"`
	// Limit is the distance beyond which a patch looks like nothing in training; FalseAlarms is the share
	// of the training patches beyond it.
	Limit       float64 `json:"limit"`
	FalseAlarms float64 `json:"false_alarms"`
	// Quantiles are the distances of the training patches at 50, 90, 95, 99 and 99.9 %.
	Quantiles []float64        `json:"quantiles"`
	Ranges    map[string]Range `json:"ranges"` // of each feature, for people
}

// Range is how one feature spreads over the training patches.
type Range struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
	Low  float64 `json:"p01"` // first percentile
	High float64 `json:"p99"` // last percentile
}

// Distance is the Mahalanobis distance of features from the training patches. Like the features it is
// the same on every processor.
func (f *Fingerprint) Distance(features []float64) float64 {
	sum := 0.0
	for _, row := range f.Whiten {
		z := 0.0
		for k, w := range row {
			z += float64(w * (features[k] - f.Mean[k]))
		}
		sum += float64(z * z)
	}
	return math.Sqrt(sum)
}

// Parse reads a fingerprint from a model's description. Older kinds, which cannot judge patches, and none
// at all give nil.
func Parse(raw json.RawMessage) (*Fingerprint, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var kind struct{ Version int }
	if err := json.Unmarshal(raw, &kind); err == nil && kind.Version < Version {
		return nil, nil
	}
	var f Fingerprint
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, errors.New("not readable: make it anew with `slidemill model fingerprint`")
	}
	if err := f.validate(); err != nil {
		return nil, fmt.Errorf("%w: make it anew with `slidemill model fingerprint`", err)
	}
	return &f, nil
}

func (f *Fingerprint) validate() error {
	n := len(names)
	if f.Version != Version || len(f.Features) != n || len(f.Mean) != n || len(f.Whiten) != n {
		return fmt.Errorf("version %d with %d features, this program reads version %d with %d", f.Version, len(f.Features), Version, n)
	}
	numbers := append([]float64{f.Limit}, f.Mean...)
	for i, name := range names {
		if f.Features[i] != name || len(f.Whiten[i]) != i+1 {
			return fmt.Errorf("feature %d is not %s", i, name)
		}
		numbers = append(numbers, f.Whiten[i]...)
	}
	for _, v := range numbers {
		if math.IsNaN(v) || math.Abs(v) > 1e9 {
			return fmt.Errorf("number %g", v)
		}
	}
	if !(f.Limit > 0) {
		return fmt.Errorf("limit %g", f.Limit)
	}
	return nil
}
