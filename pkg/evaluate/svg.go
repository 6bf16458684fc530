package evaluate

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// chart draws one square plot of the unit interval against the unit interval as SVG.
type chart struct {
	b            strings.Builder
	xMax         float64
	title        string
	xText, yText string
}

// Geometry of a chart, in SVG units.
const (
	chartSide = 260.0
	chartLeft = 46.0
	chartTop  = 26.0
)

func newChart(title, xText, yText string, xMax float64) *chart {
	c := &chart{title: title, xText: xText, yText: yText, xMax: xMax}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 330 340" width="330" height="340" role="img" aria-label="%s">`, template.HTMLEscapeString(title))
	c.text(chartLeft+chartSide/2, 15, "middle", title)
	for i := range 6 {
		v := float64(i) / 5
		x, y := c.x(v*xMax), c.y(v)
		fmt.Fprintf(&c.b, `<path d="M%.1f %.1fV%.1fM%.1f %.1fH%.1f" stroke="#ddd" fill="none"/>`, x, chartTop, chartTop+chartSide, chartLeft, y, chartLeft+chartSide)
		c.text(x, chartTop+chartSide+15, "middle", fmt.Sprintf("%.2g", v*xMax))
		c.text(chartLeft-5, y+4, "end", fmt.Sprintf("%.1f", v))
	}
	c.text(chartLeft+chartSide/2, chartTop+chartSide+33, "middle", xText)
	fmt.Fprintf(&c.b, `<text transform="translate(13 %.1f) rotate(-90)" text-anchor="middle">%s</text>`, chartTop+chartSide/2, template.HTMLEscapeString(yText))
	return c
}

func (c *chart) x(v float64) float64 { return chartLeft + chartSide*min(v/c.xMax, 1) }
func (c *chart) y(v float64) float64 { return chartTop + chartSide*(1-v) }

func (c *chart) text(x, y float64, anchor, s string) {
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, template.HTMLEscapeString(s))
}

// line joins points; points that are not numbers are left out.
func (c *chart) line(style string, points ...[2]float64) {
	d := ""
	for _, p := range points {
		if math.IsNaN(p[0]) || math.IsNaN(p[1]) {
			continue
		}
		verb := "L"
		if d == "" {
			verb = "M"
		}
		d += fmt.Sprintf("%s%.1f %.1f", verb, c.x(p[0]), c.y(p[1]))
	}
	fmt.Fprintf(&c.b, `<path d="%s" fill="none" %s/>`, d, style)
}

func (c *chart) dot(x, y, radius float64) {
	fmt.Fprintf(&c.b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="#1f77b4" fill-opacity=".6"/>`, c.x(x), c.y(y), radius)
}

func (c *chart) done() template.HTML {
	return template.HTML(c.b.String() + "</svg>") // every text in it has been escaped
}

const (
	solid  = `stroke="#1f77b4" stroke-width="2"`
	dashed = `stroke="#888" stroke-dasharray="4 4"`
)

// reliabilityChart draws what was said against what was; a dot's area grows with its pixels.
func (r *Report) reliabilityChart() template.HTML {
	c := newChart("Calibration of carcinoma", "probability said", "share that was carcinoma", 1)
	c.line(dashed, [2]float64{0, 0}, [2]float64{1, 1})
	var points [][2]float64
	most := int64(1)
	for _, b := range r.Calibration {
		most = max(most, b.Count)
	}
	for _, b := range r.Calibration {
		if b.Count > 0 {
			points = append(points, [2]float64{float64(b.Confidence), float64(b.Frequency)})
			c.dot(float64(b.Confidence), float64(b.Frequency), 2+10*math.Sqrt(float64(b.Count)/float64(most)))
		}
	}
	c.line(solid, points...)
	return c.done()
}

func (r *Report) rocChart() template.HTML {
	c := newChart("Image level: carcinoma against benign", "1 − specificity", "sensitivity", 1)
	c.line(dashed, [2]float64{0, 0}, [2]float64{1, 1})
	var points [][2]float64
	for _, p := range r.ROC {
		points = append(points, [2]float64{p.FalseRate, p.Sensitivity})
	}
	c.line(solid, points...)
	return c.done()
}

func (r *Report) frocChart() template.HTML {
	if r.FROC == nil {
		return ""
	}
	c := newChart("FROC", "false positives per slide", "sensitivity", 8)
	var points [][2]float64
	for _, p := range r.FROC.Points {
		points = append(points, [2]float64{p.FalsePositives, p.Sensitivity})
	}
	c.line(solid, points...)
	return c.done()
}
