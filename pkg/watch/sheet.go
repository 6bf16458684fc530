package watch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
)

// Row is what a worklist says of one file.
type Row struct {
	File      string
	Accession string
	Priority  jobs.Priority
	MPP       float64
	Line      int
}

// columns are the names that laboratories give to what we look for, in lower case and without what
// is not a letter.
var columns = map[string]string{
	"file": "file", "filename": "file", "path": "file", "slide": "file", "image": "file", "datei": "file",
	"accession": "accession", "accessionnumber": "accession", "accessionno": "accession", "accessionnr": "accession", "accessionid": "accession", "case": "accession", "caseid": "accession", "casenumber": "accession", "fall": "accession",
	"priority": "priority", "prio": "priority", "urgency": "priority",
	"mpp": "mpp", "micronsperpixel": "mpp", "umperpixel": "mpp",
}

// priorities are the words that laboratories use beside ours.
var priorities = map[string]jobs.Priority{
	"r": jobs.Routine, "normal": jobs.Routine, "low": jobs.Routine,
	"u": jobs.Urgent, "a": jobs.Urgent, "asap": jobs.Urgent, "high": jobs.Urgent,
	"s": jobs.Stat, "emergency": jobs.Stat,
}

// maxSheet bounds a worklist that is read into memory.
const maxSheet = 16 << 20

// ParseSheet reads a worklist: CSV with commas, semicolons or tabs, in UTF-8 with or without a mark, with
// a header whose names are in columns or without one, then file, accession, priority. A line that makes
// no sense is a problem, named by its number; the others count.
func ParseSheet(data []byte) (rows []Row, problems []error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace, r.LazyQuotes = comma(data), -1, true, true
	var at map[string]int
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, problems
		}
		if err != nil {
			return rows, append(problems, err)
		}
		line, _ := r.FieldPos(0)
		if len(record) == 0 || len(record) == 1 && strings.TrimSpace(record[0]) == "" || strings.HasPrefix(record[0], "#") {
			continue
		}
		if at == nil {
			var header bool
			if at, header = layout(record); header {
				if _, ok := at["file"]; !ok {
					return nil, append(problems, fmt.Errorf("line %d: no column is called file", line))
				}
				continue
			}
		}
		row, err := readRow(record, at)
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		row.Line = line
		rows = append(rows, row)
	}
}

// comma is the separator that the first line uses most.
func comma(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	best, most := ',', bytes.Count(line, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// layout says which column is what, and whether the record is a header at all.
func layout(record []string) (at map[string]int, header bool) {
	at = map[string]int{}
	for i, name := range record {
		letters := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, strings.ToLower(name))
		if what, ok := columns[letters]; ok {
			if _, twice := at[what]; !twice {
				at[what] = i
			}
		}
	}
	if len(at) > 0 {
		return at, true
	}
	return map[string]int{"file": 0, "accession": 1, "priority": 2}, false
}

func readRow(record []string, at map[string]int) (row Row, err error) {
	cell := func(what string) string {
		if i, ok := at[what]; ok && i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	row.File = filepath.ToSlash(strings.ReplaceAll(cell("file"), `\`, "/"))
	if row.File == "" {
		return row, errors.New("no file is named")
	}
	row.Accession = cell("accession")
	if err := intake.CheckAccession(row.Accession); err != nil {
		return row, err
	}
	word := strings.ToLower(cell("priority"))
	if p, ok := priorities[word]; ok {
		row.Priority = p
	} else if row.Priority, err = jobs.ParsePriority(word); err != nil {
		return row, err
	}
	if text := cell("mpp"); text != "" {
		row.MPP, err = strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64)
		if err != nil || !(row.MPP > 0 && row.MPP <= 100) { // nor NaN
			return row, fmt.Errorf("microns per pixel %.20q: want a number like 0.25", text)
		}
	}
	return row, nil
}

// sheet is all worklists of the folder together.
type sheet struct {
	rows map[string]Row       // by file below the watched folder
	read map[string]time.Time // the sheets that were read, and their times
	bad  map[string][]string  // by sheet
}

// find looks a file up by its path below the folder, then by its name alone.
func (s *sheet) find(file string) (Row, bool) {
	if row, ok := s.rows[file]; ok {
		return row, true
	}
	row, ok := s.rows["*/"+file[strings.LastIndexByte(file, '/')+1:]]
	return row, ok
}

// reread reads the CSV files in the folder and below that changed.
func (w *Watcher) reread() {
	if w.sheet.read == nil {
		w.sheet = sheet{map[string]Row{}, map[string]time.Time{}, map[string][]string{}}
	}
	for _, pattern := range []string{"*.csv", "*/*.csv"} {
		names, _ := filepath.Glob(filepath.Join(w.Dir, pattern)) // only a bad pattern is an error
		for _, name := range names {
			st, err := os.Stat(name)
			if err != nil || !st.Mode().IsRegular() || w.sheet.read[name].Equal(st.ModTime()) {
				continue
			}
			w.sheet.read[name] = st.ModTime()
			w.readSheet(name)
		}
	}
}

func (w *Watcher) readSheet(name string) {
	where, err := filepath.Rel(w.Dir, name)
	if err != nil {
		where = filepath.Base(name)
	}
	where = filepath.ToSlash(where)
	var problems []error
	var rows []Row
	data, err := readBounded(name, maxSheet)
	if err != nil {
		problems = []error{err}
	} else {
		rows, problems = ParseSheet(data)
	}
	w.sheet.bad[where] = nil
	for _, p := range problems {
		w.sheet.bad[where] = append(w.sheet.bad[where], fmt.Sprintf("%s: %v", where, p))
	}
	if n := len(problems); n > 0 { // a sheet's name and cells may be a patient's: the summary has them
		w.Log.Error("worklist with lines that make no sense; the summary names them", "problems", n)
	}
	folder := strings.TrimSuffix(where, filepath.Base(where))
	for _, row := range rows {
		w.sheet.rows[folder+row.File] = row
		if !strings.Contains(row.File, "/") {
			w.sheet.rows["*/"+row.File] = row
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

// problems lists what is wrong with the worklists, and the files that they name in vain.
func (s *sheet) problems(slides map[string]*Slide) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(s.bad)) {
		list = append(list, s.bad[name]...)
	}
	there := map[string]bool{}
	for file := range slides {
		there[file], there["*/"+file[strings.LastIndexByte(file, '/')+1:]] = true, true
	}
	for _, file := range slices.Sorted(maps.Keys(s.rows)) {
		base := "*/" + file[strings.LastIndexByte(file, '/')+1:]
		if !strings.HasPrefix(file, "*/") && !there[file] && !there[base] {
			list = append(list, fmt.Sprintf("line %d names %s, which is not in the folder", s.rows[file].Line, file))
		}
	}
	return list
}
