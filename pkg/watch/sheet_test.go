package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	if len(rows) != 2 || len(problems) != 2 {
		t.Errorf("%+v, %v", rows, problems)
	}
}

// FuzzParseSheet: any bytes end in rows that intake takes, or in problems.
func FuzzParseSheet(f *testing.F) {
	f.Add([]byte("file;accession;mpp\na.svs;A1;0,25\n"))
	f.Add([]byte("file,mpp\na.svs,nan\n"))
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
