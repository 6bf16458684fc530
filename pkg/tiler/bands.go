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

// above is the tile of a coarser level that shows the same place.
func above(t pyramid.Tile, level int) pyramid.Tile {
	up := t.Level - level
	return pyramid.Tile{Level: level, Col: t.Col >> up, Row: t.Row >> up}
}
