package labelled

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/segment/train"
)

// Classes maps the names that annotations use, as normal writes them, to classes of training.
type Classes map[string]uint8

// DefaultClasses is what common names mean; a lab's own names go into a file, see ReadClasses.
//
//	carcinoma              Tumor, Tumour, Carcinoma, Cancer, Adenocarcinoma, Invasive, Metastasis, Metastases,
//	                       _0 and _1 (CAMELYON16), mask values 3 and 255
//	high-grade dysplasia   High-grade dysplasia, High-grade, HGD, mask value 2
//	benign epithelium      Benign, Normal, Benign epithelium, Normal epithelium, Low-grade dysplasia, LGD,
//	                       Polyp, Adenoma, Serrated, Hyperplasia, mask value 1
//	background             Background, Stroma, Other, Muscle, Fat, Mucosa, Necrosis, Immune cells,
//	                       _2 (a hole, CAMELYON16), mask value 0
//	ignore                 Ignore, Ignore*, Artifact, Artefact, Exclude, Exclusion, Unsure, Region*
func DefaultClasses() Classes {
	c := Classes{}
	for class, names := range map[uint8][]string{
		train.Carcinoma: {"tumor", "tumour", "carcinoma", "cancer", "adenocarcinoma", "invasive", "metastasis", "metastases", "0", "1", "mask 3", "mask 255"},
		train.HighGrade: {"high grade dysplasia", "high grade", "hgd", "mask 2"},
		train.Benign: {"benign", "normal", "benign epithelium", "normal epithelium", "low grade dysplasia", "low grade", "lgd",
			"polyp", "adenoma", "serrated", "hyperplasia", "mask 1"},
		train.Background: {"background", "stroma", "other", "muscle", "fat", "mucosa", "necrosis", "immune cells", "2", "mask 0"},
		train.Ignore:     {"ignore", "ignore*", "artifact", "artefact", "exclude", "exclusion", "unsure", "region*"},
	} {
		for _, name := range names {
			c[name] = class
		}
	}
	return c
}

// normal is a name without what people spell differently: case, spaces, hyphens and underscores.
func normal(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune(" \t-_", r) }), " ")
}

// ParseClass reads a class of training as people write it.
func ParseClass(name string) (uint8, error) {
	switch n := normal(name); n {
	case "background":
		return train.Background, nil
	case "benign", "benign epithelium":
		return train.Benign, nil
	case "high grade", "high grade dysplasia":
		return train.HighGrade, nil
	case "carcinoma":
		return train.Carcinoma, nil
	case "ignore":
		return train.Ignore, nil
	}
	return 0, fmt.Errorf("class %q: want background, benign, high-grade, carcinoma or ignore", name)
}

// maxClassLines bounds a class file.
const maxClassLines = 10_000

// ReadClasses reads lines of an annotation's class, a comma and a class of training, and adds them to
// the default table. A mask's value is written "mask 7".
func ReadClasses(r io.Reader) (Classes, error) {
	classes, in := DefaultClasses(), csv.NewReader(r)
	in.FieldsPerRecord, in.TrimLeadingSpace, in.Comment = 2, true, '#'
	seen := map[string]bool{}
	for line := 1; ; line++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return classes, nil
		}
		if err == nil && line > maxClassLines {
			err = fmt.Errorf("more than %d lines", maxClassLines)
		}
		if err != nil {
			return nil, fmt.Errorf("classes: %w", err)
		}
		name := normal(strings.TrimPrefix(row[0], "\ufeff"))
		class, err := ParseClass(row[1])
		if err != nil {
			return nil, fmt.Errorf("classes: line %d: %w", line, err)
		}
		if seen[name] {
			return nil, fmt.Errorf("classes: line %d: %q comes twice", line, row[0])
		}
		seen[name], classes[name] = true, class
	}
}

// of is the class of an annotation.
func (c Classes) of(name string) (uint8, error) {
	if class, ok := c[normal(name)]; ok {
		return class, nil
	}
	if name == "" {
		return 0, errors.New("an annotation has no class; give it one in QuPath or ASAP")
	}
	return 0, fmt.Errorf("annotation class %q is not known; say what it is with --classes FILE, a line like %s,carcinoma", name, name)
}

// Groups is the table for folders of images: every name maps to the class that its masks outline.
func (c Classes) Groups() map[string]uint8 {
	groups := train.EBHIGroups()
	for name, class := range c {
		if class != train.Ignore {
			for _, spelling := range []string{name, strings.ReplaceAll(name, " ", "-"), strings.ReplaceAll(name, " ", "_")} {
				if _, fixed := groups[spelling]; !fixed {
					groups[spelling] = class
				}
			}
		}
	}
	return groups
}

// masks is the table of mask values.
func (c Classes) masks() (table [256]int) {
	for v := range table {
		table[v] = -1
		if class, ok := c[fmt.Sprintf("mask %d", v)]; ok {
			table[v] = int(class)
		}
	}
	return table
}

// Names lists the names of a class, for help texts.
func (c Classes) Names(class uint8) (names []string) {
	for name, k := range c {
		if k == class {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
