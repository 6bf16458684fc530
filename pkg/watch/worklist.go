package watch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
)

// worklists is all worklists of the folder together. Of two that name the same file the one written last
// counts, so that a correction may be another file or the same one again; that they differ is a problem, as
// the one before may have been right.
//
// # Memory
//
// It holds the rows of at most maxSheets files of maxSheet bytes; a laboratory has some kilobytes.
type worklists struct {
	sheets  map[string]sheet // by name below the folder
	rows    map[string]Row   // by place, and under "*/" by the file's name alone
	arrived map[string]bool  // places whose file was seen

	overruled map[string][]Row // by the keys of rows, those of other worklists that do not agree with it
	met       map[string]bool  // keys under "*/" of these that a file was found by
}

// sheet is one worklist as it was read last.
type sheet struct {
	size     int64
	changed  time.Time
	rows     []Row
	problems []string
	lines    []int    // those of the problems, each once
	hints    []string // what may be as it was meant
	foreign  bool     // it names no slides
}

// maxSheets bounds the worklists of a folder.
const maxSheets = 256

// place is where the row's file lies below the folder: a worklist names files beside itself.
func (r Row) place() string {
	return strings.TrimSuffix(r.sheet, path.Base(r.sheet)) + r.File
}

func anywhere(file string) string { return "*/" + path.Base(file) }

// find looks a file up by its path below the folder, then by its name alone. DICOM instances may also be
// listed by the folder that they make a slide of.
func (l *worklists) find(file string) (Row, bool) {
	row, ok := l.rows[l.key(file)]
	return row, ok
}

// key is the one of rows that a file is found by, or empty.
func (l *worklists) key(file string) string {
	names := []string{file, anywhere(file)}
	if folder := seriesFolder(file); folder != "" {
		names = append(names, folder, anywhere(folder))
	}
	for _, name := range names {
		if _, ok := l.rows[name]; ok {
			return name
		}
	}
	return ""
}

// saw notes that a file is there, or was.
func (l *worklists) saw(file string) (listed bool) {
	key := l.key(file)
	row, listed := l.rows[key]
	if !listed {
		return false
	}
	l.arrived[row.place()] = true
	if len(l.overruled[key]) > 0 {
		l.met[key] = true
	}
	return true
}

// reread reads the CSV files in the folder and in those below it that are new or changed, and forgets
// those that are gone. It reports whether anything is new.
func (l *worklists) reread(dir string, log *slog.Logger) (changed bool) {
	if l.sheets == nil {
		l.sheets, l.arrived, l.met = map[string]sheet{}, map[string]bool{}, map[string]bool{}
	}
	there, anew := map[string]bool{}, []string{}
	for _, name := range csvFiles(dir) {
		st, err := os.Stat(name)
		if err != nil || !st.Mode().IsRegular() || len(there) == maxSheets {
			continue
		}
		where := below(dir, name)
		there[where] = true
		old, known := l.sheets[where]
		if known && old.changed.Equal(st.ModTime()) && old.size == st.Size() {
			continue
		}
		l.sheets[where], changed = readSheet(name, where, st), true
		anew = append(anew, where)
	}
	for where := range l.sheets {
		if !there[where] {
			delete(l.sheets, where)
			changed = true
		}
	}
	if changed || l.rows == nil {
		l.index()
	}
	l.log(anew, log)
	return changed
}

func csvFiles(dir string) (names []string) {
	for _, pattern := range []string{"*.csv", "*/*.csv"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern)) // only a bad pattern is an error
		names = append(names, found...)
	}
	return names
}

func below(dir, name string) string {
	where, err := filepath.Rel(dir, name)
	if err != nil {
		where = filepath.Base(name)
	}
	return filepath.ToSlash(where)
}

func readSheet(name, where string, st os.FileInfo) sheet {
	s := sheet{size: st.Size(), changed: st.ModTime()}
	var problems []Problem
	if data, err := readBounded(name, maxSheet); err != nil {
		problems = []Problem{{Err: err}}
	} else {
		s.rows, problems = ParseSheet(data)
		if len(s.rows) == 0 && len(problems) == 0 {
			s.foreign = true
			problems = []Problem{{Err: errors.New("it names no slides: if it is a worklist, it needs a header with a column called file, such as " + exampleHeader), Hint: true}}
		}
	}
	for i := range s.rows {
		s.rows[i].sheet, s.rows[i].changed = where, s.changed
	}
	for _, p := range problems {
		text := fmt.Sprintf("%s, %v", where, p)
		if p.Line == 0 { // of the file as a whole
			text = fmt.Sprintf("%s: %v", where, p.Err)
		}
		if p.Hint {
			s.hints = append(s.hints, text)
			continue
		}
		if s.problems = append(s.problems, text); p.Line > 0 {
			s.lines = append(s.lines, p.Line)
		}
	}
	slices.Sort(s.lines)
	s.lines = slices.Compact(s.lines)
	return s
}

// index puts the rows of all sheets in order, the latest last.
func (l *worklists) index() {
	all := spoken{}
	order := slices.SortedFunc(maps.Keys(l.sheets), func(a, b string) int {
		return cmp.Or(l.sheets[a].changed.Compare(l.sheets[b].changed), cmp.Compare(a, b))
	})
	for _, name := range order {
		for _, row := range l.sheets[name].rows {
			all.add(row.place(), row)
			if !strings.Contains(row.File, "/") {
				all.add(anywhere(row.File), row)
			}
		}
	}
	l.rows, l.overruled = make(map[string]Row, len(all)), map[string][]Row{}
	for key, rows := range all {
		l.rows[key] = rows[len(rows)-1]
		if others := overruled(rows); len(others) > 0 {
			l.overruled[key] = others
		}
	}
}

// readBounded reads a file, but no more of it than a worklist has.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("larger than %d MB: no worklist", limit>>20)
	}
	return data, err
}

// problems lists the lines that made no sense, or that those of other worklists contradict.
func (l *worklists) problems() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(l.sheets)) {
		list = append(list, l.sheets[name].problems...)
	}
	return append(list, l.contradictions()...)
}

// hints lists what in the worklists may be as it was meant, or not.
func (l *worklists) hints() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(l.sheets)) {
		list = append(list, l.sheets[name].hints...)
	}
	return list
}

// named is how many files the worklists name.
func (l *worklists) named() (n int) {
	for place := range l.rows {
		if !strings.HasPrefix(place, "*/") {
			n++
		}
	}
	return n
}

// awaited are the places that are named but where nothing was ever seen, in order.
func (l *worklists) awaited() (places []string) {
	for _, place := range slices.Sorted(maps.Keys(l.rows)) {
		if !strings.HasPrefix(place, "*/") && !l.arrived[place] {
			places = append(places, place)
		}
	}
	return places
}

// missing are the slides that are awaited. Of the files in the folder those are pointed out whose names are nearly theirs.
func (l *worklists) missing(files []string) (list []Slide) {
	places := l.awaited()
	if len(places) == 0 {
		return nil
	}
	unlisted := l.unlisted(files)
	for _, place := range places {
		row := l.rows[place]
		list = append(list, Slide{
			File: place, Accession: row.Accession, Priority: row.Priority.Known(), State: intake.Missing,
			Reason: fmt.Sprintf("Named in line %d of %s, but there is no such file in the folder. %s", row.Line, row.sheet, meant(unlisted[nearly(place)])),
		})
	}
	return list
}
