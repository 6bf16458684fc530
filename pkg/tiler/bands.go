package tiler

import "github.com/slidemill/slidemill/pkg/pyramid"

// In what order an archive holds its tiles: those of a few levels that show the same place together, level by level. Who
// reads one level, such as the segmenter, gets neighbours with one request then.

// bandLevels is how many levels are packed together: 16 tiles of the finest, 4 of the next and the one above them all.
const bandLevels = 3

// bandRoots gives for each level the one on which the roots of its bands lie. Bands begin at the finest level, and anew at the
// level that is read most, of which 16 tiles lie side by side then and not only 4 or one.
func bandRoots(finest, read int) []int {
	roots := make([]int, finest+1)
	bottom := finest
	for level := finest; level >= 0; level-- {
		if level == read || bottom-level == bandLevels {
			bottom = level
		}
		for l := level; l <= bottom; l++ {
			roots[l] = level
		}
	}
	return roots
}

// commonMPP is the scale of the built-in model. An archive must not depend on the model or the scale that a slide is ordered
// with, as its key does not: other models find fours side by side, or single tiles.
const commonMPP = 1.3

// readLevel is the level that a model of the common scale reads of a slide whose file says its scale; 0 where it does not.
func readLevel(mpp pyramid.MPP, d pyramid.DeepZoom) int {
	if !mpp.Known() || mpp.Source == pyramid.FromOperator {
		return 0
	}
	return levelOf(d, commonMPP/max(mpp.X, mpp.Y))
}

// above is the tile of a coarser level that shows the same place.
func above(t pyramid.Tile, level int) pyramid.Tile {
	up := t.Level - level
	return pyramid.Tile{Level: level, Col: t.Col >> up, Row: t.Row >> up}
}
