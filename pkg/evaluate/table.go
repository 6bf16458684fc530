package evaluate

import (
	"encoding/json"
	"math"
)

// Number is a float64 that JSON writes as null when it is not a number.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	var v float64
	err := json.Unmarshal(data, &v)
	*n = Number(v)
	return err
}

// kind is one scalar of Figures: its key in files, its label for people.
type kind struct {
	key, label string
	at         func(*Figures) float64
	lowBetter  bool
}

// kinds is the order of every table.
func kinds() []kind {
	return []kind{
		{"dice", "Carcinoma Dice, pooled", func(f *Figures) float64 { return f.Dice }, false},
		{"iou", "Carcinoma IoU, pooled", func(f *Figures) float64 { return f.IoU }, false},
		{"image_dice", "Carcinoma Dice, mean per image", func(f *Figures) float64 { return f.ImageDice }, false},
		{"hd95", "Carcinoma boundary HD95, median", func(f *Figures) float64 { return f.HD95 }, true},
		{"auc", "Image AUC: carcinoma against benign", func(f *Figures) float64 { return f.AUC }, false},
		{"pixel_auc", "Pixel AUC of carcinoma", func(f *Figures) float64 { return f.PixelAUC }, false},
		{"sensitivity", "Image sensitivity at the threshold", func(f *Figures) float64 { return f.Sensitivity }, false},
		{"specificity", "Image specificity at the threshold", func(f *Figures) float64 { return f.Specificity }, false},
		{"high_grade_auc", "Image AUC: high-grade dysplasia against benign", func(f *Figures) float64 { return f.HighGradeAUC }, false},
		{"high_grade_only_auc", "The same by the high-grade class alone", func(f *Figures) float64 { return f.HighGradeOnlyAUC }, false},
		{"false_area", "Share of negatives' area called carcinoma", func(f *Figures) float64 { return f.FalseArea }, true},
		{"false_mm2", "Area called carcinoma per negative image, mm²", func(f *Figures) float64 { return f.FalseMM2 }, true},
		{"ece", "Calibration error (ECE) of carcinoma", func(f *Figures) float64 { return f.ECE }, true},
		{"class_ece", "Calibration error (ECE) of the decided class", func(f *Figures) float64 { return f.ClassECE }, true},
		{"brier", "Brier score of carcinoma", func(f *Figures) float64 { return f.Brier }, true},
	}
}
