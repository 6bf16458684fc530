package contour

import (
	"fmt"
	"image"
	"slices"
)

// part is a component as far as the sweep has seen it.
type part struct {
	parent int32 // itself for a root
	last   int32 // the last row it reaches
	done   bool
	anchor image.Point
	area   int64
	sum    uint64
	max    uint8
	marked int64
	bounds image.Rectangle
	rings  []Ring
	held   int64
}

// labels is a disjoint-set forest over the components that touch the last two rows. Labels of merged
// and finished components are used again, so it stays as small as a row is wide.
type labels struct {
	parts  []part
	free   []int32
	merged []int32 // labels that lost their root in this row
	marked func(y, start, end int) int64
}

func (l *labels) find(label int32) int32 {
	for l.parts[label].parent != label {
		l.parts[label].parent = l.parts[l.parts[label].parent].parent
		label = l.parts[label].parent
	}
	return label
}

// join labels the current row's stretches and merges those of the last row that they touch.
func (l *labels) join(y int32, above, here []run, values []uint8) {
	i := 0
	for k := range here {
		r := &here[k]
		for i < len(above) && above[i].end <= r.start {
			i++
		}
		r.label = none
		for j := i; j < len(above) && above[j].start < r.end; j++ {
			r.label = l.union(r.label, l.find(above[j].label))
		}
		if r.label == none {
			r.label = l.add(part{anchor: image.Pt(int(r.start), int(y))})
		}
		l.parts[r.label].grow(y, *r, values[r.start:r.end])
		if l.marked != nil {
			l.parts[r.label].marked += l.marked(int(y), int(r.start), int(r.end))
		}
	}
}

func (p *part) grow(y int32, r run, values []uint8) {
	p.last = y
	p.area += int64(len(values))
	for _, v := range values {
		p.sum += uint64(v)
		p.max = max(p.max, v)
	}
	p.bounds = p.bounds.Union(image.Rect(int(r.start), int(y), int(r.end), int(y)+1))
}

// union merges two roots and returns the one that stays, the one with more rings.
func (l *labels) union(a, b int32) int32 {
	if a == none || a == b {
		return b
	}
	if len(l.parts[a].rings) < len(l.parts[b].rings) {
		a, b = b, a
	}
	p, q := &l.parts[a], &l.parts[b]
	p.last = max(p.last, q.last)
	if q.anchor.Y < p.anchor.Y || q.anchor.Y == p.anchor.Y && q.anchor.X < p.anchor.X {
		p.anchor = q.anchor
	}
	p.area, p.sum, p.max, p.marked = p.area+q.area, p.sum+q.sum, max(p.max, q.max), p.marked+q.marked
	p.bounds = p.bounds.Union(q.bounds)
	p.rings, p.held = append(p.rings, q.rings...), p.held+q.held
	q.parent, q.rings = a, nil
	l.merged = append(l.merged, b)
	return a
}

func (l *labels) add(p part) int32 {
	if n := len(l.free); n > 0 {
		id := l.free[n-1]
		l.free = l.free[:n-1]
		p.parent = id
		l.parts[id] = p
		return id
	}
	p.parent = int32(len(l.parts))
	l.parts = append(l.parts, p)
	return p.parent
}

// drop marks a finished root's label for use by a later row.
func (l *labels) drop(root int32) { l.merged = append(l.merged, root) }

// settle lets the current row point at roots only and frees all labels that nobody points at.
func (l *labels) settle(here []run) {
	for k := range here {
		here[k].label = l.find(here[k].label)
	}
	l.free = append(l.free, l.merged...)
	l.merged = l.merged[:0]
}

// component tells shell and holes apart by their orientation and puts the holes in order.
func (p *part) component() (Component, error) {
	c := Component{Anchor: p.anchor, Area: p.area, Sum: p.sum, Max: p.max, Marked: p.marked, Bounds: p.bounds}
	shells := 0
	for _, r := range p.rings {
		if r.area > 0 {
			c.Shell = r
			shells++
		} else {
			c.Holes = append(c.Holes, r)
		}
	}
	if shells != 1 {
		return c, fmt.Errorf("contour: component at %v has %d shells, a defect of this program", p.anchor, shells)
	}
	slices.SortFunc(c.Holes, func(a, b Ring) int { return compare(a.start, b.start) })
	return c, nil
}

// compare orders points row by row.
func compare(a, b image.Point) int {
	if a.Y != b.Y {
		return a.Y - b.Y
	}
	return a.X - b.X
}
