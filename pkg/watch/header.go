package watch

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// columns are the names that laboratories give to what we look for, in lower case and without what
// is not a letter.
var columns = map[string]string{
	"file": "file", "filename": "file", "path": "file", "slide": "file", "image": "file", "datei": "file",
	"accession": "accession", "accessionnumber": "accession", "accessionno": "accession", "accessionnr": "accession", "accessionid": "accession", "case": "accession", "caseid": "accession", "casenumber": "accession", "fall": "accession",
	"priority": "priority", "prio": "priority", "urgency": "priority",
	"mpp": "mpp", "micronsperpixel": "mpp", "umperpixel": "mpp",
}

// exampleHeader is what a header looks like, for people.
const exampleHeader = `"file,accession,priority,mpp"`

var (
	// errNoFile is a worklist that says much, but of whom.
	errNoFile = errors.New("no column is called file: name the one with the files so; a header looks like " + exampleHeader)
	// errNoHeader is a list of slides of which nobody knows what else it says.
	errNoHeader = errors.New("no header says which column is what: write one above this line, such as " + exampleHeader + ", with the columns in their order")
)

// header is what the first line of a worklist says of its columns.
type header struct {
	at       map[string]int // which column is what
	headless bool           // the line is no header, but the first slide
	misspelt []misspelling
	unknown  []string // columns that mean nothing to us
	further  int      // columns beyond those that a worklist without a header has
}

// misspelling is a column that is not known, and what it was probably meant to be.
type misspelling struct{ name, meant string }

// headlessColumns are those of a worklist without a header.
var headlessColumns = map[string]int{"file": 0, "accession": 1, "priority": 2}

// readHeader says which column is what, and whether the record is a header at all. If it is neither that nor the first line
// of a worklist without one, no column is the file.
func readHeader(record []string) header {
	bare := header{at: headlessColumns, headless: true, further: further(record)}
	if len(record) > 2 && isPriority(record[2]) && (isFileName(record[0]) || !namesSlide(record)) {
		return bare
	}
	h := header{at: map[string]int{}}
	for i, name := range record {
		if what, ok := columns[letters(name)]; ok {
			if _, twice := h.at[what]; !twice {
				h.at[what] = i
			}
		}
	}
	if len(h.at) == 0 && isFileName(record[0]) {
		return bare
	}
	h.judge(record)
	return h
}

// layout is what the lines below the header have in which cell.
func (h *header) layout(record []string, comma rune) *layout {
	l := &layout{at: h.at, comma: comma}
	if !h.headless {
		l.named, l.cells = named(record), len(record)
	}
	return l
}

// further is how many cells a line has that a worklist without a header does not say.
func further(record []string) (n int) {
	for _, cell := range record[min(len(headlessColumns), len(record)):] {
		if strings.TrimSpace(cell) != "" {
			n++
		}
	}
	return n
}

// judge sorts the columns that are not known.
func (h *header) judge(record []string) {
	for _, name := range record {
		if _, known := columns[letters(name)]; known || strings.TrimSpace(name) == "" {
			continue
		}
		if meant := h.meant(letters(name)); meant != "" {
			h.misspelt = append(h.misspelt, misspelling{name, meant})
		} else {
			h.unknown = append(h.unknown, name)
		}
	}
}

// meant is which of the columns that the header lacks a name was probably meant to be, or empty.
func (h *header) meant(name string) string {
	for _, known := range slices.Sorted(maps.Keys(columns)) {
		if _, there := h.at[columns[known]]; !there && misspells(name, known) {
			return columns[known]
		}
	}
	return ""
}

// maxUnknown bounds the columns that are named: a table of another kind has many.
const maxUnknown = 8

// problems are what is wrong with the columns. One that is misspelt takes from each slide what it says; others that are not
// known may be of no concern to us.
func (h *header) problems(line int) (list []Problem) {
	for _, m := range h.misspelt {
		list = append(list, Problem{Line: line, Err: fmt.Errorf("column %.40q is not known and does not count: did you mean %q?", m.name, m.meant)})
	}
	hint := func(text string) { list = append(list, Problem{Line: line, Err: errors.New(text), Hint: true}) }
	if n := len(h.unknown); n > 0 {
		var names []string
		for _, name := range h.unknown[:min(n, maxUnknown)] {
			names = append(names, fmt.Sprintf("%.40q", name))
		}
		if n > maxUnknown {
			names = append(names, "…")
		}
		hint("of no column that is known by its name, and not read: " + strings.Join(names, ", ") + "; a header looks like " + exampleHeader)
	}
	if h.further > 0 {
		hint("there is no header, so the first three columns count as file, accession and priority, and no other is read; a header looks like " + exampleHeader)
	}
	return list
}

// lacksFile are the problems of a CSV without a column of files: none, if it is of another kind and not meant for us. It is
// if one of its columns is known, or almost and the line below names a slide, or if its first line does, which then is no
// header.
func (h *header) lacksFile(line int, first, next []string) []Problem {
	switch {
	case len(h.at) == 0 && namesSlide(first):
		return []Problem{{Line: line, Err: errNoHeader}}
	case len(h.at) > 0, len(h.misspelt) > 1, len(h.misspelt) > 0 && namesSlide(next):
		return append(h.problems(line), Problem{Line: line, Err: errNoFile})
	}
	return nil
}

// letters is the name of a column without what laboratories write differently.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// namesSlide reports whether a cell of a line is the file of a slide.
func namesSlide(record []string) bool {
	return slices.ContainsFunc(record, func(cell string) bool {
		return slices.Contains(extensions, strings.ToLower(path.Ext(strings.TrimSpace(cell))))
	})
}
