package labelled

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/segment/train"
)

// Patients says whose a slide or image is. The zero value takes what stands before the first hyphen of
// its name; a name without one is its own patient.
type Patients struct {
	table   map[string]string
	pattern *regexp.Regexp
}

// PatientsByPattern takes the first group of a regular expression, or all that it matches.
func PatientsByPattern(pattern string) (Patients, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return Patients{}, fmt.Errorf("patient pattern: %w", err)
	}
	return Patients{pattern: re}, nil
}

// maxPatientLines bounds a table of patients.
const maxPatientLines = 1 << 20

// ReadPatients reads a CSV whose first line names its columns: "image" or "slide" with file names, with
// or without their endings, and "patient". Further columns are left alone.
func ReadPatients(r io.Reader) (Patients, error) {
	p, err := readPatients(csv.NewReader(r))
	if err != nil {
		return Patients{}, fmt.Errorf("patients: %w", err)
	}
	return p, nil
}

func readPatients(in *csv.Reader) (Patients, error) {
	head, err := in.Read()
	if err != nil {
		return Patients{}, fmt.Errorf("first line: %w", err)
	}
	head = slices.Clone(head)
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	key, patient := max(slices.Index(head, "image"), slices.Index(head, "slide")), slices.Index(head, "patient")
	if key < 0 || patient < 0 {
		return Patients{}, errors.New(`the first line must name the columns "image" (or "slide") and "patient"`)
	}
	p := Patients{table: map[string]string{}}
	for line := 2; ; line++ {
		row, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return p, nil
		case err != nil:
			return Patients{}, err
		case line > maxPatientLines:
			return Patients{}, fmt.Errorf("more than %d lines", maxPatientLines)
		case row[patient] == "":
			return Patients{}, fmt.Errorf("line %d: %s has no patient", line, row[key])
		}
		name := withoutEnding(row[key])
		if other, twice := p.table[name]; twice && other != row[patient] {
			return Patients{}, fmt.Errorf("line %d: %s has two patients", line, row[key])
		}
		p.table[name] = row[patient]
	}
}

// withoutEnding drops the ending of a slide's or an image's file name.
func withoutEnding(name string) string {
	for _, ending := range endings {
		if len(name) > len(ending) && strings.EqualFold(name[len(name)-len(ending):], ending) {
			return name[:len(name)-len(ending)]
		}
	}
	return name
}

// Of is the patient of a slide or image, by its name without ending.
func (p Patients) Of(name string) (string, error) {
	switch {
	case p.table != nil:
		if patient, ok := p.table[name]; ok {
			return patient, nil
		}
		return "", fmt.Errorf("%s is not in the table of patients", name)
	case p.pattern != nil:
		m := p.pattern.FindStringSubmatch(name)
		if m == nil || m[len(m)-1] == "" && m[0] == "" {
			return "", fmt.Errorf("%s does not match the patient pattern %q", name, p.pattern)
		}
		if len(m) > 1 {
			return m[1], nil
		}
		return m[0], nil
	}
	return train.PatientOf(name), nil
}
