package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// Worklists come as laboratories write them.
func TestParseSheet(t *testing.T) {
	for name, text := range map[string]string{
		"English":   "File,Accession number,Priority,MPP\na.svs,A1,stat,0.25\n",
		"German":    "Fall;Datei;Prio;um per pixel\nA1;a.svs;S;0,25\n",
		"marked":    "\xef\xbb\xbffile\tcase\tpriority\tmpp\r\na.svs\tA1\tSTAT\t0.25\r\n",
		"commented": "# tonight\nfile,case,priority,mpp\n\na.svs,A1,emergency,0.25\n",
	} {
		t.Run(name, func(t *testing.T) {
			rows, problems := ParseSheet([]byte(text))
			if len(problems) > 0 || len(rows) != 1 {
				t.Fatalf("%+v, %v", rows, problems)
			}
			rows[0].Line = 0
			if want := (Row{File: "a.svs", Accession: "A1", Priority: jobs.Stat, MPP: 0.25}); rows[0] != want {
				t.Errorf("%+v, want %+v", rows[0], want)
			}
		})
	}
	rows, problems := ParseSheet([]byte("a.svs,A1\n,A2\nb.svs,A3,soon\nc.svs\n"))
	if len(rows) != 3 || len(problems) != 2 || problems[0].Line != 2 || problems[1].Line != 3 {
		t.Errorf("%+v, %v", rows, problems)
	}
}

// A CSV of another kind names no slides, so that none is missing because of it, and is no problem.
func TestNoWorklist(t *testing.T) {
	for _, text := range []string{"", "name,value\nfocus,0.9\n", "0.25,0.5\n", "\"Report v1.2 of, tonight\"\nx\n", ".\n"} {
		if rows, problems := ParseSheet([]byte(text)); len(rows) != 0 || len(problems) != 0 {
			t.Errorf("%q: %+v, %v", text, rows, problems)
		}
	}
	rows, problems := ParseSheet([]byte("accession,priority\nA1,stat\n"))
	if len(rows) != 0 || len(problems) != 1 || !errors.Is(problems[0], errNoFile) || problems[0].Line != 1 {
		t.Errorf("without a file: %+v, %v", rows, problems)
	}
}

// Columns that are misspelt are named, with what they were meant to be; others that are not known are a hint. A list that
// seems to be meant for us and cannot be read is a problem, with what a header looks like.
func TestColumnsAreNamed(t *testing.T) {
	for text, want := range map[string]struct {
		rows            int
		problems, hints []string // what each says
	}{
		"file,acession,priorty\na.svs,A1,stat\n": {rows: 1, problems: []string{
			`line 1: column "acession" is not known and does not count: did you mean "accession"?`,
			`line 1: column "priorty" is not known and does not count: did you mean "priority"?`}},
		"Fiel;Accession;mp\na.svs;A1;0.5\n": {problems: []string{
			`line 1: column "Fiel" is not known and does not count: did you mean "file"?`, `did you mean "mpp"?`, `a header looks like "file,accession,priority,mpp"`}},
		"fil,acession\nx,A1\n":                      {problems: []string{`did you mean "file"?`, `did you mean "accession"?`, "no column is called file"}},
		"flie\na.svs\n":                             {problems: []string{`did you mean "file"?`, "no column is called file"}},
		"file,Stain,block,date\na.svs,HE,2,today\n": {rows: 1, hints: []string{`not read: "Stain", "block", "date"; a header looks like "file,`}},
		"file,case,cases,slides\na.svs,A1,2,3\n":    {rows: 1, hints: []string{`"cases", "slides"`}},
		"A1,a.svs\nA2,b.svs\n":                      {problems: []string{"line 1: no header says which column is what: write one above this line"}},
		"A1,a.svs,stat\nA2,b.svs,stat\n":            {problems: []string{"line 1: no header"}},
		"a.svs,A1,stat,0.5\n":                       {rows: 1, hints: []string{"no header, so the first three columns count"}},
		"a.svs,A1,stat,\n":                          {rows: 1},
		"date,tile\ntoday,3\n":                      {},
		"flie,value\nfocus,0.9\n":                   {},
	} {
		rows, all := ParseSheet([]byte(text))
		var problems, hints []string
		for _, p := range all {
			if p.Hint {
				hints = append(hints, p.Error())
			} else {
				problems = append(problems, p.Error())
			}
		}
		if len(rows) != want.rows || !slices.EqualFunc(problems, want.problems, strings.Contains) || !slices.EqualFunc(hints, want.hints, strings.Contains) {
			t.Errorf("%q: %d rows, problems %q, hints %q", text, len(rows), problems, hints)
		}
	}
}

// Hints are named with their file, and are no problems of the night; of a CSV of another kind it is one that it names no
// slides.
func TestHintsAreNoProblems(t *testing.T) {
	s := newScanner(t)
	for name, text := range map[string]string{"list.csv": "file,stain\na.svs,HE\n", "focus.csv": "name,value\nfocus,0.9\n"} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.look(t)
	hints := s.SheetHints()
	if len(hints) != 2 || !strings.HasPrefix(hints[0], "focus.csv: it names no slides") || !strings.HasPrefix(hints[1], `list.csv, line 1: `) {
		t.Errorf("hints %q", hints)
	}
	if problems := s.SheetProblems(); len(problems) > 0 {
		t.Errorf("problems %q", problems)
	}
}

// Folders of DICOM files have no extension.
func TestHeadlessFolders(t *testing.T) {
	rows, problems := ParseSheet([]byte("case1,S26-1,stat\ncase2,S26-2,urgent\n"))
	if len(rows) != 2 || len(problems) > 0 || rows[0].Priority != jobs.Stat || rows[1].File != "case2" {
		t.Errorf("%+v, %v", rows, problems)
	}
}

// Lines that agree are one; of two that do not the last counts, and somebody hears of it.
func TestTwoLinesOfOneFile(t *testing.T) {
	rows, problems := ParseSheet([]byte("a.svs,A1\na.svs,A1\na.svs,A2\n"))
	if len(rows) != 3 || rows[2].Accession != "A2" || len(problems) != 1 || problems[0].Line != 3 || !strings.Contains(problems[0].Error(), "line 2 says something else of the same file, A1 and no priority; this line counts, A2 and no priority") {
		t.Errorf("%+v, %v", rows, problems)
	}
}

// A bad cell takes nothing with it: a slide of a mistyped priority or scale is its accession's all the same.
func TestBadCells(t *testing.T) {
	for text, want := range map[string]struct {
		row  Row
		says string
	}{
		"a.svs,A1,superfast,0.25":          {Row{File: "a.svs", Accession: "A1", MPP: 0.25}, "superfast"},
		"a.svs,A1,stat,quick":              {Row{File: "a.svs", Accession: "A1", Priority: jobs.Stat}, "like 0.25"},
		"a.svs,A1,stat,-1":                 {Row{File: "a.svs", Accession: "A1", Priority: jobs.Stat}, "like 0.25"},
		"a.svs," + long + ",stat,0.25":     {Row{File: "a.svs", Priority: jobs.Stat, MPP: 0.25}, "at most 64"},
		"a.svs," + long + ",superfast,0.5": {Row{File: "a.svs", MPP: 0.5}, "superfast"},
	} {
		rows, problems := ParseSheet([]byte("file,accession,priority,mpp\n" + text + "\n"))
		want.row.Line = 2
		if len(rows) != 1 || rows[0] != want.row {
			t.Errorf("%.30s: %+v, want %+v", text, rows, want.row)
		}
		if all := fmt.Sprint(problems); !strings.Contains(all, want.says) || !strings.Contains(all, "line 2") {
			t.Errorf("%.30s: %s", text, all)
		}
	}
}

var long = strings.Repeat("A", 65)

// The log says which lines, and no name; the problems name the file too.
func TestProblemsAreNamed(t *testing.T) {
	s := newScanner(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	s.worklist(t, "a.png,A1,superfast,1\n,A2\n")
	s.look(t)
	if got := s.SheetProblems(); len(got) != 2 || !strings.HasPrefix(got[0], "list.csv, line 2: ") || !strings.HasPrefix(got[1], "list.csv, line 3: ") {
		t.Errorf("%q", got)
	}
	if got := log.String(); !strings.Contains(got, `lines="[2 3]"`) || strings.Contains(got, "list.csv") {
		t.Errorf("log: %s", got)
	}
}

// FuzzParseSheet: any bytes end in rows that intake takes, or in problems.
func FuzzParseSheet(f *testing.F) {
	f.Add([]byte("file;accession;mpp\na.svs;A1;0,25\n"))
	f.Add([]byte("file,mpp\na.svs,nan\n"))
	f.Add([]byte("file,mpp,priority\na.svs,1,3,stat\nb.svs,1,3\n"))
	f.Add([]byte("\"sep=|\"\nfile|mpp|\na.svs|1|3\n"))
	f.Add([]byte("file,mpp,block\na.svs,1,3\nb.svs,0,25\n"))
	f.Add([]byte("\xef\xbb\xbf\"a\nb\",A1,stat\n#\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, _ := ParseSheet(data)
		for _, r := range rows {
			if r.File == "" || len(r.Accession) > 64 || r.MPP < 0 || !(r.MPP <= 100) {
				t.Errorf("row %+v", r)
			}
		}
	})
}

// No more of a file is read than a worklist has.
func TestSheetIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(name, make([]byte, 101), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := readBounded(name, 100); err == nil || len(data) > 101 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := readBounded(name, 101); err != nil {
		t.Error(err)
	}
}

// What goes into logs names no file.
func TestNameless(t *testing.T) {
	one := &fs.PathError{Op: "open", Path: "/scans/DOE^JANE.svs", Err: fs.ErrPermission}
	two := &os.LinkError{Op: "rename", Old: "/scans/DOE^JOHN.svs", New: "/bad/DOE^JOHN.svs", Err: fs.ErrExist}
	text := nameless(errors.Join(one, fmt.Errorf("quarantine: %w", two)))
	if strings.Contains(text, "DOE") || !strings.Contains(text, "permission") || !strings.Contains(text, "exist") {
		t.Errorf("%q", text)
	}
}
