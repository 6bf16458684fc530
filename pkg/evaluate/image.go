package evaluate

import (
	"errors"
	"fmt"
)

// Image is one labelled image with its prediction.
type Image struct {
	Name    string
	Patient string // who is resampled; several images of one patient are not independent
	Group   string // diagnosis of the image, or any other name for a kind of image
	// Columns are further properties of the image for subgroups: scanner, site, stain batch, …
	Columns map[string]string
	W, H    int
	MPP     float64   // microns per pixel, 0 when unknown: boundary distances are in pixels then
	Truth   []uint8   // W·H class indexes, or Ignore
	Prob    [][]uint8 // per class W·H probabilities × 255
}

// Ignore is the truth of pixels that nobody judged: they are not counted.
const Ignore = 255

// Scheme says what the classes mean and where the decision lies.
type Scheme struct {
	Classes   []string `json:"classes"`
	Carcinoma int      `json:"carcinoma"`
	HighGrade int      `json:"high_grade"` // −1 when there is no such class
	Threshold float64  `json:"threshold"`  // carcinoma from this probability on
	// Negatives are the groups on which every carcinoma pixel is false; nil means no such figure.
	Negatives []string `json:"negatives,omitempty"`
}

// Validate reports a scheme that cannot be used.
func (s Scheme) Validate() error {
	switch n := len(s.Classes); {
	case n < 2 || n > maxClasses:
		return fmt.Errorf("scheme has %d classes; 2 to %d are possible", n, maxClasses)
	case s.Carcinoma < 0 || s.Carcinoma >= n:
		return fmt.Errorf("carcinoma is class %d of %d", s.Carcinoma, n)
	case s.HighGrade < -1 || s.HighGrade >= n || s.HighGrade == s.Carcinoma:
		return fmt.Errorf("high grade is class %d of %d; −1 means that there is none", s.HighGrade, n)
	case !(s.Threshold > 0 && s.Threshold < 1):
		return fmt.Errorf("threshold is %g; it lies between 0 and 1", s.Threshold)
	}
	return nil
}

// maxClasses bounds the confusion matrix of every summary.
const maxClasses = 32

// level is the first byte that counts as carcinoma.
func (s Scheme) level() uint8 { return levelOf(s.Threshold) }

// levelOf is the smallest byte b with b/255 ≥ threshold, at least 1.
func levelOf(threshold float64) uint8 {
	for b := 1; b < 255; b++ {
		if float64(b) >= threshold*255-1e-9 {
			return uint8(b)
		}
	}
	return 255
}

func (s Scheme) check(img *Image) error {
	n := img.W * img.H
	switch {
	case img.W <= 0 || img.H <= 0 || n/img.W != img.H:
		return fmt.Errorf("image is %d×%d", img.W, img.H)
	case len(img.Truth) != n:
		return fmt.Errorf("truth has %d pixels, image %d", len(img.Truth), n)
	case len(img.Prob) != len(s.Classes):
		return fmt.Errorf("prediction has %d classes, scheme %d", len(img.Prob), len(s.Classes))
	case img.Patient == "":
		return errors.New("image has no patient; intervals are by patient, so each image needs one")
	}
	for c, p := range img.Prob {
		if len(p) != n {
			return fmt.Errorf("prediction of class %d has %d pixels, image %d", c, len(p), n)
		}
	}
	for _, t := range img.Truth {
		if int(t) >= len(s.Classes) && t != Ignore {
			return fmt.Errorf("truth holds class %d, scheme has %d", t, len(s.Classes))
		}
	}
	return nil
}
