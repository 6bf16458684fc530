package evaluate

import (
	"cmp"
	"math"
	"slices"
)

// Proposal is a threshold for a wanted sensitivity, with what it costs.
type Proposal struct {
	Wanted      float64  `json:"wanted_sensitivity"`
	Score       Number   `json:"score"`       // an image from this score on is positive
	Sensitivity Interval `json:"sensitivity"` // Wilson, 95 %
	Specificity Interval `json:"specificity"` // Wilson, 95 %
	// Pixel is the pixel threshold with the best pooled Dice, to a byte, and that Dice. It is chosen on
	// the data it is judged on, so expect a little less elsewhere.
	Pixel     float64 `json:"pixel_threshold"`
	PixelDice Number  `json:"pixel_dice"`
}

// Propose finds the highest score threshold that reaches a sensitivity on images of carcinoma.
func (s Scheme) Propose(sums []*Summary, sensitivity float64) Proposal {
	p := Proposal{Wanted: sensitivity, Score: Number(math.NaN())}
	var cancer, benign []float64
	for _, sum := range sums {
		switch {
		case sum.has(s.Carcinoma):
			cancer = append(cancer, sum.Score)
		case !sum.has(s.HighGrade):
			benign = append(benign, sum.Score)
		}
	}
	if len(cancer) > 0 {
		slices.SortFunc(cancer, func(a, b float64) int { return cmp.Compare(b, a) })
		k := min(max(int(math.Ceil(sensitivity*float64(len(cancer))-1e-9)), 1), len(cancer))
		p.Score = Number(cancer[k-1])
		p.Sensitivity = Wilson(count(cancer, cancer[k-1]), len(cancer))
		p.Specificity = Wilson(len(benign)-count(benign, cancer[k-1]), len(benign))
	}
	p.Pixel, p.PixelDice = s.bestPixel(sums)
	return p
}

// count is how many scores reach a threshold.
func count(scores []float64, threshold float64) int {
	n := 0
	for _, v := range scores {
		if v >= threshold {
			n++
		}
	}
	return n
}

func (s Scheme) bestPixel(sums []*Summary) (threshold float64, dice Number) {
	all := newPool(len(s.Classes))
	for _, sum := range sums {
		all.add(sum)
	}
	best := math.NaN()
	at := 0
	for level := 1; level < 256; level++ {
		if d := overlapAt(&all.carcinoma, &all.other, level).Dice(); at == 0 || d > best {
			best, at = d, level
		}
	}
	return float64(at) / 255, Number(best)
}

// ROCPoint is one threshold of a ROC curve.
type ROCPoint struct {
	Threshold   Number  `json:"threshold"`
	Sensitivity float64 `json:"sensitivity"`
	FalseRate   float64 `json:"false_positive_rate"`
}

// roc is the image-level curve, from the strictest threshold to the laxest.
func (s Scheme) roc(sums []*Summary) []ROCPoint {
	type scored struct {
		score    float64
		positive bool
	}
	var all []scored
	positives, negatives := 0, 0
	for _, sum := range sums {
		switch {
		case sum.has(s.Carcinoma):
			all, positives = append(all, scored{sum.Score, true}), positives+1
		case !sum.has(s.HighGrade):
			all, negatives = append(all, scored{sum.Score, false}), negatives+1
		}
	}
	if positives == 0 || negatives == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	points := []ROCPoint{{Threshold: Number(math.Inf(1))}}
	tp, fp := 0, 0
	for i, v := range all {
		if v.positive {
			tp++
		} else {
			fp++
		}
		if i+1 == len(all) || all[i+1].score != v.score {
			points = append(points, ROCPoint{Number(v.score), float64(tp) / float64(positives), float64(fp) / float64(negatives)})
		}
	}
	return points
}
