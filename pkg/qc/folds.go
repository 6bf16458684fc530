package qc

import (
	"image"
	"slices"
)

// Folds. Where tissue lies twice, its density doubles, hue kept, along a band. Crowded nuclei are dark too,
// so a fold must be much darker than the slide's tissue is in the middle, reach some size and be long.
const (
	foldDarker = 1.9  // times the median density of tissue
	foldLeast  = 700  // and this dense in green
	foldMM2    = 0.02 // a band of 0.1 by 0.2 mm
	foldMeanUM = 24   // densities are means over squares of twice that and a pixel: a fold is dark between its nuclei, too
	foldLong   = 6    // times longer than wide: crowded nuclei form patches, not bands
)

// folded is the number of pixels of tissue in folds. They are reported and not excluded: carcinoma can be
// as dark, and leaving it out would be worse than a false alarm.
func (l *look) folded(bubble []bool) (n int) {
	mean := boxMean(l.g, l.size, max(1, int(foldMeanUM/l.MPP+0.5)))
	var green []int16
	for i, on := range l.Tissue {
		if on && !bubble[i] && l.g[i] >= faint {
			green = append(green, mean[i])
		}
	}
	if len(green) == 0 {
		return 0
	}
	slices.Sort(green)
	dark := max(int16(foldDarker*float64(green[len(green)/2])), foldLeast)
	on := make([]bool, len(l.Tissue))
	for i := range on {
		on[i] = l.Tissue[i] && !bubble[i] && mean[i] >= dark
	}
	least := l.pixels(foldMM2)
	l.pieces(on, func(p piece) {
		box := p.box.Size()
		long := max(box.X, box.Y)
		if len(p.pixels) >= least && float64(long*long) >= foldLong*float64(len(p.pixels)) {
			n += len(p.pixels)
		}
	})
	return n
}

// pixels converts an area to pixels, at least one.
func (l *look) pixels(mm2 float64) int { return max(1, int(mm2*1e6/(l.MPP*l.MPP)+0.5)) }

// boxMean is the mean over squares of 2·r+1 pixels, clipped at the picture's edges: along rows, then columns.
func boxMean(plane []int16, size image.Point, r int) []int16 {
	out := slices.Clone(plane)
	line := make([]int16, max(size.X, size.Y))
	for y := range size.Y {
		meanAlong(out, line, y*size.X, 1, size.X, r)
	}
	for x := range size.X {
		meanAlong(out, line, x, size.X, size.Y, r)
	}
	return out
}

// meanAlong replaces n values, step apart, with their running mean. line is room for n.
func meanAlong(plane, line []int16, at, step, n, r int) {
	sum := 0
	for i := range n {
		line[i] = plane[at+i*step]
	}
	for i := range min(r, n) {
		sum += int(line[i])
	}
	for i := range n {
		if i+r < n {
			sum += int(line[i+r])
		}
		if i-r-1 >= 0 {
			sum -= int(line[i-r-1])
		}
		plane[at+i*step] = int16(sum / (min(i+r, n-1) - max(i-r, 0) + 1))
	}
}
