package stitch

import (
	"fmt"
	"image"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// Areas are the sizes of everything that was found, in square millimetres. What was not analysed is in
// no denominator.
type Areas struct {
	TissueMM2   float64 `json:"tissue_mm2"`   // tissue that the tissue map found
	AnalysedMM2 float64 `json:"analysed_mm2"` // tissue that the network has seen
	// UncertainMM2 is the part of the analysed tissue that looks like nothing in training: its score is
	// not to be relied on, and it is neither positive nor negative.
	UncertainMM2   float64 `json:"uncertain_mm2"`
	NotAnalysedMM2 float64 `json:"not_analysed_mm2"` // everything that might be tissue and was not seen
	CarcinomaMM2   float64 `json:"carcinoma_mm2"`    // the mask
	// UncertainCarcinomaMM2 is the part of the mask in uncertain tissue.
	UncertainCarcinomaMM2 float64 `json:"uncertain_carcinoma_mm2"`
	// CarcinomaFraction is the share of the analysed tissue that is not uncertain, 0 if there is none.
	CarcinomaFraction float64 `json:"carcinoma_fraction"`
	// HighGradeMM2 is high-grade dysplasia outside the carcinoma mask.
	HighGradeMM2 float64     `json:"high_grade_mm2"`
	NotAnalysed  NotAnalysed `json:"not_analysed"`
}

// NotAnalysed says why something was not analysed, in square millimetres.
type NotAnalysed struct {
	PenMM2        float64 `json:"pen_mm2"`
	UnscannedMM2  float64 `json:"unscanned_mm2"`
	UnreadableMM2 float64 `json:"unreadable_mm2"`
	UnplannedMM2  float64 `json:"unplanned_mm2"` // tissue in no region of the plan
	BubbleMM2     float64 `json:"bubble_mm2"`    // below air bubbles
	BlurredMM2    float64 `json:"blurred_mm2"`   // far out of focus
}

// Why is one reason with its area.
type Why struct {
	Words string
	MM2   float64
	class int // in excluded
}

// Reasons are those with an area, in the order of the overlay's colours.
func (n NotAnalysed) Reasons() (list []Why) {
	for i, mm2 := range [len(excluded)]float64{n.UnplannedMM2, n.PenMM2, n.BubbleMM2, n.BlurredMM2, n.UnreadableMM2, n.UnscannedMM2} {
		if mm2 > 0 {
			list = append(list, Why{excluded[i].words, mm2, i})
		}
	}
	return list
}

// ground is the tissue map counted in pixels of the canvas.
type ground struct {
	tissue, pen, unscanned, unreadable, unplanned, bubble, blurred int64
}

func (g ground) notAnalysed() int64 {
	return g.pen + g.unscanned + g.unreadable + g.unplanned + g.bubble + g.blurred
}

// survey counts the tissue map, with cells at the canvas's edge clipped, and finds tissue that no
// region of the plan covers: such tissue was not analysed, whatever the plan believes.
func survey(plan *segment.Plan, tissue *segment.TissueMap, planned map[pyramid.Region]bool) (g ground) {
	canvas := plan.Frame.Size.Bounds()
	for y := range tissue.Cells.H {
		for x := range tissue.Cells.W {
			cell := image.Rect(x, y, x+1, y+1)
			cell = image.Rectangle{Min: cell.Min.Mul(segment.TissueCell), Max: cell.Max.Mul(segment.TissueCell)}.Intersect(canvas)
			n := int64(cell.Dx()) * int64(cell.Dy())
			switch tissue.Class[y*tissue.Cells.W+x] {
			case segment.Tissue:
				g.tissue += n
				g.unplanned += uncovered(plan, planned, cell)
			case segment.Pen:
				g.pen += n
			case segment.Unscanned:
				g.unscanned += n
			case segment.Unreadable:
				g.unreadable += n
			case segment.Bubble:
				g.bubble += n
			case segment.Blurred:
				g.blurred += n
			}
		}
	}
	return g
}

// uncovered is the number of pixels of r in cells of the region grid that are not planned.
func uncovered(plan *segment.Plan, planned map[pyramid.Region]bool, r image.Rectangle) (n int64) {
	grid := plan.Grid()
	cells := grid.Cover(r)
	for row := cells.Min.Y; row < cells.Max.Y; row++ {
		for col := cells.Min.X; col < cells.Max.X; col++ {
			if !planned[pyramid.Region{Col: col, Row: row}] {
				part := grid.Bounds(col, row).Intersect(r)
				n += int64(part.Dx()) * int64(part.Dy())
			}
		}
	}
	return n
}

// areas converts counts to square millimetres.
func areas(f segment.Frame, g ground, s sighted, found counts) Areas {
	mm2 := func(pixels int64) float64 { return micro(float64(pixels) * f.PixelMM2()) }
	a := Areas{
		TissueMM2:      mm2(g.tissue),
		AnalysedMM2:    mm2(g.tissue - g.unplanned),
		NotAnalysedMM2: mm2(g.notAnalysed()),
		UncertainMM2:   mm2(s.uncertain),
		CarcinomaMM2:   mm2(found.carcinoma),
		HighGradeMM2:   mm2(found.highGrade),

		UncertainCarcinomaMM2: mm2(found.doubtful),
		NotAnalysed:           NotAnalysed{mm2(g.pen), mm2(g.unscanned), mm2(g.unreadable), mm2(g.unplanned), mm2(g.bubble), mm2(g.blurred)},
	}
	if scored := g.tissue - g.unplanned - s.uncertain; scored > 0 {
		a.CarcinomaFraction = micro(float64(found.carcinoma-found.doubtful) / float64(scored))
	}
	return a
}

// counts are pixels of the canvas.
type counts struct{ carcinoma, doubtful, highGrade int64 }

// ScoredMM2 is the tissue that the carcinoma fraction is a share of.
func (a Areas) ScoredMM2() float64 { return micro(a.AnalysedMM2 - a.UncertainMM2) }

// Share says the carcinoma fraction in words, and of what it is one where that is not all that was analysed.
func (a Areas) Share() string {
	share := fmt.Sprintf("%.1f %%", 100*a.CarcinomaFraction)
	switch {
	case a.ScoredMM2() <= 0:
		return "no share: all of it uncertain"
	case a.UncertainMM2 > 0:
		return share + fmt.Sprintf(" of the %.2f mm² that are not uncertain", a.ScoredMM2())
	}
	return share
}

// micro rounds to six decimals: a square micrometre of a square millimetre, and no noise in a report.
func micro(v float64) float64 { return math.Round(v*1e6) / 1e6 }
