package watch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
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
	Priority  jobs.Priority // empty where the worklist does not say
	MPP       float64
	Line      int

	sheet   string    // the worklist, below the watched folder
	changed time.Time // when it was written
}

// says reports whether both rows ask for the same.
func (r Row) says(other Row) bool {
	return r.Accession == other.Accession && r.Priority == other.Priority && r.MPP == other.MPP
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
	} else if word == "" { // not said, so that it takes no urgency away that somebody gave
		row.Priority = ""
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
