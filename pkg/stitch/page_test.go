package stitch

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// TestPage: the page stands alone, says what it is, and shows what the report holds.
func TestPage(t *testing.T) {
	w := blobs(tiny, 61)
	b, p, r := w.stitched(t, 128, 1)
	page := string(read(t, b, store.Slide(p.Slide).Run(p.Run).ReportHTML()))
	for _, want := range []string{
		Notice, r.Slide.SHA256, r.Run.Model.SHA256, segment.OwnEngine, r.SHA256.Mask, r.SHA256.Probability, r.Run.ID,
		mm2(r.CarcinomaMM2), percent(r.CarcinomaFraction), mm2(r.AnalysedMM2), mm2(r.NotAnalysedMM2),
		"not analysed: pen on the glass", "rgba(70,200,90,0.59)", "not analysed: not scanned", "regions proved", "class=\"bar\"", ">L1<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if links := regexp.MustCompile(`(src|href|url)\s*[=(]\s*["']?(https?:|//)`).FindString(page); links != "" || strings.Contains(page, "<script") {
		t.Errorf("the page does not stand alone: %q", links)
	}
}

// TestPageEscapes: what comes from a file or a model is text, never markup.
func TestPageEscapes(t *testing.T) {
	w := blobs(tiny, 62)
	_, _, r := w.stitched(t, 256, 1)
	evil := `<script>alert(1)</script>`
	r.Slide.Vendor, r.Run.Model.Name, r.Run.Software = evil, evil, evil
	r.QC = append(r.QC, Check{Check: evil, Status: evil, Value: map[string]any{"a": evil}, Said: evil})
	r.Run.Parameters.Tissue = []byte(`{"a":"` + evil + `"}`)
	blank := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	page, err := renderPage(r, picture{blank, blank, make([]bool, 64)})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<script")) {
		t.Error("markup got through")
	}
}

func TestScaleBar(t *testing.T) {
	for _, c := range []struct {
		width int
		mpp   float64
		want  scaleBar
	}{
		{2220, 0.499, scaleBar{"18.054", "200 µm"}},
		{100000, 0.25, scaleBar{"20.000", "5 mm"}},
		{40, 0.25, scaleBar{"20.000", "2 µm"}},
		{1, 0.05, scaleBar{"2000.000", "1 µm"}}, // nothing round fits; nobody looks at one pixel
	} {
		r := &Report{Slide: SlideInfo{Width: c.width, MPP: c.mpp}}
		if got := newScaleBar(r); got != c.want {
			t.Errorf("%d pixels of %g: %+v, want %+v", c.width, c.mpp, got, c.want)
		}
	}
}

func TestFlatten(t *testing.T) {
	for raw, want := range map[string]string{
		`{"summary":{"white_min":195,"white":[245,243,243]},"tissue_mm2":0.9,"estimated":true,"of":{}}`: "white min 195 · white 245, 243, 243 · tissue (mm²) 0.9 · estimated true",
		`{}`: "", ``: "", `{"a":`: "", `{"a":[1,`: "a 1, …",
	} {
		if got := flatten([]byte(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// TestViewersLegend: the viewer's style sheet and script show the reasons in the overlay's colours and words.
func TestViewersLegend(t *testing.T) {
	web := filepath.Join("..", "viewer", "web")
	style, err := os.ReadFile(filepath.Join(web, "style.css"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(web, "slide.js"))
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(style), "(.", "(0.")
	plain = strings.ReplaceAll(plain, ",.", ",0.")
	if !strings.Contains(plain, css(stripe)) {
		t.Errorf("the style sheet lacks the stripe %s", css(stripe))
	}
	for _, e := range excluded {
		if want := fmt.Sprintf(".%s { --why: %s; }", e.class, css(e.colour)); !strings.Contains(plain, want) {
			t.Errorf("the style sheet lacks %q", want)
		}
		if want := fmt.Sprintf("%s: %q", e.class, e.words); !strings.Contains(string(script), want) {
			t.Errorf("the script lacks %q", want)
		}
	}
}
