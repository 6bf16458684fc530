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
	var n, sum, squares int64
	for y := 1; y < h-1; y += 2 {
		above, here, below := row(img, y-1), row(img, y), row(img, y+1)
		for i := 5; i < 4*(w-1); i += 4 { // green of the second pixel to the last but one
			v := 4*int64(here[i]) - int64(here[i-4]) - int64(here[i+4]) - int64(above[i]) - int64(below[i])
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	if n == 0 {
		return 0
	}
	mean := float64(sum) / float64(n)
	return float64(squares)/float64(n) - mean*mean
}
