package evaluate

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
)

//go:embed report.html
var page string

// WriteHTML writes the report as one self-contained page.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"number": number, "interval": interval, "percent": percentText,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("report page: %w", err)
	}
	return t.Execute(w, struct {
		*Report
		Kinds                   []labelled
		Reliability, ROCs, FROC template.HTML
	}{r, r.labelled(r.Figures), r.reliabilityChart(), r.rocChart(), r.frocChart()})
}

// labelled is a figure with its name for people.
type labelled struct {
	Key, Label string
	Interval   Interval
}

// labelled puts figures in the order of the table and leaves out those that nobody could compute.
func (r *Report) labelled(figures map[string]Interval) []labelled {
	var all []labelled
	for _, k := range kinds() {
		i := figures[k.key]
		if math.IsNaN(float64(i.Value)) {
			continue
		}
		label := k.label
		if k.key == "hd95" {
			label += ", " + r.BoundaryIn
		}
		all = append(all, labelled{k.key, label, i})
	}
	return all
}

func number(n Number) string {
	if math.IsNaN(float64(n)) {
		return "–"
	}
	return fmt.Sprintf("%.3f", float64(n))
}

func percentText(v Number) string {
	if math.IsNaN(float64(v)) {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(v))
}

func interval(i Interval) string {
	if math.IsNaN(float64(i.Value)) {
		return "–"
	}
	digits := 3
	switch v := math.Abs(float64(i.Value)); {
	case v >= 10:
		digits = 1
	case v < 0.01:
		digits = 5
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, float64(i.Value), digits, float64(i.Low), digits, float64(i.High))
}
