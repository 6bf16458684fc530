package watch

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// said is what the row asks for, for people.
func (r Row) said() string {
	text := cmp.Or(r.Accession, "no accession") + " and " + cmp.Or(string(r.Priority), "no priority")
	if r.MPP > 0 {
		text += fmt.Sprintf(" and %g µm", r.MPP)
	}
	return text
}

// priorities are the words that laboratories use beside ours.
var priorities = map[string]jobs.Priority{
	"r": jobs.Routine, "normal": jobs.Routine, "low": jobs.Routine,
	"u": jobs.Urgent, "a": jobs.Urgent, "asap": jobs.Urgent, "high": jobs.Urgent,
	"s": jobs.Stat, "emergency": jobs.Stat,
}

// maxSheet bounds a worklist that is read into memory.
const maxSheet = 16 << 20

// Problem is what makes no sense in a line of a worklist. Its text may hold a cell.
type Problem struct {
	Line int
	Err  error
	Hint bool // it may be as it was meant, and fails nothing
}

func (p Problem) Error() string { return fmt.Sprintf("line %d: %v", p.Line, p.Err) }
func (p Problem) Unwrap() error { return p.Err }

// ParseSheet reads a worklist: CSV with commas, semicolons or tabs, in UTF-8 with or without a mark, with a header whose
// names are in columns, or without one, then file, accession, priority, if its first cell is the name of a file or its third
// a priority. Any other CSV is none, and gives nothing; one that seems to be meant as a worklist is a problem. A cell that
// makes no sense is a problem, named by its line, and counts as empty; the rest of the line counts if it names a file. So is a
// line of more cells than columns; of it counts what is in its place for sure, and never the scale. Of
// lines that say different things of one file the last counts, and is a problem.
func ParseSheet(data []byte) (rows []Row, problems []Problem) {
	if isUTF16(data) {
		return nil, []Problem{{Err: errUTF16}}
	}
	text, comma := opening(data)
	first := sheetReader{comma: comma}
	if first.read(text); !first.showsComma {
		return first.rows, first.problems
	}
	again := sheetReader{comma: comma, commas: true} // as a line before the first that shows it may have one too
	again.read(text)
	return again.rows, again.problems
}

// sheetReader reads the lines of a worklist.
type sheetReader struct {
	comma  rune
	commas bool // it is known that lines have decimal commas

	is         *layout // once the header is read
	rows       []Row
	problems   []Problem
	said       map[string]Row
	showsComma bool // a line has a decimal comma
}

func (s *sheetReader) read(text []byte) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = s.comma, -1, true
	r.TrimLeadingSpace = s.comma != '\t' // it would take an empty cell for space, and move all behind it
	s.said = map[string]Row{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.problems = append(s.problems, unreadable(err))
			return
		}
		line, _ := r.FieldPos(0)
		if len(record) == 0 || len(record) == 1 && strings.TrimSpace(record[0]) == "" || strings.HasPrefix(record[0], "#") {
			continue
		}
		if s.is == nil {
			h := readHeader(record)
			if _, ok := h.at["file"]; !ok {
				next, _ := r.Read() // what cannot be read tells nothing
				s.problems = h.lacksFile(line, record, next)
				return
			}
			s.is, s.problems = h.layout(record, s.comma), h.problems(line)
			s.is.commas = s.commas
			if !h.headless {
				continue
			}
		}
		s.line(line, record)
	}
}

// line reads one of the lines below the header.
func (s *sheetReader) line(line int, record []string) {
	problem := func(err error, hint bool) {
		s.problems = append(s.problems, Problem{Line: line, Err: err, Hint: hint})
	}
	s.showsComma = s.showsComma || s.is.showsComma(record)
	row, wrong := s.is.readRow(record)
	for _, err := range wrong {
		problem(err, false)
	}
	if row.File == "" {
		return
	}
	if !utf8.ValidString(row.File) { // its file may be called so; if not, it is missing
		problem(notUTF8("file", row.File), true)
	}
	row.Line = line
	if first, again := s.said[row.File]; again && !row.says(first) {
		problem(fmt.Errorf("line %d says something else of the same file, %s; this line counts, %s", first.Line, first.said(), row.said()), false)
	}
	s.said[row.File] = row
	s.rows = append(s.rows, row)
}

// unreadable is the problem of a file that is no CSV from a line on.
func unreadable(err error) Problem {
	if parse := new(csv.ParseError); errors.As(err, &parse) {
		return Problem{Line: parse.StartLine, Err: parse.Err}
	}
	return Problem{Err: err}
}

// isPriority reports whether a cell says a priority: the first line of a list of folders, of which each is a slide.
func isPriority(cell string) bool {
	p, err := readPriority(strings.TrimSpace(cell))
	return err == nil && p != ""
}

// isFileName reports whether a cell has an extension, as the names of slides do.
func isFileName(cell string) bool {
	ext := strings.TrimPrefix(path.Ext(strings.TrimSpace(cell)), ".")
	return len(ext) > 1 && len(ext) < 8 && !strings.ContainsAny(ext, " \"\t") && !unicode.IsDigit(rune(ext[0]))
}

// readRow reads a line. What is wrong with a cell takes no other cell with it: a slide with a mistyped priority is still
// its accession's. Only without a file there is no row. A line that is torn says what believe leaves of it.
func (l *layout) readRow(record []string) (row Row, wrong []error) {
	record, err := l.believe(record)
	if err != nil {
		wrong = append(wrong, err)
	}
	cell := func(what string) string {
		if i, ok := l.at[what]; ok && i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	row.File = filepath.ToSlash(strings.ReplaceAll(cell("file"), `\`, "/"))
	if row.File == "" {
		return row, append(wrong, errors.New("no file is named"))
	}
	row.Accession = cell("accession")
	if err := checkAccession(row.Accession); err != nil {
		row.Accession, wrong = "", append(wrong, fmt.Errorf("%w; it counts as not given", err))
	}
	if row.Priority, err = readPriority(cell("priority")); err != nil {
		wrong = append(wrong, fmt.Errorf("%w; the slide is routine unless it was ordered otherwise", err))
	}
	if row.MPP, err = readMPP(cell("mpp")); err != nil {
		wrong = append(wrong, fmt.Errorf("%w; the file's own scale counts", err))
	}
	return row, wrong
}

// checkAccession names what a spreadsheet that was saved otherwise is full of by its cause, where intake sees but bytes.
func checkAccession(text string) error {
	if !utf8.ValidString(text) {
		return notUTF8("accession", text)
	}
	return intake.CheckAccession(text)
}

// notUTF8 is a cell with letters of another encoding; nobody knows which.
func notUTF8(what, cell string) error {
	return fmt.Errorf("%s %.64q is not in UTF-8, in which its letters would be known: save the sheet as \"CSV UTF-8\"", what, cell)
}

// readPriority is empty where the cell is: not said, so that it takes no urgency away that somebody gave.
func readPriority(cell string) (jobs.Priority, error) {
	word := strings.ToLower(cell)
	if p, ok := priorities[word]; ok || word == "" {
		return p, nil
	}
	p, err := jobs.ParsePriority(word)
	if err != nil {
		return "", err
	}
	return p, nil
}

// readMPP is 0 where the cell is empty.
func readMPP(cell string) (float64, error) {
	if cell == "" {
		return 0, nil
	}
	mpp, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", "."), 64)
	if err != nil || !(mpp > 0 && mpp <= 100) { // nor NaN
		return 0, fmt.Errorf("microns per pixel %.20q: want a number like 0.25", cell)
	}
	return mpp, nil
}
