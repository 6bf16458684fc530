package contour

import (
	"encoding/binary"
	"image"
	"iter"
	"math"
)

// Ring is a closed, simple outline on pixel corners, stored compactly: its start, and the lengths of
// its straight pieces, horizontal and vertical by turns.
type Ring struct {
	start image.Point // its topmost, then leftmost vertex
	area  int64       // positive for shells, negative for holes
	n     int
	steps []byte // signed varints
}

const ringBytes = 64

func (r Ring) bytes() int64 { return ringBytes + int64(cap(r.steps)) }

// Len is the number of vertices, the start counted once.
func (r Ring) Len() int { return r.n }

// Area is the enclosed area in pixels, negative for a hole.
func (r Ring) Area() int64 { return r.area }

// newRing stores a ring of vertices that turns at each of them.
func newRing(points []image.Point) Ring {
	n, top := len(points), 0
	for i, p := range points {
		if compare(p, points[top]) < 0 {
			top = i
		}
	}
	at := func(i int) image.Point { return points[(top+i)%n] }
	r := Ring{start: at(0), n: n, area: area(points)}
	// At its topmost, leftmost vertex a shell leaves to the right and a hole downwards.
	vertical := at(1).X == r.start.X
	for i := range n {
		d := at(i + 1).Sub(at(i))
		step := d.X
		if vertical == (i%2 == 0) {
			step = d.Y
		}
		r.steps = binary.AppendVarint(r.steps, int64(step))
	}
	r.steps = append(make([]byte, 0, len(r.steps)), r.steps...)
	return r
}

// area is the shoelace sum over integer vertices: exact.
func area(points []image.Point) int64 {
	var sum int64
	last := points[len(points)-1]
	for _, p := range points {
		sum += int64(last.X)*int64(p.Y) - int64(p.X)*int64(last.Y)
		last = p
	}
	return sum / 2
}

// Points yields the vertices in order, the start once.
func (r Ring) Points() iter.Seq[image.Point] {
	return func(yield func(image.Point) bool) {
		p, vertical, steps := r.start, r.area < 0, r.steps
		for range r.n {
			if !yield(p) {
				return
			}
			step, size := binary.Varint(steps)
			steps = steps[size:]
			if vertical {
				p.Y += int(step)
			} else {
				p.X += int(step)
			}
			vertical = !vertical
		}
	}
}

// Longest is the greatest distance between two points of the ring (the maximum Feret diameter), in
// pixels: exact, over the corners of the convex hull.
func (r Ring) Longest() float64 {
	hull := hull(r)
	var best int64
	// Rotating calipers: while edge i turns, the farthest corner k only moves forward.
	for i, k := 0, 1; i < len(hull); i++ {
		p, q := hull[i], hull[(i+1)%len(hull)]
		for cross(p, q, hull[(k+1)%len(hull)]) > cross(p, q, hull[k]) {
			k = (k + 1) % len(hull)
		}
		for _, o := range []image.Point{hull[k], hull[(k+1)%len(hull)]} {
			best = max(best, distance2(p, o), distance2(q, o))
		}
	}
	return math.Sqrt(float64(best))
}

// hull is the convex hull, counter-clockwise by the shoelace sum. Only the leftmost and rightmost
// vertex of each line can be on it, which bounds the memory by the ring's height.
func hull(r Ring) []image.Point {
	var left, right []image.Point
	for _, p := range extremes(r) {
		left = bend(left, image.Pt(p.left, p.y), -1)
		right = bend(right, image.Pt(p.right, p.y), 1)
	}
	for i := len(left) - 1; i >= 0; i-- {
		right = append(right, left[i])
	}
	return right
}

// bend adds a point to a chain that keeps turning to one side.
func bend(chain []image.Point, p image.Point, side int64) []image.Point {
	for len(chain) > 1 && side*cross(chain[len(chain)-2], chain[len(chain)-1], p) <= 0 {
		chain = chain[:len(chain)-1]
	}
	return append(chain, p)
}

// line is the leftmost and rightmost vertex of a ring on one line.
type line struct{ y, left, right int }

func extremes(r Ring) []line {
	var lines []line
	for p := range r.Points() {
		i := p.Y - r.start.Y
		for len(lines) <= i {
			lines = append(lines, line{y: -1})
		}
		if l := &lines[i]; l.y < 0 {
			*l = line{p.Y, p.X, p.X}
		} else {
			l.left, l.right = min(l.left, p.X), max(l.right, p.X)
		}
	}
	kept := lines[:0]
	for _, l := range lines {
		if l.y >= 0 {
			kept = append(kept, l)
		}
	}
	return kept
}

// cross is twice the area of the triangle, positive if o lies to the left in the sense of the
// shoelace sum.
func cross(p, q, o image.Point) int64 {
	return int64(q.X-p.X)*int64(o.Y-p.Y) - int64(q.Y-p.Y)*int64(o.X-p.X)
}

func distance2(p, q image.Point) int64 {
	d := p.Sub(q)
	return int64(d.X)*int64(d.X) + int64(d.Y)*int64(d.Y)
}
