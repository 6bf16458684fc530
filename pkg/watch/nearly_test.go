package watch

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A worklist that names a slide nearly as its file is called is told so; a file that has a line of its own is no other's.
func TestNearlyNamed(t *testing.T) {
	for name, c := range map[string]struct {
		file, listed string
		want         string // the file that is pointed out, none if empty
	}{
		"case":                 {"S26-1.svs", "s26-1.SVS", "S26-1.svs"},
		"extension":            {"S26-1.tiff", "S26-1.tif", "S26-1.tiff"},
		"no extension":         {"S26-1.svs", "S26-1", "S26-1.svs"},
		"a folder is missing":  {"night/S26-1.svs", "day/S26-1.svs", "night/S26-1.svs"},
		"composed accents":     {"Mu\u0308ller.svs", "Müller.svs", "Mu\u0308ller.svs"},
		"no accents":           {"Müller.svs", "Muller.svs", "Müller.svs"},
		"a sheet in Latin-1":   {"Müller.svs", "M\xfcller.svs", "Müller.svs"},
		"spaces":               {"S26 1 A.svs", "S26-1_A.svs", "S26 1 A.svs"},
		"a folder of DICOM":    {"Case1/IM01.dcm", "case1", "Case1"},
		"another slide":        {"S26-2.svs", "S26-1.svs", ""},
		"not what it ends in":  {"S26-1.1.svs", "S26-1.2.svs", ""},
		"one that is no slide": {"S26-1.txt", "S26-1.svs", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.FromSlash(c.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{path: "x", filepath.Join(dir, "list.csv"): "file,accession\n" + c.listed + ",A1\n"} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			found, err := TakeInventory(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, nil, nil)
			if err != nil || len(found.Problems) > 0 || len(found.Missing) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			missing := found.Missing
			want := `Did you mean "` + c.want + `", which no worklist names?`
			if c.want == "" {
				want = "See whether the slide was scanned and the name is right."
			}
			if !strings.HasSuffix(missing[0].Reason, want) {
				t.Errorf("%q, want %q", missing[0].Reason, want)
			}
		})
	}
}

// Who has a line already is not meant by another one, and of many that may be none is named.
func TestNearlyNamedIsUnlisted(t *testing.T) {
	var lists worklists
	lists.sheets = map[string]sheet{"list.csv": {rows: []Row{{File: "a.svs", sheet: "list.csv"}, {File: "A.tiff", sheet: "list.csv"}}}}
	lists.index()
	lists.arrived = map[string]bool{"a.svs": true}
	for text, files := range map[string][]string{
		"See whether": {"a.svs"}, `"1/a.tif" or "b/A.scn"`: {"a.svs", "b/A.scn", "1/a.tif"}, "the name is right": {"1/a.scn", "2/a.scn", "3/a.scn", "4/a.scn"},
	} {
		missing := lists.missing(files)
		if len(missing) != 1 || !strings.Contains(missing[0].Reason, text) {
			t.Errorf("%q: %+v, want %q", files, missing, text)
		}
	}
}
