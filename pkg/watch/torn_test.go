package watch

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
)

// A line of more cells than columns says no scale, whatever its cells look like, and is named; of the rest counts what was
// not moved for sure.
func TestTornLines(t *testing.T) {
	const usual = "file,accession,priority,mpp"
	for _, c := range []struct {
		header, line string
		want         Row
		says         string
	}{
		{usual, "b.tiff,C-1,stat,1,3", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `a decimal comma seems to have torn the scale into "1" and "3": quote the number`},
		{usual, "b.tiff,C-1,,0,25", Row{File: "b.tiff", Accession: "C-1"}, `separate the cells by ";"`},
		{usual, "b.tiff,C-1,stat,1,3,,", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `a decimal comma seems to have torn the scale into "1" and "3"`},
		{usual + ",", "b.tiff,C-1,stat,1,3", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `a decimal comma may have torn the scale into "1" and "3"`},
		{usual + ",block,", "b.tiff,C-1,stat,1,3,2", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `a decimal comma may have torn the scale into "1" and "3"`},
		{usual + ",remark", "b.tiff,C-1,stat,1,3,", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `a decimal comma may have torn the scale into "1" and "3"`},
		{"file,mpp,accession,priority", "b.tiff,1,3,C-1,stat", Row{File: "b.tiff"}, "nothing of this line but file counts"},
		{"file,mpp,accession,priority", "b.tiff,1,3,C-1", Row{File: "b.tiff"}, `a decimal comma seems to have torn the scale into "1" and "3"`},
		{usual + ",block", "b.tiff,C-1,stat,0,25", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `a decimal comma seems to have torn the scale into "0" and "25"`},
		{usual, "b.tiff,Doe, Jane,stat,0.25", Row{File: "b.tiff"}, `"0.25" behind the last: quote a cell that holds a ','`},
		{usual, "b.tiff,Doe,S,stat,1", Row{File: "b.tiff"}, "behind the last"},
		{usual, "b.tiff,Doe,S,,0.25", Row{File: "b.tiff"}, "behind the last"},
		{usual, "b.tiff,C-1,stat,0.25,call me", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, "needs a name in the header"},
		{usual, "case1,C-1,S,0.25,call me", Row{File: "case1", Accession: "C-1", Priority: jobs.Stat}, "nothing of this line but file, accession and priority counts, and as a scale the file's own"},
		{"file;accession;priority;mpp", "b.tiff;C-1;stat;1;3", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `quote a cell that holds a ';'`},
		{"file\taccession\tpriority\tmpp", "b.tiff\tC-1\tstat\t1\t3", Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat}, `quote a cell that holds a '\t'`},
		{"file,priority", "b.tiff,stat,call me", Row{File: "b.tiff", Priority: jobs.Stat}, "nothing of this line but file and priority counts\n"},
		{"file,accession", ",C-1,2", Row{}, "no file is named"},
	} {
		rows, problems := ParseSheet([]byte(c.header + "\n" + c.line + "\n"))
		problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.Hint }) // of the header
		if c.want.Line = 2; c.want.File == "" {
			if len(rows) != 0 || len(problems) == 0 {
				t.Errorf("%q: %+v, %v", c.line, rows, problems)
			}
			continue
		}
		if len(rows) != 1 || rows[0] != c.want {
			t.Errorf("%q under %q: %+v, want %+v", c.line, c.header, rows, c.want)
		}
		if len(problems) != 1 || problems[0].Line != 2 || !strings.Contains(problems[0].Error()+"\n", c.says) {
			t.Errorf("%q under %q: %q, want %q", c.line, c.header, problems, c.says)
		}
	}
}

// Cells that say nothing tear no line, and neither does what a list without a header has beyond its three columns.
func TestWholeLines(t *testing.T) {
	for _, text := range []string{
		"file,accession,priority,mpp\nb.tiff,C-1,stat,0.25,,\n",
		"file,accession,priority,mpp\nb.tiff,C-1,stat,\"0,25\", ,\n",
		"file;accession;priority;mpp\nb.tiff;C-1;stat;0,25;;\n",
		"file\taccession\tpriority\tmpp\nb.tiff\tC-1\tstat\t0,25\t\t\n",
		"file,accession,priority,mpp,block\nb.tiff,C-1,stat,0.25,3,\n",
		"file,mpp,block,accession,priority\nb.tiff,0.25,3,C-1,stat\n",
		"file,accession,priority,mpp,\nb.tiff,C-1,stat,0.25,call me\n",
		"file,accession,priority,mpp,\nb.tiff,C-1,stat,0.25,call me,,\n",
		"file;accession;priority;mpp;\nb.tiff;C-1;stat;0,25;Nachfärben\n",
		"file\taccession\tpriority\tmpp\t\nb.tiff\tC-1\tstat\t0,25\tcall me\n",
	} {
		rows, problems := ParseSheet([]byte(text))
		for _, p := range problems {
			if !p.Hint {
				t.Errorf("%q: %v", text, p)
			}
		}
		if len(rows) != 1 || rows[0] != (Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat, MPP: 0.25, Line: 2}) {
			t.Errorf("%q: %+v", text, rows)
		}
	}
	for _, separator := range []string{",", ";", "\t"} { // S, as it may be part of a name in a torn line
		text := strings.ReplaceAll("file,accession,priority,mpp,\nb.tiff,C-1,S,,call me\n", ",", separator)
		rows, problems := ParseSheet([]byte(text))
		if len(problems) > 0 || len(rows) != 1 || rows[0] != (Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat, Line: 2}) {
			t.Errorf("%q: %+v, %v", text, rows, problems)
		}
	}
	rows, problems := ParseSheet([]byte("file\taccession\tpriority\nb.tiff\t\tstat\n")) // a tab is white space too
	if len(problems) > 0 || len(rows) != 1 || rows[0] != (Row{File: "b.tiff", Priority: jobs.Stat, Line: 2}) {
		t.Errorf("an empty cell between tabs: %+v, %v", rows, problems)
	}
	rows, problems = ParseSheet([]byte("a.svs,A1,stat\nb.svs,A2,stat,urgent one\n"))
	if len(rows) != 2 || rows[1].Accession != "A2" || len(problems) > 0 {
		t.Errorf("%+v, %v", rows, problems)
	}
}

// Where one line shows a decimal comma no line of the sheet is believed whose scale may be half a number; those that cannot be are.
func TestOneDecimalCommaDoubtsAll(t *testing.T) {
	for _, shows := range []string{"c.tiff,C-1,stat,1,3,", "c.tiff,C-1,stat,0,25"} {
		text := "file,accession,priority,mpp,block\nb.tiff,C-1,S,1,3\n" + shows + "\nd.tiff,C-1,stat,0.5,3\ne.tiff,C-1,stat,2,A\nf.tiff,C-1,S,2,5\n"
		rows, problems := ParseSheet([]byte(text))
		var scales []float64
		for _, r := range rows {
			scales = append(scales, r.MPP)
			if r.Priority != jobs.Stat || r.Accession != "C-1" {
				t.Errorf("%q: %+v", shows, r)
			}
		}
		if !slices.Equal(scales, []float64{0, 0, 0.5, 2, 0}) {
			t.Errorf("%q: scales %v", shows, scales)
		}
		var lines []int
		for _, p := range problems {
			if lines = append(lines, p.Line); p.Line != 3 && !p.Hint && !strings.Contains(p.Error(), "a decimal comma may have torn") {
				t.Errorf("%q: %v", shows, p)
			}
		}
		if !slices.Equal(lines, []int{1, 2, 3, 6}) { // of the header, that it has a block
			t.Errorf("%q: problems of %v: %v", shows, lines, problems)
		}
	}
	for _, text := range []string{ // a scale and a block
		"file,accession,priority,mpp,block\nb.tiff,C-1,stat,1,3\nc.tiff,C-1,stat,0.5,3,\n",
		"file,mpp,block,accession,priority\nb.tiff,1,3,C-1,stat\nc.tiff,0,3,C-1,S\n",
	} {
		if rows, problems := ParseSheet([]byte(text)); len(rows) != 2 || rows[0].MPP != 1 || rows[1].Priority != jobs.Stat || strings.Contains(fmt.Sprint(problems), "torn") {
			t.Errorf("%q: %+v, %v", text, rows, problems)
		}
	}
}

// A slide without a scale of its own is refused and named with its case, where its line is torn, and taken once that is whole.
func TestTornLineLosesNoSlide(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,stat,1,3\n")
	s.look(t)
	if got := s.Slides(); len(got) != 1 || got[0].State != intake.Refused || got[0].Accession != "A1" {
		t.Errorf("%+v, want it refused", got)
	}
	s.worklist(t, "a.png,A1,stat,\"1,3\"\n")
	s.look(t)
	if got := s.Slides(); len(got) != 1 || got[0].State != intake.Waiting {
		t.Errorf("%+v, want it to wait", got)
	}
}

// A list in another encoding is named as that, and its slides go on without what is not known.
func TestNotUTF8(t *testing.T) {
	rows, problems := ParseSheet([]byte("file,accession,priority\na.svs,M\xfcller,stat\nM\xfc.svs,A2,stat\nc.svs,Müller,stat\n"))
	if len(rows) != 3 || rows[0].Accession != "" || rows[0].Priority != jobs.Stat || rows[1].Accession != "A2" || rows[2].Accession != "Müller" {
		t.Errorf("%+v", rows)
	}
	if len(problems) != 2 || problems[0].Line != 2 || problems[0].Hint || problems[1].Line != 3 || !problems[1].Hint {
		t.Fatalf("%v", problems)
	}
	for i, start := range []string{`line 2: accession "M\xfcller" is not in UTF-8`, `line 3: file "M\xfc.svs" is not in UTF-8`} {
		if got := problems[i].Error(); !strings.HasPrefix(got, start) || !strings.Contains(got, `save the sheet as "CSV UTF-8"`) {
			t.Errorf("%q", got)
		}
	}
}

// The log tells two worklists apart without their names, and has each line once.
func TestLogTellsSheetsApart(t *testing.T) {
	s := newScanner(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	for name, text := range map[string]string{
		"a.csv": "file,priority\na.svs,stat\n",
		"b.csv": "file,accession,priority,mpp\na.svs,A1,superfast,quick\n",
		"c.csv": "name,value\nfocus,0.9\n",
		"d.csv": "file,accession,priority,mpp\na.svs,A1,superfast,quick\n",
	} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written := time.Date(2026, 3, 1, 22, 5, 0, 0, time.UTC)
	if err := os.Chtimes(s.path("d.csv"), written, written); err != nil {
		t.Fatal(err)
	}
	s.look(t)
	got := log.String()
	for _, want := range []string{`csv="2 of 4 by path"`, `names no slides: as a worklist it needs a column called file" csv="3 of 4 by path"`, `csv="4 of 4 by path" written=2026-03-01T22:05:00Z problems=2 lines=[2]`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in the log:\n%s", want, got)
		}
	}
	if strings.Contains(got, ".csv") || strings.Contains(got, "[2 2]") || strings.Contains(got, "1 of 4") {
		t.Errorf("log: %s", got)
	}
}
