package contour

import (
	"image"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// check compares components with the flood fill and proves that every ring is simple, turns at every
// vertex and encloses the pixels it should.
func check(got []Component, width int, values []uint8) string {
	want := flood(width, values)
	var report strings.Builder
	painted := make([]int, len(values))
	for i, c := range got {
		sum := c.Shell.Area()
		report.WriteString(simple(c.Shell))
		for _, h := range c.Holes {
			if h.Area() >= 0 {
				report.WriteString("a hole with a positive area\n")
			}
			report.WriteString(simple(h))
			sum += h.Area()
		}
		if sum != c.Area {
			report.WriteString("ring areas do not add up to the pixels\n")
		}
		paint(painted, width, c, i+1)
	}
	var measured []Component
	for _, c := range got {
		c.Shell, c.Holes = Ring{}, nil
		measured = append(measured, c)
	}
	byAnchor := func(a, b Component) int { return compare(a.Anchor, b.Anchor) }
	slices.SortFunc(measured, byAnchor)
	slices.SortFunc(want, byAnchor)
	report.WriteString(cmp.Diff(want, measured, cmp.AllowUnexported(Ring{})))
	for i, v := range values {
		if (v >= 128) != (painted[i] != 0) {
			report.WriteString("polygons do not paint the mask\n")
			break
		}
	}
	return report.String()
}

// simple proves that a ring turns at every vertex and visits no lattice point twice.
func simple(r Ring) string {
	points := vertices(r)
	seen := map[image.Point]bool{}
	for i, p := range points {
		q, o := points[(i+1)%len(points)], points[(i+2)%len(points)]
		if (p.X == q.X) == (p.Y == q.Y) || (p.X == q.X) == (q.X == o.X) {
			return "a piece is not straight or a vertex does not turn\n"
		}
		step := image.Pt(sign(q.X-p.X), sign(q.Y-p.Y))
		for ; p != q; p = p.Add(step) {
			if seen[p] {
				return "a ring touches itself\n"
			}
			seen[p] = true
		}
	}
	return ""
}

func sign(n int) int { return max(-1, min(1, n)) }

// paint fills a polygon by the even-odd rule at pixel centres, the way a viewer does.
func paint(dst []int, width int, c Component, id int) {
	crossings := map[int][]int{}
	for _, r := range append([]Ring{c.Shell}, c.Holes...) {
		points := vertices(r)
		for i, p := range points {
			q := points[(i+1)%len(points)]
			for y := min(p.Y, q.Y); y < max(p.Y, q.Y); y++ {
				crossings[y] = append(crossings[y], p.X)
			}
		}
	}
	for y, xs := range crossings {
		slices.Sort(xs)
		for i := 0; i+1 < len(xs); i += 2 {
			for x := xs[i]; x < xs[i+1]; x++ {
				dst[y*width+x] += id
			}
		}
	}
}

// flood is the slow reference: components and their measures by flood fill.
func flood(width int, values []uint8) []Component {
	seen := make([]bool, len(values))
	var out []Component
	for i := range values {
		if values[i] < 128 || seen[i] {
			continue
		}
		c := Component{Anchor: image.Pt(i%width, i/width)}
		todo := []int{i}
		seen[i] = true
		for len(todo) > 0 {
			k := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			x, y := k%width, k/width
			c.Area++
			c.Sum += uint64(values[k])
			c.Max = max(c.Max, values[k])
			c.Bounds = c.Bounds.Union(image.Rect(x, y, x+1, y+1))
			for _, d := range []image.Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}} {
				nx, ny := x+d.X, y+d.Y
				n := ny*width + nx
				if nx < 0 || nx >= width || ny < 0 || n >= len(values) || seen[n] || values[n] < 128 {
					continue
				}
				seen[n] = true
				todo = append(todo, n)
			}
		}
		out = append(out, c)
	}
	return out
}
