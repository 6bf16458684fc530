package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/store"
)

// check refuses what makes no sense of whatever slide.
func (f *exportFlags) check() error {
	if f.out == "" {
		return errors.New("--out is missing: name the file to write, or the folder of several, such as --out outlines/")
	}
	if file := f.blocked(); file != "" {
		return fmt.Errorf("--out %s: %s is a file, and no folder can be there: name another folder", f.out, file)
	}
	return nil
}

// blocked is the file that lies where --out needs a folder, empty if none does.
func (f *exportFlags) blocked() string {
	folder := filepath.Clean(f.out)
	if !f.many() {
		folder = filepath.Dir(folder)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if st, err := os.Stat(folder); err == nil {
			if st.IsDir() {
				break
			}
			return folder
		}
	}
	return ""
}

// oneFile refuses to write several slides into one file.
func (f *exportFlags) oneFile(slides int) error {
	folder := filepath.Clean(stem(f.out))
	if st, err := os.Stat(folder); err == nil && !st.IsDir() {
		folder = "outlines"
	}
	return &usageError{fmt.Errorf("%s, and --out %s is one file: name a folder, such as --out %s/", count(slides, "slide"), f.out, folder)}
}

// many reports whether --out is a folder, for the files of any number of slides.
func (f *exportFlags) many() bool {
	st, err := os.Stat(f.out)
	return err == nil && st.IsDir() || strings.HasSuffix(f.out, "/") || strings.HasSuffix(f.out, string(filepath.Separator))
}

// paths are the files to write, one a slide.
func (f *exportFlags) paths(slides []intake.Line, format exportFormat) []string {
	if !f.many() {
		return slices.Repeat([]string{f.out}, len(slides))
	}
	names, called := make([]string, len(slides)), map[string]int{}
	for i, line := range slides {
		names[i] = line.Slide.String()
		if line.File != "" {
			names[i] = stem(path.Base(line.File))
		}
		called[strings.ToLower(names[i])]++ // some file systems know no other difference
	}
	for i, line := range slides {
		if called[strings.ToLower(names[i])] > 1 {
			names[i] += "-" + line.Slide.String()[:8]
		}
		names[i] = filepath.Join(f.out, names[i]+format.beside)
	}
	return names
}

// exportFormat is a way to hand a result over.
type exportFormat struct {
	name       string
	key        func(store.RunKeys) string
	extensions []string // of its files, the usual one first
	beside     string   // what its files are called behind their slides' names: never as a slide
}

// exportFormats is the table of what can be handed over; the first is what is written where nobody says.
var exportFormats = []exportFormat{
	{"geojson", store.RunKeys.Contours, []string{".geojson", ".json"}, ".geojson"},
	{"mask", store.RunKeys.Mask, []string{".tiff", ".tif"}, ".mask.tiff"},
}

// formatOf is what --format names, or the name of --out. A file that is called what it is not would open in no program,
// or in the wrong one.
func (f *exportFlags) formatOf() (exportFormat, error) {
	extension := strings.ToLower(filepath.Ext(f.out))
	said := slices.IndexFunc(exportFormats, func(x exportFormat) bool { return slices.Contains(x.extensions, extension) })
	if f.many() {
		said = -1
	}
	switch {
	case f.format != "":
	case said >= 0:
		return exportFormats[said], nil
	case extension == "" || f.many():
		return exportFormats[0], nil
	default:
		return exportFormat{}, &usageError{fmt.Errorf("--out %s: no format has files that end in %s: %s; or say with --format what it is to be", f.out, extension, extensionsMean())}
	}
	wanted := slices.IndexFunc(exportFormats, func(x exportFormat) bool { return x.name == f.format })
	switch {
	case wanted < 0:
		return exportFormat{}, &usageError{fmt.Errorf("format %q: want geojson or mask", f.format)}
	case said >= 0 && said != wanted:
		return exportFormat{}, &usageError{fmt.Errorf("--out %s is the name of a %s, and --format is %s: call it %s, or give --format %s",
			f.out, exportFormats[said].name, f.format, stem(f.out)+exportFormats[wanted].extensions[0], exportFormats[said].name)}
	}
	return exportFormats[wanted], nil
}

// extensionsMean says which format the name of a file means.
func extensionsMean() string {
	means := make([]string, len(exportFormats))
	for i, x := range exportFormats {
		means[i] = fmt.Sprintf("%s means %s", strings.Join(x.extensions, " or "), x.name)
	}
	return strings.Join(means, ", ")
}
