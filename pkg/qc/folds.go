package qc

import "slices"

// Folds. Where tissue lies twice, its density doubles, hue kept, along a band. Crowded nuclei are dark too,
// so a fold must be much darker than the slide's tissue is in the middle, reach some size and be long.
const (
	foldDarker = 1.9  // times the median density of tissue
	foldLeast  = 700  // and this dense in green
	foldMM2    = 0.02 // a band of 0.1 by 0.2 mm
	foldLong   = 6    // times longer than wide: crowded nuclei form patches, not bands
)

// folded is the number of pixels of tissue in folds. They are reported and not excluded: carcinoma can be
// as dark, and leaving it out would be worse than a false alarm.
func (l *look) folded(bubble []bool) (n int) {
	var green []int16
	for i, on := range l.Tissue {
		if on && !bubble[i] && l.g[i] >= faint {
			green = append(green, l.g[i])
		}
	}
	if len(green) == 0 {
		return 0
	}
	slices.Sort(green)
	dark := max(int16(foldDarker*float64(green[len(green)/2])), foldLeast)
	on := make([]bool, len(l.Tissue))
	for i := range on {
		on[i] = l.Tissue[i] && !bubble[i] && l.g[i] >= dark
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
