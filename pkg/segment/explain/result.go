package explain

import (
	"cmp"
	"encoding/json"
	"image"
	"io"
	"math"
	"runtime"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// notice is on every result.
const notice = "For research use only. Not for use in diagnostic procedures."

// Explanation is what drove a score.
type Explanation struct {
	Use             string
	Method          Method
	Steps           int // of Saliency
	Patch           int
	MPP             float64
	Model           segment.ModelRef
	Class           string
	LogOdds         float64 // mean over the window
	Probability     float64 // that this is
	BaselineLogOdds float64 // of the mean colour everywhere
	Baseline        [3]uint8
	Columns, Rows   int
	Grid            []float64 // contribution of each part to the log-odds, row by row
	Canvas          Canvas
	order           []int // parts, the largest contribution first
	inside          float64
}

// threads is how many a pass uses; the result does not depend on it.
func threads() int { return runtime.GOMAXPROCS(0) }

func (e *Explanation) grid(size pyramid.Size) {
	e.Columns, e.Rows = pyramid.CeilDiv(size.W, e.Patch), pyramid.CeilDiv(size.H, e.Patch)
	e.Grid = make([]float64, e.Columns*e.Rows)
}

// rect is part i, in pixels of the canvas.
func (e *Explanation) rect(i int) image.Rectangle {
	at := image.Pt(i%e.Columns*e.Patch, i/e.Columns*e.Patch)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(e.Patch, e.Patch))}.Intersect(e.Canvas.Image.Rect)
}

// finish orders the parts and adds up.
func (e *Explanation) finish() {
	all := 0.0
	for i, v := range e.Grid {
		e.order = append(e.order, i)
		all += math.Abs(v)
		if e.rect(i).Overlaps(e.Canvas.Window) {
			e.inside += math.Abs(v)
		}
	}
	if all > 0 {
		e.inside /= all
	}
	slices.SortStableFunc(e.order, func(a, b int) int { return cmp.Compare(e.Grid[b], e.Grid[a]) })
}

// Top lists the parts that raised the score most, as rectangles of the canvas, the largest first.
func (e *Explanation) Top(n int) (parts []image.Rectangle) {
	for _, i := range e.order[:min(n, len(e.order))] {
		parts = append(parts, e.rect(i))
	}
	return parts
}

// part is one part in the file.
type part struct {
	Box          [4]float64 `json:"bbox"` // level-0 pixels: x0, y0, x1, y1
	Contribution float64    `json:"contribution"`
}

// listed is how many parts the file names at either end.
const listed = 20

// WriteJSON writes the numbers. Coordinates are level-0 pixels, contributions are in log-odds.
func (e *Explanation) WriteJSON(w io.Writer) error {
	parts := func(order []int, sign float64) []part {
		list := []part{}
		for _, i := range order[:min(listed, len(order))] {
			if v := e.Grid[i]; v*sign > 0 {
				list = append(list, part{e.box(e.rect(i)), round(v)})
			}
		}
		return list
	}
	lowest := slices.Clone(e.order)
	slices.Reverse(lowest)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{
		"notice": e.Use, "method": e.Method, "steps": e.Steps, "class": e.Class, "model": e.Model, "mpp": e.MPP,
		"window": e.box(e.Canvas.Window), "canvas": e.box(e.Canvas.Image.Rect), "patch_um": round(float64(e.Patch) * e.MPP),
		"log_odds": round(e.LogOdds), "probability": round(e.Probability), "baseline_log_odds": round(e.BaselineLogOdds),
		"baseline_colour":     [3]int{int(e.Baseline[0]), int(e.Baseline[1]), int(e.Baseline[2])},
		"share_inside_window": round(e.inside), "raised_most": parts(e.order, 1), "lowered_most": parts(lowest, -1),
	})
}

// box is a rectangle of the canvas on the slide.
func (e *Explanation) box(r image.Rectangle) [4]float64 {
	p := e.Canvas.Place
	return [4]float64{
		round(p.X + float64(r.Min.X)*p.Step), round(p.Y + float64(r.Min.Y)*p.Step),
		round(p.X + float64(r.Max.X)*p.Step), round(p.Y + float64(r.Max.Y)*p.Step),
	}
}

// round keeps six decimals, so that equal results are equal text.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }
