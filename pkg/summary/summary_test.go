package summary

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

var night = time.Date(2026, 11, 27, 22, 0, 0, 0, time.UTC)

// row is a slide of the night with its own id.
func row(n byte, file, state, reason string) Row {
	s := intake.Standing{Entry: intake.Entry{Slide: pyramid.SlideID{n}, File: file, Accession: fmt.Sprintf("S26-%d", n), Priority: jobs.Routine, At: night}, State: state, Reason: reason}
	if intake.Ended(state) {
		s.Ended = night.Add(time.Duration(n) * time.Minute)
	}
	return Row{Standing: s}
}

// batch is a slide of each outcome, and of some two.
func batch() []Row {
	done, empty := row(1, "done.svs", stitch.Done, ""), row(2, "empty.svs", stitch.Done, "")
	done.Run = pyramid.RunID{1}
	done.Report = &stitch.Report{Areas: &stitch.Areas{TissueMM2: 100, AnalysedMM2: 90, NotAnalysedMM2: 10, CarcinomaMM2: 9, CarcinomaFraction: 0.1}, Triage: stitch.Triage{Score: 0.7}}
	done.TargetSeconds, done.LateSeconds = 30, 30
	done.Times = &intake.Times{Waiting: 5, Tile: 10, Segment: 40, Stitch: 5, Total: 60}
	empty.Report = &stitch.Report{Areas: &stitch.Areas{}, QC: []stitch.Check{{Check: "tissue_mm2", Status: stitch.CheckWarned, Value: 0.0}}}
	missing := row(7, "never.svs", intake.Missing, "Named in line 3")
	missing.Slide, missing.At = pyramid.SlideID{}, time.Time{}
	overlooked := row(8, "overlooked.svs", intake.NotOrdered, "nobody ordered it")
	overlooked.Slide, overlooked.At = pyramid.SlideID{}, time.Time{}
	doubled := done
	doubled.File, doubled.Doubled = "twice.svs", "done.svs"
	done.Names = []string{"other.svs", "twice.svs", "scans/done.svs"} // one has a row, one is the same file
	return []Row{
		done, empty, doubled, row(3, "broken.svs", intake.Failed, "The file is damaged. (technical: directory 0)"),
		row(4, "noscale.svs", intake.Refused, "unknown scale"), row(5, "taken back.svs", intake.Cancelled, "wrong block"),
		row(6, "open.svs", string(jobs.Segment), ""), missing, overlooked,
	}
}

func written(t *testing.T, rows []Row, pictures Source) (s *Summary, html, text string) {
	t.Helper()
	s, err := New(t.Context(), rows, pictures)
	if err != nil {
		t.Fatal(err)
	}
	s.To = night.Add(10 * time.Hour)
	var h, c bytes.Buffer
	if err := errors.Join(s.WriteHTML(&h), s.WriteCSV(&c)); err != nil {
		t.Fatal(err)
	}
	return s, h.String(), c.String()
}

// Every outcome is counted once, and those that need a person come first.
func TestOutcomesAreCounted(t *testing.T) {
	s, html, _ := written(t, batch(), nil)
	if got, want := s.Count(), (Count{Done: 2, Failed: 1, Refused: 1, Missing: 1, NotOrdered: 1, Cancelled: 1, Open: 1, Late: 1, Copies: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if s.Total() != 8 || s.Count().Bad() != 4 || s.Ended() {
		t.Errorf("%d slides, %d bad, ended %v", s.Total(), s.Count().Bad(), s.Ended())
	}
	want := "8 slides and 2 copies: 2 done, 1 failed, 1 refused, 1 missing, 1 not ordered, 1 cancelled, 1 not finished; 1 late; of those done 1 no tissue found"
	if s.Headline() != want || !strings.Contains(html, want) {
		t.Errorf("headline %q, want %q", s.Headline(), want)
	}
	if one := (&Summary{Rows: s.Rows[:1]}).Headline(); !strings.HasPrefix(one, "1 slide: ") {
		t.Errorf("of one slide: %q", one)
	}
	for i, r := range s.Rows {
		if bad := r.Bad() || r.File == "empty.svs"; bad != (i < 5) || strings.Count(html, `<tr class="bad">`) != 5 {
			t.Errorf("row %d is %s (%s): those that need a person are the first five, and pointed out", i, r.File, r.State)
		}
	}
	if last := s.Rows[9]; last.State != intake.Cancelled {
		t.Errorf("the last is %s", last.State)
	}
	for _, words := range []string{"late by 30 s", "not analysed: 10.00 mm²", "done, no tissue found</td>", "Nothing was analysed: no tissue found.", "Copy of done.svs", "The file is damaged.", stitch.Notice} {
		if !strings.Contains(html, words) {
			t.Errorf("the page lacks %q", words)
		}
	}
}

// The CSV has one line per slide, with missing ones, and every line as many cells as the header.
func TestCSVHasALineForEachSlide(t *testing.T) {
	rows := batch()
	empty := rows[1].Report.QC[0]
	_, _, text := written(t, rows, nil)
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll() // refuses lines of another length
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1+len(rows)+1 { // a copy that only the order knows of
		t.Fatalf("%d lines for %d slides", len(lines)-1, len(rows))
	}
	at := map[string]int{}
	for i, name := range lines[0] {
		at[name] = i
	}
	found := map[string][]string{}
	for _, line := range lines[1:] {
		found[line[at["file"]]] = line
	}
	for _, c := range []struct{ file, column, want string }{
		{"never.svs", "state", "missing"}, {"never.svs", "slide", ""}, {"never.svs", "seconds", ""}, {"never.svs", "ordered", ""},
		{"overlooked.svs", "state", "not ordered"}, {"overlooked.svs", "slide", ""}, {"overlooked.svs", "ordered", ""},
		{"done.svs", "seconds", "60.0"}, {"done.svs", "carcinoma_fraction", "0.1"}, {"done.svs", "run", pyramid.RunID{1}.String()},
		{"done.svs", "segment_s", "40.0"}, {"done.svs", "target_s", "30"}, {"done.svs", "late_s", "30.0"},
		{"empty.svs", "state", "done"}, {"empty.svs", "carcinoma_mm2", ""}, {"empty.svs", "carcinoma_fraction", ""}, {"empty.svs", "lesions", ""}, {"empty.svs", "analysed_mm2", "0"},
		{"empty.svs", "warnings", "no tissue found | " + empty.Words()}, {"done.svs", "warnings", ""}, {"never.svs", "warnings", ""},
		{"twice.svs", "reason", "copy of done.svs"}, {"other.svs", "reason", "copy of done.svs"}, {"other.svs", "slide", pyramid.SlideID{1}.String()},
		{"twice.svs", "carcinoma_mm2", ""}, {"twice.svs", "seconds", ""}, {"other.svs", "late_s", ""},
		{"noscale.svs", "reason", "unknown scale"}, {"open.svs", "ended", ""}, {"broken.svs", "notice", stitch.Notice},
	} {
		if line, ok := found[c.file]; !ok || line[at[c.column]] != c.want {
			t.Errorf("%s of %s is %q, want %q", c.column, c.file, line[at[c.column]], c.want)
		}
	}
}

// Each column is explained, with its unit, in the order of the file.
func TestColumnsAreExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "summary.md"))
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for line := range strings.Lines(string(text)) {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |"); ok && strings.HasPrefix(line, "| `") {
			explained = append(explained, name)
			if measure := strings.Contains(name, "_mm2") || strings.HasSuffix(name, "_s"); measure && strings.HasPrefix(rest, " |") {
				t.Errorf("%s has no unit", name)
			}
		}
	}
	if !slices.Equal(explained, header) {
		t.Errorf("explained are %q, the columns are %q", explained, header)
	}
}

// What people and scanners call files stays text: no element in the page, no formula in the sheet.
func TestNamesAreText(t *testing.T) {
	names := []string{`<script>alert("x")</script>.svs`, `"><img src=x onerror=alert(1)>.svs`, "=1+1.svs", "+cmd.svs", "-2.svs", "@sum.svs", "\tx.svs"}
	var rows []Row
	for i, name := range names {
		r := row(byte(i+1), name, intake.Failed, name)
		r.Accession, r.Doubled = name, name
		rows = append(rows, r)
	}
	s, html, text := written(t, rows, nil)
	s.Problems = names[:2]
	var again bytes.Buffer
	if err := s.WriteHTML(&again); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{html, again.String()} {
		for _, bad := range []string{"<script", "<img src=x"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page has %q", bad)
			}
		}
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		for _, cell := range line[:5] {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
				t.Errorf("a spreadsheet calculates %q", cell)
			}
		}
	}
}

// The same slides make the same files, in whatever order they come.
func TestSummaryIsDeterministic(t *testing.T) {
	_, html, text := written(t, batch(), nil)
	for seed := range uint64(5) {
		rows := batch()[:6] // those that do not go on by the clock
		rows = append(rows, batch()[7:]...)
		other := append([]Row{}, rows...)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		_, a, c := written(t, rows, nil)
		_, b, d := written(t, other, nil)
		if a != b || c != d {
			t.Errorf("seed %d: another order makes other files", seed)
		}
	}
	if len(html) == 0 || len(text) == 0 {
		t.Error("nothing was written")
	}
}

// Pictures are of what is done, small, and those that cannot be had are left out.
func TestPictures(t *testing.T) {
	b := mem.New()
	img := image.NewRGBA(image.Rect(0, 0, 1000, 500))
	img.SetRGBA(3, 3, color.RGBA{200, 0, 0, 255})
	var data bytes.Buffer
	if err := png.Encode(&data, img); err != nil {
		t.Fatal(err)
	}
	rows := batch()
	key := store.Slide(rows[0].Slide).Run(rows[0].Run).Preview()
	if err := b.Put(t.Context(), key, bytes.NewReader(data.Bytes()), int64(data.Len())); err != nil {
		t.Fatal(err)
	}
	s, html, _ := written(t, rows, Previews(b))
	shown := 0
	for _, r := range s.Rows {
		if r.Picture == nil {
			continue
		}
		shown++
		config, err := jpeg.DecodeConfig(bytes.NewReader(r.Picture))
		if err != nil || config.Width != side || config.Height != side/2 || r.State != stitch.Done {
			t.Errorf("picture of %s: %v, %v", r.File, config, err)
		}
	}
	if shown != 1 || strings.Count(html, "data:image/jpeg;base64,") != 1 { // the slide, not its copies
		t.Errorf("%d pictures", shown)
	}
	for _, bad := range [][]byte{nil, []byte("no picture"), data.Bytes()[:60]} {
		if _, err := small(bad); err == nil {
			t.Errorf("%d bytes make a picture", len(bad))
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(ended, batch(), Previews(b)); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// Both files are there, whole, and nothing else; saved again they are replaced.
func TestSave(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "morning")
	s, _, _ := written(t, batch(), nil)
	for range 2 {
		html, err := s.Save(folder)
		if err != nil || html != filepath.Join(folder, "summary.html") {
			t.Fatalf("%s, %v", html, err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 || entries[0].Name() != "summary.csv" {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1.5 s", 42 * time.Second: "42 s", 59500 * time.Millisecond: "1:00 min",
		185 * time.Second: "3:05 min", 2*time.Hour + 7*time.Minute: "2:07 h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// A share is of the tissue that is not uncertain, in the words of the report, and the CSV has what was left out.
func TestShareOfWhatIsCertain(t *testing.T) {
	rows := batch()[:1]
	rows[0].Report.Areas = &stitch.Areas{TissueMM2: 0.25, AnalysedMM2: 0.25, UncertainMM2: 0.24, CarcinomaMM2: 0.03}
	_, html, text := written(t, rows, nil)
	if want := "tissue analysed (0.0 % of the 0.01 mm² that are not uncertain)"; !strings.Contains(html, want) {
		t.Errorf("the page lacks %q", want)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.Index(lines[0], "uncertain_mm2"); i < 0 || lines[1][i] != "0.24" {
		t.Errorf("uncertain_mm2 of %q: %q", lines[0], lines[1])
	}
}

// A slide that is done and was not really looked at looks in no file like a negative one, nor does its copy; the share of a
// tissue that is uncertain as a whole is none.
func TestDoneButNotLookedAt(t *testing.T) {
	blurred, unlike := batch()[0], batch()[0]
	blurred.Report = &stitch.Report{Areas: &stitch.Areas{NotAnalysedMM2: 9, NotAnalysed: stitch.NotAnalysed{BlurredMM2: 9}}}
	blurred.Names = []string{"copy.svs"}
	unlike.Report = &stitch.Report{Areas: &stitch.Areas{TissueMM2: 9, AnalysedMM2: 9, UncertainMM2: 9, CarcinomaMM2: 1}}
	unlike.Slide, unlike.Run, unlike.File, unlike.Names = pyramid.SlideID{9}, pyramid.RunID{9}, "unlike.svs", nil
	s, html, text := written(t, []Row{blurred, unlike}, nil)
	if want := "2 slides and 1 copy: 2 done, 0 failed, 0 refused; 2 late; of those done 1 all of it uncertain, 1 all out of focus"; s.Headline() != want {
		t.Errorf("headline %q, want %q", s.Headline(), want)
	}
	if n := strings.Count(html, `<tr class="bad">`); n != 3 || strings.Count(html, "done, all out of focus</td>") != 2 {
		t.Errorf("%d rows are pointed out", n)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	area, fraction, last := slices.Index(lines[0], "carcinoma_mm2"), slices.Index(lines[0], "carcinoma_fraction"), len(lines[0])-1
	for _, line := range lines[1:] {
		if line[fraction] != "" || (line[area] != "") != (line[0] == "unlike.svs") || !strings.HasPrefix(line[last], "all o") {
			t.Errorf("%s: area %q, fraction %q, %s %q", line[0], line[area], line[fraction], lines[0][last], line[last])
		}
	}
}

// On a phone each cell is a line with its heading, so each has one; and what is hidden there, the head, is all of them.
func TestCellsSayWhatTheyAre(t *testing.T) {
	_, html, _ := written(t, batch(), nil)
	rows, cells := strings.Count(html, "<tr class="), strings.Count(html, "<td")
	if labelled := strings.Count(html, " data-label=\""); rows == 0 || cells != 6*rows || labelled != cells {
		t.Errorf("%d rows, %d cells, %d of them labelled", rows, cells, labelled)
	}
	for _, want := range []string{"@media (max-width: 50rem)", "content: attr(data-label)"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// Files that were never fit for a run are no copies: the same bytes, such as none, may come of many cases.
func TestUnfitFilesAreEachCounted(t *testing.T) {
	first, second := row(9, "a.svs", intake.Failed, "The file is empty."), row(9, "b.svs", intake.Failed, "The file is empty.")
	first.Names, second.Doubled = []string{"c.svs"}, "a.svs"
	s, _, _ := written(t, []Row{first, second}, nil)
	if got := s.Count(); got != (Count{Failed: 2}) || s.Total() != 2 {
		t.Errorf("%+v of %d", got, s.Total())
	}
}

// Of copies whose names the record did not keep it is said that there are some.
func TestMoreCopiesThanNames(t *testing.T) {
	r := batch()[0]
	r.MoreNames = true
	s, html, _ := written(t, []Row{r}, nil)
	if s.Count().Copies != 3 || !strings.Contains(html, moreCopies) {
		t.Errorf("%d copies", s.Count().Copies)
	}
}

// Where a folder lists the files, a copy has one row though `run` wrote only the last part of its path down.
func TestCopiesOfAFolderAreListedOnce(t *testing.T) {
	main := batch()[0]
	main.Names = []string{"twice.svs", "elsewhere.svs"}
	doubled := main
	doubled.File, doubled.Doubled = "x/twice.svs", "done.svs"
	s, _, _ := written(t, []Row{main, doubled}, nil)
	var files []string
	for _, r := range s.Rows {
		files = append(files, r.File)
	}
	if want := []string{"done.svs", "elsewhere.svs", "x/twice.svs"}; !slices.Equal(files, want) {
		t.Errorf("%q, want %q", files, want)
	}
}
