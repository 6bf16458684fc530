// Package annotate reads what pathologists draw on slides, QuPath GeoJSON and ASAP XML, and paints it as a
// label mask at any scale. It is how slides become training and evaluation images. It opens no slides and
// knows no classes: the caller maps names to numbers.
//
// # Memory
//
// A file is read whole, at most MaxBytes of it, and its points take sixteen bytes each. Painting
// allocates one mask of the size asked for, and the crossings of one row.
package annotate

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// MaxBytes bounds an annotation file.
const MaxBytes = 256 << 20

// Point is a place in level-0 pixels.
type Point struct{ X, Y float64 }

// Shape is one annotated area: a point is inside when a ray from it crosses the rings an odd number of
// times, so a ring within a ring is a hole.
type Shape struct {
	Class string // the classification of QuPath, the group of ASAP
	Rings [][]Point
}

// Bounds is the smallest rectangle around the shape.
func (s Shape) Bounds() (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, ring := range s.Rings {
		for _, p := range ring {
			x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
		}
	}
	return x0, y0, x1, y1
}

// Ignore is the label of pixels that nobody judged: outside all annotations of a sparsely annotated
// slide. Class maps may use it as well.
const Ignore = 255

// Canvas is the part of a slide that a mask shows.
type Canvas struct {
	X, Y  float64 // its top left corner, level-0 pixels
	Step  float64 // level-0 pixels per mask pixel
	W, H  int     // mask pixels
	Empty uint8   // the label where nothing was drawn
}

// maxMask bounds a mask's pixels.
const maxMask = 1 << 30

// Paint draws shapes in their order, later ones over earlier ones. A mask pixel takes the label of the
// point in its middle. A class that is not in the map is an error: left out silently it would become
// background.
func (c Canvas) Paint(shapes []Shape, classes map[string]uint8) ([]uint8, error) {
	if c.W <= 0 || c.H <= 0 || int64(c.W)*int64(c.H) > maxMask || !(c.Step > 0) {
		return nil, fmt.Errorf("paint a mask of %d×%d pixels at a step of %g: want positive numbers and at most %d pixels", c.W, c.H, c.Step, maxMask)
	}
	mask := make([]uint8, c.W*c.H)
	for i := range mask {
		mask[i] = c.Empty
	}
	for _, s := range shapes {
		label, ok := classes[s.Class]
		if !ok {
			return nil, fmt.Errorf("annotation class %q has no class here; name one for it in the class map", s.Class)
		}
		c.fill(mask, s, label)
	}
	return mask, nil
}

// fill paints one shape, row by row.
func (c Canvas) fill(mask []uint8, s Shape, label uint8) {
	x0, y0, x1, y1 := s.Bounds()
	if x1 < c.X || y1 < c.Y || x0 > c.X+float64(c.W)*c.Step || y0 > c.Y+float64(c.H)*c.Step {
		return
	}
	first := max(int(math.Floor(clamp((y0-c.Y)/c.Step, c.H))), 0)
	last := min(int(math.Ceil(clamp((y1-c.Y)/c.Step, c.H))), c.H-1)
	sides := edges(s.Rings, c.Y, c.Y+float64(c.H)*c.Step)
	var cross []float64
	for row := first; row <= last; row++ {
		cross = crossings(cross[:0], sides, c.Y+(float64(row)+0.5)*c.Step)
		for i := 0; i+1 < len(cross); i += 2 {
			from := max(int(math.Ceil(clamp((cross[i]-c.X)/c.Step-0.5, c.W))), 0)
			to := min(int(math.Ceil(clamp((cross[i+1]-c.X)/c.Step-0.5, c.W))), c.W)
			for x := from; x < to; x++ {
				mask[row*c.W+x] = label
			}
		}
	}
}

// edges lists the sides of the rings that cross a band of rows: outlines drawn by hand have many points
// and a canvas sees few of them.
func edges(rings [][]Point, top, bottom float64) (sides [][2]Point) {
	for _, ring := range rings {
		for i, a := range ring {
			b := ring[(i+1)%len(ring)]
			if max(a.Y, b.Y) >= top && min(a.Y, b.Y) <= bottom {
				sides = append(sides, [2]Point{a, b})
			}
		}
	}
	return sides
}

// clamp keeps a coordinate from outside within what an int can hold.
func clamp(v float64, n int) float64 { return min(max(v, -1), float64(n)+1) }

// crossings lists where sides cross a horizontal line, sorted. A side holds its upper end and not its
// lower one, so a vertex on the line counts once.
func crossings(xs []float64, sides [][2]Point, y float64) []float64 {
	for _, side := range sides {
		a, b := side[0], side[1]
		if (a.Y <= y) != (b.Y <= y) {
			xs = append(xs, a.X+(y-a.Y)/(b.Y-a.Y)*(b.X-a.X))
		}
	}
	slices.Sort(xs)
	return xs
}

// Drawing is the shapes of a slide with what their classes mean.
type Drawing struct {
	Shapes  []Shape
	Classes map[string]uint8
	Outside uint8 // the label where nothing was drawn: Ignore unless the slide was outlined completely
}

// Labels paints w×h pixels, step level-0 pixels apart, from level-0 point (x, y) on.
func (d Drawing) Labels(_ context.Context, x, y, step float64, w, h int) ([]uint8, error) {
	return Canvas{X: x, Y: y, Step: step, W: w, H: h, Empty: d.Outside}.Paint(d.Shapes, d.Classes)
}
