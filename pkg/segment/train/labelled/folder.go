// Package labelled finds slides with annotations in a folder and says what is true of them: which file
// belongs to which, what an annotation's class means, whose slide it is. It sits between slide,
// train/annotate and train; commands use it for `train`, `evaluate` and `model compare`. It trains
// nothing and judges nothing.
//
// The convention: slides lie in DIR/train and DIR/val, each with its annotations beside it under the
// same name, as QuPath GeoJSON (a.svs, a.geojson), ASAP XML (a.xml) or a mask image (a-mask.png).
package labelled

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is a folder of annotated slides.
type Folder struct {
	Root, Split string
	Classes     Classes // nil means DefaultClasses
	// Outside is the class beside all outlines: train.Ignore unless slides were outlined completely.
	Outside  uint8
	Patients Patients
	MPP      float64 // operator's scale of the slides, 0 takes the files'
}

// Slide is one slide of the folder and where its truth lies.
type Slide struct {
	Name, Patient string
	Path          string
	Annotation    string // a file of outlines, or ""
	Mask          string // a mask image, or ""
	folder        *Folder
}

// Slides lists the annotated slides, in the order of their names; none if the folder holds no slides. A
// slide without annotations is an error: nobody has said that it is free of carcinoma.
func (f *Folder) Slides(ctx context.Context) ([]Slide, error) {
	dir := filepath.Join(f.Root, f.Split)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", f.Root, err)
	}
	files := map[string]bool{}
	for _, e := range entries {
		if !e.IsDir() {
			files[e.Name()] = true
		}
	}
	var slides []Slide
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.IsDir() || !isSlide(e.Name()) {
			continue
		}
		s, err := f.slide(dir, e.Name(), files)
		if err != nil {
			return nil, fmt.Errorf("data set %s: slide %s: %w", f.Root, e.Name(), err)
		}
		slides = append(slides, *s)
	}
	return slides, nil
}

// endings of files that may be slides; what they are is found by content.
var endings = []string{".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".mrxs", ".png", ".jpg", ".jpeg"}

// maskMarks stand between a slide's name and the ending of its mask.
var maskMarks = []string{"-mask", "_mask", ".mask"}

func isSlide(name string) bool {
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	return slices.Contains(endings, strings.ToLower(filepath.Ext(name))) &&
		!slices.ContainsFunc(maskMarks, func(mark string) bool { return strings.HasSuffix(stem, mark) })
}

func (f *Folder) slide(dir, name string, files map[string]bool) (*Slide, error) {
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	s := &Slide{Name: stem, Path: filepath.Join(dir, name), folder: f}
	outlines := present(files, []string{stem, name}, []string{".geojson", ".geojson.gz", ".json", ".xml"})
	var marked []string
	for _, mark := range maskMarks {
		marked = append(marked, stem+mark)
	}
	masks := present(files, marked, []string{".png", ".tif", ".tiff"})
	switch found := append(outlines, masks...); {
	case len(found) == 0:
		return nil, fmt.Errorf("no annotations beside it (%s.geojson, %s.xml or %s-mask.png); for a slide on which nothing is to be outlined, "+
			`put {"type":"FeatureCollection","features":[]} into %s.geojson`, stem, stem, stem, stem)
	case len(found) > 1:
		return nil, fmt.Errorf("several annotations beside it: %s; keep one", strings.Join(found, ", "))
	case len(masks) == 1:
		s.Mask = filepath.Join(dir, masks[0])
	default:
		s.Annotation = filepath.Join(dir, outlines[0])
	}
	var err error
	s.Patient, err = f.Patients.Of(stem)
	return s, err
}

// present lists which of the names there are.
func present(files map[string]bool, stems, ends []string) (found []string) {
	for _, stem := range stems {
		for _, end := range ends {
			if files[stem+end] {
				found = append(found, stem+end)
			}
		}
	}
	return found
}
