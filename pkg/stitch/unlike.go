package stitch

import (
	"fmt"
	"image"
	"slices"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
)

// unlike says of every cell of the canvas how far it lies from the model's training images, as the
// region files say it. Tissue beyond the limit is uncertain: it was seen, but its score is not to be
// relied on. It stays in mask, probability and lesions, because a finding must never be silenced by a
// doubt; it is drawn apart, counted apart, and no denominator holds it.
//
// # Memory
//
// A byte per cell, as the tissue map. Regions fill cells of their own, so they may do it at once.
type unlike struct {
	segment.TissueMap // for its geometry
	level             []uint8
}

func newUnlike(plan *segment.Plan) *unlike {
	m := segment.NewTissueMap(plan.Frame.Size)
	return &unlike{*m, make([]uint8, len(m.Class))}
}

// take keeps what a region says.
func (u *unlike) take(plan *segment.Plan, m *segment.RegionMap) {
	cells := segment.Cells(m.Size)
	at := plan.Grid().Bounds(m.Region.Col, m.Region.Row).Min.Div(segment.TissueCell)
	for y := range cells.H {
		copy(u.level[(at.Y+y)*u.Cells.W+at.X:], m.Unlike[y*cells.W:(y+1)*cells.W])
	}
}

// at reports whether the cell that holds canvas pixel (x, y) is uncertain.
func (u *unlike) at(x, y int) bool {
	return u.level[y/segment.TissueCell*u.Cells.W+x/segment.TissueCell] > fingerprint.Unlike
}

// doubtful counts the uncertain pixels of a row that are at least the cut; the first lies at (x, y). Regions begin and
// cells are at multiples of eight, so eight pixels are of one cell.
func (u *unlike) doubtful(x, y int, row []uint8, cut uint8) (n int64) {
	for ; len(row) >= 8; x, row = x+8, row[8:] {
		if on := bytewise.AtLeast(bytewise.Load(row), cut); on != 0 && u.at(x, y) {
			n += int64(bytewise.Count(on))
		}
	}
	for i, v := range row {
		if v >= cut && u.at(x+i, y) {
			n++
		}
	}
	return n
}

// marked counts the uncertain pixels of a stretch of row y, in squares of step canvas pixels, for the
// outlines. A square is as uncertain as its first pixel.
func (u *unlike) marked(step int) func(y, start, end int) int64 {
	return func(y, start, end int) (n int64) {
		for x := start; x < end; x++ {
			if u.at(x*step, y*step) {
				n++
			}
		}
		return n
	}
}

// sighted is the tissue counted by what is known of its likeness.
type sighted struct {
	tissue, judged, uncertain int64   // pixels
	median                    float64 // distance of the judged tissue, in limits
}

// sight counts the tissue that was planned. Nothing is known of tissue outside the plan.
func (u *unlike) sight(tissue *segment.TissueMap, canvas image.Rectangle) (s sighted) {
	var pixels [256]int64
	for i, class := range tissue.Class {
		if class != segment.Tissue {
			continue
		}
		at := image.Pt(i%u.Cells.W, i/u.Cells.W).Mul(segment.TissueCell)
		cell := image.Rectangle{Min: at, Max: at.Add(image.Pt(segment.TissueCell, segment.TissueCell))}.Intersect(canvas)
		pixels[u.level[i]] += int64(cell.Dx()) * int64(cell.Dy())
	}
	for level, n := range pixels {
		s.tissue += n
		if level > 0 {
			s.judged += n
		}
		if level > fingerprint.Unlike {
			s.uncertain += n
		}
	}
	var below int64
	for level := 1; level < len(pixels) && s.judged > 0; level++ {
		if below += pixels[level]; 2*below >= s.judged {
			s.median = float64(level) / fingerprint.Unlike
			break
		}
	}
	return s
}

// The shares of unlike tissue from which on a slide is to be read with care, and from which on it is
// another kind of slide. Among the training patches the share is a hundredth.
const (
	careShare    = 0.05
	foreignShare = 0.5
)

// Unlike is what stands wherever a slide lies outside.
const Unlike = "stain and texture unlike the training images: read with care"

// The names of the checks.
const (
	checkUnlikeShare = "tissue_unlike_training_share"
	checkDistance    = "distance_from_training"
)

// checks are the lines of quality control on likeness.
func (s sighted) checks() []Check {
	switch {
	case s.tissue == 0:
		return nil
	case s.judged == 0:
		return []Check{{Check: checkUnlikeShare, Status: CheckWarned, Value: "not known: the model carries no fingerprint of its training images, or there is too little tissue"}}
	}
	share := float64(s.uncertain) / float64(s.judged)
	status := CheckPassed
	switch {
	case share > foreignShare:
		status = CheckFailed
	case share > careShare:
		status = CheckWarned
	}
	return []Check{
		{Check: checkUnlikeShare, Status: status, Value: micro(share)},
		{Check: checkDistance, Status: status, Value: s.distance(status)},
	}
}

// distance says in words how far the tissue lies.
func (s sighted) distance(status string) string {
	text := fmt.Sprintf("median distance %.2f, where 1 is the limit", s.median)
	if status != CheckPassed {
		text += "; " + Unlike
	}
	return text
}

// unlikeTraining reports whether a check says that the slide lies outside.
func unlikeTraining(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.Check == checkDistance && c.Status != CheckPassed })
}
