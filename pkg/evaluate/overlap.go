package evaluate

import "math"

// Overlap is how well one class was outlined.
type Overlap struct {
	TP, FP, FN int64
}

// Dice is 2·TP / (2·TP + FP + FN); NaN when the class occurs in neither truth nor prediction.
func (o Overlap) Dice() float64 {
	return ratio(2*float64(o.TP), 2*float64(o.TP)+float64(o.FP+o.FN))
}

// IoU is TP / (TP + FP + FN); NaN like Dice.
func (o Overlap) IoU() float64 { return ratio(float64(o.TP), float64(o.TP+o.FP+o.FN)) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// overlapOf reads one class from a confusion matrix.
func overlapOf(confusion [][]int64, class int) Overlap {
	var o Overlap
	for t, row := range confusion {
		for p, n := range row {
			switch {
			case t == class && p == class:
				o.TP += n
			case p == class:
				o.FP += n
			case t == class:
				o.FN += n
			}
		}
	}
	return o
}

// overlapAt is the carcinoma overlap if the threshold lay at a byte.
func overlapAt(carcinoma, other *[256]int64, level int) Overlap {
	var o Overlap
	for b := range 256 {
		if b >= level {
			o.TP += carcinoma[b]
			o.FP += other[b]
		} else {
			o.FN += carcinoma[b]
		}
	}
	return o
}
