package stitch

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch/contour"
)

// minLesionMM2 is the size from which on a component is a lesion with a line of its own: a disc of
// 80 µm, one gland. Smaller components stay in mask, contours and areas as foci.
const minLesionMM2 = 0.005

// outline is a component of the mask on its way to report and contours.
type outline struct {
	contour.Component
	Lesion
	lesion bool // large enough
}

// rule turns components into outlines.
type rule struct {
	frame segment.Frame
	run   pyramid.RunID
	step  int // mask pixels per pixel of the component
	edges edges
}

func newRule(p *segment.Plan, step int) rule {
	return rule{p.Frame, p.Run, step, newEdges(p.Frame, step)}
}

// pixelMM2 is the area of one pixel of the component.
func (r rule) pixelMM2() float64 { return r.frame.PixelMM2() * float64(r.step) * float64(r.step) }

func (r rule) outline(c contour.Component) outline {
	area := float64(c.Area) * r.pixelMM2()
	o := outline{Component: c, lesion: area >= minLesionMM2}
	o.Lesion = Lesion{
		ID:              lesionID(r.run, c.Anchor.Mul(r.step)),
		AreaMM2:         micro(area),
		LongestMM:       micro(c.Shell.Longest() * r.frame.Model * float64(r.step) / 1000),
		MeanProbability: micro(float64(c.Sum) / 255 / float64(c.Area)),
		MaxProbability:  micro(float64(c.Max) / 255),
		Uncertain:       micro(float64(c.Marked) / float64(c.Area)),
		BBox:            r.edges.box(c.Bounds),
	}
	return o
}

// rank puts the outlines in the order of their relevance and names the lesions. Relevance is the area
// weighted by probability: large and certain comes first. Equal ones keep the order of their place.
func rank(list []outline) {
	slices.SortFunc(list, func(a, b outline) int {
		return cmp.Or(cmp.Compare(b.Sum, a.Sum), cmp.Compare(a.Anchor.Y, b.Anchor.Y), cmp.Compare(a.Anchor.X, b.Anchor.X))
	})
	slices.SortStableFunc(list, func(a, b outline) int { return cmp.Compare(b2i(b.lesion), b2i(a.lesion)) })
	for i := range list {
		if list[i].lesion {
			list[i].Name = fmt.Sprintf("L%d", i+1)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lesionID is a UUID of version 5 (RFC 9562 §5.5) in a name space of this program, over run and first
// pixel: the same run names the same lesion alike, whoever computes it.
func lesionID(run pyramid.RunID, anchor image.Point) string {
	space := []byte("slidemill/lesion")
	sum := sha1.Sum(fmt.Appendf(space, "/%s/%d/%d", run, anchor.X, anchor.Y))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// edges maps corners of mask pixels to level-0 pixels, on a grid of a hundredth as QuPath does. The
// map is strictly increasing along each axis as long as a mask pixel is at least 0.02 level-0 pixels
// wide, so what did not touch before does not touch after.
type edges struct {
	frame segment.Frame
	step  int
}

func newEdges(f segment.Frame, step int) edges { return edges{f, step} }

func (e edges) point(p image.Point) [2]float64 {
	return [2]float64{
		snap(p.X*e.step, e.frame.StepX(), e.frame.Size.W, e.frame.Slide.W),
		snap(p.Y*e.step, e.frame.StepY(), e.frame.Size.H, e.frame.Slide.H),
	}
}

// snap maps corner i of n pixels. The last pixel may reach beyond the slide and ends at its edge; the
// corner before stays clear of that edge.
func snap(i int, step float64, n, side int) float64 {
	if i >= n {
		return float64(side)
	}
	return min(math.Round(float64(i)*step*100), float64(side)*100-1) / 100
}

// box is the smallest box of whole level-0 pixels around a box of mask pixels.
func (e edges) box(r image.Rectangle) [4]int {
	low, high := e.point(r.Min), e.point(r.Max)
	return [4]int{int(math.Floor(low[0])), int(math.Floor(low[1])), int(math.Ceil(high[0])), int(math.Ceil(high[1]))}
}
