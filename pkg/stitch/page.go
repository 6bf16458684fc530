package stitch

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"image"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

//go:embed page.html
var pageFiles embed.FS

// shownLesions is the length of the page's table; report.json has them all.
const shownLesions = 50

// markedLesions is how many lesions get their name on the picture.
const markedLesions = 12

// page is what page.html shows: the report and its pictures, nothing from outside, no script.
type page struct {
	Report        *Report
	Plain, Marked template.URL
	Picture       pyramid.Size
	Tone          string
	Shown         []Lesion
	Hidden        int
	Marks         []mark
	Bar           scaleBar
	Tissue        string
}

// mark is a lesion's name on the picture, in percent of its sides.
type mark struct {
	Name string
	X, Y string
}

// scaleBar is a round length of at most a fifth of the picture's width.
type scaleBar struct {
	Percent string
	Label   string
}

// renderPage writes the report as one self-contained page.
func renderPage(r *Report, pic picture) ([]byte, error) {
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"mm2": mm2, "percent": percent, "millimetres": millimetres, "value": value, "plain": plainName,
	}).ParseFS(pageFiles, "page.html")
	if err != nil {
		return nil, fmt.Errorf("page template: %w", err)
	}
	p, err := newPage(r, pic)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := t.Execute(&buf, p); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	return buf.Bytes(), nil
}

func newPage(r *Report, pic picture) (*page, error) {
	plain, err := encodeJPEG(pic.plain)
	if err != nil {
		return nil, err
	}
	marked, err := encodeJPEG(pic.marked)
	if err != nil {
		return nil, err
	}
	bounds := pic.plain.Bounds()
	p := &page{
		Report: r, Plain: jpegURL(plain), Marked: jpegURL(marked),
		Picture: pyramid.Size{W: bounds.Dx(), H: bounds.Dy()},
		Tone:    tone(r), Marks: marks(r, pic), Bar: newScaleBar(r),
		Shown: r.Lesions[:min(shownLesions, len(r.Lesions))], Tissue: flatten(r.Run.Parameters.Tissue),
	}
	p.Hidden = len(r.Lesions) - len(p.Shown)
	return p, nil
}

// jpegURL is safe: it holds nothing but base64 of our own encoder's bytes.
func jpegURL(data []byte) template.URL {
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data))
}

// Swatch is the reason as the overlay draws it, for a style attribute. It is safe: numbers of our own table.
func (w Why) Swatch() template.CSS {
	a, b := stripe, excluded[w.class].colour
	return template.CSS(fmt.Sprintf("background:repeating-linear-gradient(135deg,%s 0 4px,%s 4px 8px)", css(a), css(b)))
}

func css(c rgba) string {
	return fmt.Sprintf("rgba(%d,%d,%d,%.2f)", c[0], c[1], c[2], float64(c[3])/255)
}

func tone(r *Report) string {
	switch {
	case len(r.Lesions) > 0 || r.Foci() > 0:
		return "found"
	case r.NotAnalysedMM2 > 0 || worst(r.QC) > 0:
		return "warned"
	}
	return ""
}

// marks puts each lesion's name on the pixel of the mask that is nearest to the middle of its box: the
// middle of a crescent lies outside it.
func marks(r *Report, pic picture) (list []mark) {
	size := pic.plain.Bounds().Size()
	perX, perY := float64(size.X)/float64(r.Slide.Width), float64(size.Y)/float64(r.Slide.Height)
	for _, l := range r.Lesions[:min(markedLesions, len(r.Lesions))] {
		box := image.Rect(int(float64(l.BBox[0])*perX), int(float64(l.BBox[1])*perY), int(float64(l.BBox[2])*perX)+1, int(float64(l.BBox[3])*perY)+1)
		p := pic.nearest(box)
		list = append(list, mark{
			Name: l.Name,
			X:    fmt.Sprintf("%.2f", 100*(float64(p.X)+0.5)/float64(size.X)),
			Y:    fmt.Sprintf("%.2f", 100*(float64(p.Y)+0.5)/float64(size.Y)),
		})
	}
	return list
}

func newScaleBar(r *Report) scaleBar {
	width := float64(r.Slide.Width) * r.Slide.MPP // µm
	best := 1.0
	for decade := 1.0; decade <= 1e6; decade *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			if l := digit * decade; l <= width/5 {
				best = l
			}
		}
	}
	return scaleBar{fmt.Sprintf("%.3f", 100*best/width), micrometres(best)}
}

func micrometres(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f mm", v/1000)
	}
	return fmt.Sprintf("%.0f µm", v)
}

// value shows a check's value as a person would write it.
func value(c Check) string {
	switch v := c.Value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		if strings.HasSuffix(c.Check, "_share") {
			return percent(v)
		}
		return fmt.Sprintf("%.4g", v)
	}
	out, err := json.Marshal(c.Value)
	if err != nil {
		return fmt.Sprint(c.Value)
	}
	return string(out)
}

// flatten writes JSON of any depth as one line of names and values, in their order, for a table. What
// is not JSON ends the line.
func flatten(raw json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	var parts []string
	for name := ""; ; {
		token, err := dec.Token()
		if err != nil {
			return strings.Join(parts, " · ")
		}
		switch _, delim := token.(json.Delim); {
		case delim && token == json.Delim('['):
			parts = append(parts, plainName(name)+" "+array(dec))
			name = ""
		case delim:
			name = "" // an object: its members follow under their own names
		case name == "":
			name = fmt.Sprint(token)
		default:
			parts = append(parts, plainName(name)+" "+fmt.Sprint(token))
			name = ""
		}
	}
}

// array reads the rest of an array.
func array(dec *json.Decoder) string {
	var items []string
	for dec.More() {
		var item any
		if err := dec.Decode(&item); err != nil {
			break
		}
		items = append(items, fmt.Sprint(item))
	}
	if _, err := dec.Token(); err != nil {
		items = append(items, "…")
	}
	return strings.Join(items, ", ")
}
