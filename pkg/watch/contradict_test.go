package watch

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sheet writes a worklist of its own name, some minutes after the start of the test.
func (s *scanner) sheet(t *testing.T, name, text string, minutes int) {
	t.Helper()
	path := filepath.Join(s.Dir, name)
	at := sheetTime.Add(time.Duration(minutes) * time.Minute)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err = errors.Join(err, os.WriteFile(path, []byte("file,accession,priority,mpp\n"+text), 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

// Worklists that contradict each other about a file are named with both lines, in summary and inventory; the log says that
// there are some. What they agree on, and files of other folders that have the same name, are no contradiction.
func TestWorklistsContradict(t *testing.T) {
	for name, c := range map[string]struct {
		sheets map[string]string // by name
		later  string            // which of them is written last
		file   string
		want   []string
	}{
		"accession": {
			sheets: map[string]string{"a.csv": "x.png,A1,,1\n", "b.csv": "y.png,A3,,1\nx.png,A2,stat,1\n"}, later: "a.csv", file: "x.png",
			want: []string{"a.csv, line 2: line 3 of b.csv says something else of x.png, A2 and stat and 1 µm; this line counts, A1 and no priority and 1 µm, as its worklist was written last"},
		},
		"scale, written at once": {
			sheets: map[string]string{"a.csv": "x.png,A1,,1\n", "b.csv": "x.png,A1,,0.5\n"}, file: "x.png",
			want: []string{"b.csv, line 2: line 2 of a.csv says something else of x.png, A1 and no priority and 1 µm; this line counts, A1 and no priority and 0.5 µm, as its worklist comes last by its name"},
		},
		"three": {
			sheets: map[string]string{"a.csv": "x.png,A1,,1\n", "b.csv": "x.png,A2,,1\n", "c.csv": "x.png,A3,,1\n"}, file: "x.png",
			want: []string{"c.csv, line 2: line 2 of a.csv", "c.csv, line 2: line 2 of b.csv"},
		},
		"one by its folder": {
			sheets: map[string]string{"a.csv": "night/x.png,A1,,1\n", "night/b.csv": "x.png,A2,,1\n"}, later: "night/b.csv", file: "night/x.png",
			want: []string{"night/b.csv, line 2: line 2 of a.csv says something else of night/x.png"},
		},
		"both by its name alone": {
			sheets: map[string]string{"a.csv": "x.png,A1,,1\n", "night/b.csv": "x.png,A2,,1\n"}, later: "night/b.csv", file: "other/x.png",
			want: []string{"night/b.csv, line 2: line 2 of a.csv says something else of x.png"},
		},
		"agreed":  {sheets: map[string]string{"a.csv": "x.png,A1,,1\n", "b.csv": "x.png,A1,,1\n"}, file: "x.png"},
		"folders": {sheets: map[string]string{"a.csv": "x.png,A1,,1\n", "night/b.csv": "x.png,A2,,1\n"}, file: "night/x.png"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScanner(t)
			var log strings.Builder
			s.Log = slog.New(slog.NewTextHandler(&log, nil))
			for sheet, text := range c.sheets {
				minutes := 0
				if sheet == c.later {
					minutes = 1
				}
				s.sheet(t, sheet, text, minutes)
			}
			if err := os.MkdirAll(filepath.Dir(s.path(c.file)), 0o700); err != nil {
				t.Fatal(err)
			}
			s.picture(t, c.file, 1)
			s.look(t)
			begins := func(got, want string) bool { return strings.HasPrefix(got, want) }
			if got := s.SheetProblems(); !slices.EqualFunc(got, c.want, begins) {
				t.Errorf("%q", got)
			}
			found, err := TakeInventory(t.Context(), Config{Dir: s.Dir, Log: s.Log}, nil, nil)
			if err != nil || !slices.EqualFunc(found.Problems, c.want, begins) {
				t.Errorf("inventory: %q, %v", found.Problems, err)
			}
			if n := strings.Count(log.String(), "contradict each other"); n != min(len(c.want), 1) || strings.Contains(log.String(), "x.png") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}
