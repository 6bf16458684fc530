package export

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
)

// Object types.
const (
	Annotation = "annotation"
	Detection  = "detection"
)

// Class is a classification of QuPath. QuPath's own name for tumour is "Tumor".
type Class struct {
	Name  string   `json:"name"`
	Color [3]uint8 `json:"color"`
}

// Measurement is one number of a feature, under a name that shows its unit.
type Measurement struct {
	Name  string
	Value float64
}

// Point is x and y in level-0 pixels.
type Point = [2]float64

// Feature is one polygon. Rings yield their vertices once, without repeating the first.
type Feature struct {
	ID           string
	Type         string // Annotation or Detection
	Name         string // may be empty
	Class        Class
	Locked       bool
	Shell        iter.Seq[Point]
	Holes        []iter.Seq[Point]
	Measurements []Measurement
	Metadata     map[string]string
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (f *Feature) validate() error {
	switch {
	case !uuid.MatchString(f.ID):
		return fmt.Errorf("id %q is not a UUID", f.ID)
	case f.Type != Annotation && f.Type != Detection:
		return fmt.Errorf("object type %q", f.Type)
	case f.Class.Name == "":
		return errors.New("no classification")
	case f.Shell == nil:
		return errors.New("no shell")
	}
	return nil
}
