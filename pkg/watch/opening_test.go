package watch

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// The first line by which spreadsheets are told the separator is no header, and is believed where the lines are so.
func TestSeparatorIsTold(t *testing.T) {
	for _, text := range []string{
		"sep=;\nfile;accession;priority;mpp\nb.tiff;C-1;stat;0,25\n",
		"SEP=;\r\nfile;accession;priority;mpp\r\nb.tiff;C-1;stat;0,25\r\n",
		"\"sep=;\"\nfile;accession;priority;mpp\nb.tiff;C-1;stat;0,25\n",
		"\xef\xbb\xbfsep=;\nfile;accession;priority;mpp\nb.tiff;C-1;stat;0,25\n",
		"\xef\xbb\xbf\"sep=,\"\r\nfile,accession,priority,mpp\r\nb.tiff,C-1,stat,0.25\r\n",
		"sep=,\nfile,accession,priority,mpp\nb.tiff,C-1,stat,0.25\n",
		"sep=,,,\nfile,accession,priority,mpp\nb.tiff,C-1,stat,0.25\n",
		"sep=\t\nfile\taccession\tpriority\tmpp\nb.tiff\tC-1\tstat\t0,25\n",
		"sep=|\nfile|accession|priority|mpp\nb.tiff|C-1|stat|0,25\n",
		"sep=;\nfile;accession;priority;mpp;a,b,c,d,e\nb.tiff;C-1;stat;0,25\n", // commas are more
		"sep=;\nfile,accession,priority,mpp\nb.tiff,C-1,stat,0.25\n",           // it is not so
	} {
		rows, problems := ParseSheet([]byte(text))
		for _, p := range problems {
			if !p.Hint || p.Line != 2 {
				t.Errorf("%q: %v", text, p)
			}
		}
		if len(rows) != 1 || rows[0] != (Row{File: "b.tiff", Accession: "C-1", Priority: jobs.Stat, MPP: 0.25, Line: 3}) {
			t.Errorf("%q: %+v", text, rows)
		}
	}
	rows, problems := ParseSheet([]byte("sep=;\nfile;priority\na.svs;superfast\n"))
	if len(rows) != 1 || len(problems) != 1 || problems[0].Line != 3 {
		t.Errorf("%+v, %v", rows, problems)
	}
	for _, text := range []string{"sep=", "sep=;", "sep=;x\n", "\"sep=\"\n", "sep=a\n"} {
		if rows, problems := ParseSheet([]byte(text)); len(rows) > 0 || len(problems) > 0 {
			t.Errorf("%q: %+v, %v", text, rows, problems)
		}
	}
}

// A sheet in UTF-16, with its mark or without, is one problem of the file and no row.
func TestUTF16(t *testing.T) {
	little, big := "", ""
	for _, u := range utf16.Encode([]rune("file\tpriority\na.svs\tstat\nb.svs\tstat\n")) {
		little, big = little+string([]byte{byte(u), byte(u >> 8)}), big+string([]byte{byte(u >> 8), byte(u)})
	}
	for _, text := range []string{"\xff\xfe" + little, "\xfe\xff" + big, little, big, "\xff\xfe"} {
		rows, problems := ParseSheet([]byte(text))
		if len(rows) > 0 || len(problems) != 1 || problems[0].Line != 0 || problems[0].Hint || !strings.Contains(problems[0].Error(), `save the sheet as "CSV UTF-8"`) {
			t.Errorf("%q: %+v, %v", text, rows, problems)
		}
	}
}
