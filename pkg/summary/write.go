package summary

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/stitch"
)

//go:embed summary.html
var pageText string

var page = template.Must(template.New("summary").Funcs(template.FuncMap{
	"picture": func(data []byte) template.URL {
		return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data))
	},
	"late":   func(seconds float64) string { return Duration(time.Duration(seconds * float64(time.Second))) },
	"took":   func(d time.Duration) string { return Duration(d) },
	"clock":  func(t time.Time) string { return t.Local().Format("2 Jan 2006, 15:04") },
	"notice": func() string { return stitch.Notice },
	"share":  func(r *stitch.Report) string { return r.Share() },
	"mm2":    func(x float64) string { return fmt.Sprintf("%.2f mm²", x) },
	"named":  named, "plain": intake.PlainReason, "detail": intake.ReasonDetail,
	"class": func(r Row) string {
		if r.needsPerson() {
			return "bad"
		}
		return r.State
	},
	"empty":       func(r Row) bool { return r.Report != nil && r.Report.Unseen() },
	"noStatement": func(r Row) string { return r.noStatement() },
}).Parse(pageText))

// WriteHTML writes one file that needs nothing else and runs no code.
func (s *Summary) WriteHTML(w io.Writer) error { return page.Execute(w, s) }

// header names the columns of the CSV. It is a contract: add at the end.
var header = []string{
	"file", "accession", "priority", "state", "reason", "slide", "run", "ordered", "ended", "seconds",
	"tissue_mm2", "analysed_mm2", "not_analysed_mm2", "carcinoma_mm2", "carcinoma_fraction", "lesions", "triage", "notice",
	"waiting_s", "tile_s", "segment_s", "stitch_s", "target_s", "late_s",
	"uncertain_mm2", // carcinoma_fraction is a share of analysed_mm2 without it
	"warnings",
}

// betweenWarnings stands in no warning.
const betweenWarnings = " | "

// WriteCSV writes a line per file. What was found stands in the line of the slide, not in those of its copies, so that sums
// over the lines are right.
func (s *Summary) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	for i := range s.Rows {
		if err := out.Write(s.Rows[i].cells()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (r *Row) cells() []string {
	run, reason := "", r.Reason
	if r.State == stitch.Done {
		run = r.Run.String()
	}
	if r.Doubled != "" {
		reason = strings.TrimPrefix(reason+"; copy of "+r.Doubled, "; ")
	}
	slide, seconds := "", ""
	if named(*r) {
		slide = r.Slide.String()
	}
	if !r.At.IsZero() && !r.Copy() {
		seconds = fmt.Sprintf("%.1f", r.Took().Seconds())
	}
	cells := []string{
		safe(r.File), safe(r.Accession), string(r.Priority), r.State, safe(reason), slide, run,
		stamp(r.At), stamp(r.Ended), seconds,
	}
	cells = append(append(cells, r.found()...), stitch.Notice)
	cells = append(cells, r.turnaround()...)
	uncertain := ""
	if r.measured() {
		uncertain = number(r.Report.UncertainMM2)
	}
	return append(cells, uncertain, strings.Join(r.warnings(), betweenWarnings))
}

// measured reports whether the row has areas: those of a copy stand in the row of its slide.
func (r *Row) measured() bool { return r.Report != nil && r.Report.Areas != nil && !r.Copy() }

// found is what was found, from the tissue to the triage. Where a run is no statement on its slide there is no share, and
// no 0 that would say that carcinoma was looked for; what was found all the same stands there.
func (r *Row) found() []string {
	cells := make([]string, 7)
	if !r.measured() {
		return cells
	}
	p, none := r.Report, r.noStatement() != ""
	cells[0], cells[1], cells[2], cells[6] = number(p.TissueMM2), number(p.AnalysedMM2), number(p.NotAnalysedMM2), number(p.Triage.Score)
	if !none || p.CarcinomaMM2 > 0 {
		cells[3], cells[5] = number(p.CarcinomaMM2), fmt.Sprint(len(p.Lesions))
	}
	if !none {
		cells[4] = number(p.CarcinomaFraction)
	}
	return cells
}

// turnaround is where the slide's time went, and how far it was beyond its target.
func (r *Row) turnaround() []string {
	cells := make([]string, 6)
	if r.Copy() {
		return cells
	}
	if t := r.Times; t != nil && !r.At.IsZero() {
		for i, x := range []float64{t.Waiting, t.Tile, t.Segment, t.Stitch} {
			cells[i] = fmt.Sprintf("%.1f", x)
		}
	}
	if r.TargetSeconds > 0 {
		cells[4], cells[5] = fmt.Sprintf("%.0f", r.TargetSeconds), fmt.Sprintf("%.1f", r.LateSeconds)
	}
	return cells
}

// named reports whether there is an id: a slide that nobody could read has none.
func named(r Row) bool { return r.Slide != ([12]byte{}) }

func number(x float64) string { return fmt.Sprintf("%.4g", x) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// safe keeps a spreadsheet from taking a file's name for a formula.
func safe(text string) string {
	if strings.ContainsAny(text[:min(len(text), 1)], "=+-@\t\r") {
		return "'" + text
	}
	return text
}

// Duration says how long in words of the terminal: 42 s, 3:05 min, 2:07 h.
func Duration(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d min", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d h", s/3600, s/60%60)
}

// Headline is the summary in one line.
func (s *Summary) Headline() string {
	c := s.Count()
	slides := "slides"
	if s.Total() == 1 {
		slides = "slide"
	}
	switch {
	case c.Copies == 1:
		slides += " and 1 copy"
	case c.Copies > 1:
		slides += fmt.Sprintf(" and %d copies", c.Copies)
	}
	text := fmt.Sprintf("%d %s: %d done, %d failed, %d refused", s.Total(), slides, c.Done, c.Failed, c.Refused)
	if c.Missing > 0 {
		text += fmt.Sprintf(", %d missing", c.Missing)
	}
	if c.NotOrdered > 0 {
		text += fmt.Sprintf(", %d not ordered", c.NotOrdered)
	}
	if c.Cancelled > 0 {
		text += fmt.Sprintf(", %d cancelled", c.Cancelled)
	}
	if c.Open > 0 {
		text += fmt.Sprintf(", %d not finished", c.Open)
	}
	if c.Replaced > 0 {
		text += fmt.Sprintf("; %d replaced by another file", c.Replaced)
	}
	if c.Late > 0 {
		text += fmt.Sprintf("; %d late", c.Late)
	}
	var reasons []string
	for i := range s.Rows {
		if !s.Rows[i].Copy() {
			reasons = append(reasons, s.Rows[i].noStatement())
		}
	}
	return text + OfThoseDone(reasons)
}

// OfThoseDone ends a line that counts slides with those that are done and were not really looked at, by the reason.
// Empty reasons are of the others.
func OfThoseDone(reasons []string) string {
	counts := map[string]int{}
	for _, reason := range reasons {
		counts[reason]++
	}
	delete(counts, "")
	if len(counts) == 0 {
		return ""
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	return "; of those done " + strings.Join(parts, ", ")
}

// Save writes summary.html and summary.csv into a folder; each appears whole.
func (s *Summary) Save(folder string) (html string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("summary: %w", err)
	}
	html = filepath.Join(folder, "summary.html")
	return html, errors.Join(save(html, s.WriteHTML), save(filepath.Join(folder, "summary.csv"), s.WriteCSV))
}

// save writes a file with the rights that the umask leaves: it names patients' files, and who may read those is not
// decided here.
func save(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".summary-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("summary: %w", err), os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// Ended reports whether every slide has ended.
func (s *Summary) Ended() bool { return s.Count().Open == 0 }
