package evaluate

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

// Comparison is two models on the same data, for files and for people.
type Comparison struct {
	Notice      string       `json:"notice"`
	Verdict     string       `json:"verdict"` // one sentence
	Better      string       `json:"better"`  // "a", "b" or "": the data cannot tell
	Primary     string       `json:"primary"` // the figure that the verdict is about, chosen beforehand
	A           Record       `json:"a"`
	B           Record       `json:"b"`
	Scheme      Scheme       `json:"scheme"`
	Bootstrap   Bootstrap    `json:"bootstrap"`
	Images      int          `json:"images"`
	Patients    int          `json:"patients"`
	Differences []Difference `json:"differences"`
}

// CompareOptions say what is compared.
type CompareOptions struct {
	A, B      Record
	Bootstrap Bootstrap
	Primary   string // key of the figure that decides; "" means "dice"
}

// NewComparison compares two models and says which is better, or that the data cannot tell. One figure
// decides, named before looking; the others come with p-values corrected for their number.
func (s Scheme) NewComparison(a, b []*Summary, o CompareOptions) (*Comparison, error) {
	diffs, err := s.Compare(a, b, o.Bootstrap)
	if err != nil {
		return nil, err
	}
	c := &Comparison{
		Notice: notice, Primary: o.Primary, A: o.A, B: o.B, Scheme: s, Bootstrap: o.Bootstrap.orDefault(),
		Images: len(a), Patients: len(byPatient(a, len(s.Classes))), Differences: diffs,
	}
	if c.Primary == "" {
		c.Primary = "dice"
	}
	for i := range diffs {
		if diffs[i].Key == c.Primary {
			c.judge(&diffs[i])
			return c, nil
		}
	}
	return nil, fmt.Errorf("figure %q: want one of %s", c.Primary, strings.Join(Keys(), ", "))
}

// Keys are the keys of all figures.
func Keys() (keys []string) {
	for _, k := range kinds() {
		keys = append(keys, k.key)
	}
	return keys
}

// judge words the verdict. Interval and test must agree, so that neither alone decides.
func (c *Comparison) judge(d *Difference) {
	what := fmt.Sprintf("%s: A %s, B %s, difference %s, p = %.3g, %s",
		d.Label, number(d.A), number(d.B), span(d.Delta), float64(d.P), counted(c.Patients, "patient"))
	if math.IsNaN(float64(d.Delta.Value)) {
		c.Verdict = fmt.Sprintf("The data cannot tell: they do not give %q for both models.", d.Label)
		return
	}
	if d.P < significance {
		c.Better = d.leader()
	}
	switch {
	case c.Better == "":
		c.Verdict = fmt.Sprintf("The data cannot tell which model is better (%s).", what)
	default:
		c.Verdict = fmt.Sprintf("Model %s is better (%s).", strings.ToUpper(c.Better), what)
	}
}

// span is a difference with its interval; signs would be lost among dashes.
func span(i Interval) string {
	return fmt.Sprintf("%+.4f (%+.4f to %+.4f)", float64(i.Value), float64(i.Low), float64(i.High))
}

// WriteJSON writes the whole comparison.
func (c *Comparison) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(c)
}

// counted is a number of things in words.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WriteText writes a table for the terminal.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "A  %s  %.12s\nB  %s  %.12s\n%s of %s; intervals and tests by patient; research use only\n\n",
		c.A.Model, c.A.ModelSHA256, c.B.Model, c.B.ModelSHA256, counted(c.Images, "image"), counted(c.Patients, "patient"))
	fmt.Fprintf(&b, "%-48s %8s %8s  %-28s %8s %8s\n", "", "A", "B", "B − A (95 %)", "p", "p (Holm)")
	for i := range c.Differences {
		d := &c.Differences[i]
		if math.IsNaN(float64(d.Delta.Value)) {
			continue
		}
		better := ""
		if d.Better() != "" {
			better = "  " + strings.ToUpper(d.Better())
		}
		fmt.Fprintf(&b, "%-48s %8s %8s  %-28s %8.4f %8.4f%s\n", d.Label, number(d.A), number(d.B), span(d.Delta), float64(d.P), float64(d.Holm), better)
	}
	fmt.Fprintf(&b, "\n%s\n", c.Verdict)
	_, err := io.WriteString(w, b.String())
	return err
}

//go:embed comparison.html
var comparisonPage string

// WriteHTML writes the comparison as one self-contained page.
func (c *Comparison) WriteHTML(w io.Writer) error {
	t, err := template.New("comparison").Funcs(template.FuncMap{
		"number": number, "interval": span, "upper": strings.ToUpper,
		"known":  func(d Difference) bool { return !math.IsNaN(float64(d.Delta.Value)) },
		"better": func(d Difference) string { return strings.ToUpper(d.Better()) },
	}).Parse(comparisonPage)
	if err != nil {
		return fmt.Errorf("comparison page: %w", err)
	}
	return t.Execute(w, c)
}
