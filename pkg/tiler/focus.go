package tiler

import (
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// focusMPP is the scale at which focus is judged: nuclei are some 8 pixels wide there, and a picture
// that is sharp at 1 µm is sharp for every model this project runs.
const focusMPP = 1.0

// focusMap holds the sharpness of each tile of one level: 4 bytes per tile.
type focusMap struct {
	grid  pyramid.Grid
	level int
	sharp []float32 // variance of the Laplacian of the green channel, row-major
}

func newFocusMap(d pyramid.DeepZoom, mpp pyramid.MPP) *focusMap {
	level := d.Max()
	if mpp.Known() {
		level = nearestLevel(d, mpp, focusMPP)
	}
	grid := d.Grid(level)
	return &focusMap{grid: grid, level: level, sharp: make([]float32, grid.Cells())}
}

// add takes a tile of the map's level; others are ignored.
func (f *focusMap) add(t pyramid.Tile, img *image.RGBA) {
	if t.Level == f.level {
		f.sharp[t.Row*f.grid.Cols()+t.Col] = float32(laplacianVariance(img))
	}
}

// laplacianVariance is a classical measure of sharpness: the variance of the difference of a pixel to
// its four neighbours. Green, where both stains absorb, shows the structure best. Every second row
// is enough.
func laplacianVariance(img *image.RGBA) float64 {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w < 3 || h < 3 {
		return 0
	}
	var sum, squares int64
	for y := 1; y < h-1; y += 2 {
		s, q := laplacians(row(img, y-1), row(img, y), row(img, y+1))
		sum, squares = sum+s, squares+q
	}
	n := int64(w-2) * int64((h-1)/2)
	mean := float64(sum) / float64(n)
	return float64(squares)/float64(n) - mean*mean
}

// laplacians adds up the differences of a row's green pixels, but the outermost, to their neighbours, and the squares.
func laplacians(above, here, below []uint8) (sum, squares int64) {
	above, below = above[:len(here)], below[:len(here)]
	left, at := int(here[1]), int(here[5])
	for i := 5; i < len(here)-4; i += 4 {
		right := int(here[i+4])
		v := 4*at - left - right - int(above[i]) - int(below[i])
		sum, squares = sum+int64(v), squares+int64(v*v)
		left, at = at, right
	}
	return sum, squares
}
