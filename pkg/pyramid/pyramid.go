// Package pyramid is the vocabulary that every stage shares: sizes, tiles, grids, Deep Zoom
// levels, regions, identities and scale. It imports the standard library only, does no I/O and
// holds no pixels.
//
// Integer pixels are the truth. A downsample or a scale in microns is derived from them and never
// addresses a tile.
package pyramid

import (
	"fmt"
	"image"
	"math/bits"
)

// Size is a width and a height in pixels.
type Size struct {
	W int `json:"width"`
	H int `json:"height"`
}

// String writes the size as "WxH", the form that --size takes.
func (s Size) String() string { return fmt.Sprintf("%dx%d", s.W, s.H) }

// ParseSize reads "WxH" with both sides at least 1.
func ParseSize(text string) (Size, error) {
	var s Size
	if n, _ := fmt.Sscanf(text, "%dx%d", &s.W, &s.H); n != 2 || s.W < 1 || s.H < 1 || s.String() != text {
		return Size{}, fmt.Errorf("size %q: want WIDTHxHEIGHT, like 40000x30000", text)
	}
	return s, nil
}

// Empty reports whether the size holds no pixel.
func (s Size) Empty() bool { return s.W <= 0 || s.H <= 0 }

// Pixels is the number of pixels, in 64 bits: slides exceed 32.
func (s Size) Pixels() int64 { return int64(s.W) * int64(s.H) }

// Bounds is the rectangle from the origin to the size.
func (s Size) Bounds() image.Rectangle { return image.Rect(0, 0, s.W, s.H) }

// Half is the size of the next smaller pyramid level, rounded up.
func (s Size) Half() Size { return Size{(s.W + 1) / 2, (s.H + 1) / 2} }

// CeilDiv is a divided by b, rounded up; b must be positive and a not negative.
func CeilDiv(a, b int) int { return (a + b - 1) / b }

// LCM is the least common multiple of two positive numbers.
func LCM(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// Tile addresses one tile of a pyramid.
type Tile struct{ Level, Col, Row int }

func (t Tile) String() string { return fmt.Sprintf("%d/%d_%d", t.Level, t.Col, t.Row) }

// Grid cuts a Size into square cells of side Tile; the last column and row may be smaller.
type Grid struct {
	Size Size
	Tile int
}

// Cols is the number of columns.
func (g Grid) Cols() int { return CeilDiv(g.Size.W, g.Tile) }

// Rows is the number of rows.
func (g Grid) Rows() int { return CeilDiv(g.Size.H, g.Tile) }

// Cells is the number of cells.
func (g Grid) Cells() int { return g.Cols() * g.Rows() }

// Contains reports whether the cell lies on the grid.
func (g Grid) Contains(col, row int) bool {
	return col >= 0 && row >= 0 && col < g.Cols() && row < g.Rows()
}

// Bounds is the rectangle of a cell, clipped to the size.
func (g Grid) Bounds(col, row int) image.Rectangle {
	return image.Rect(col*g.Tile, row*g.Tile, (col+1)*g.Tile, (row+1)*g.Tile).Intersect(g.Size.Bounds())
}

// Cover is the half-open range of cells that r touches, clipped to the grid, as columns by rows.
func (g Grid) Cover(r image.Rectangle) image.Rectangle {
	r = r.Intersect(g.Size.Bounds())
	if r.Empty() {
		return image.Rectangle{}
	}
	return image.Rect(r.Min.X/g.Tile, r.Min.Y/g.Tile, CeilDiv(r.Max.X, g.Tile), CeilDiv(r.Max.Y, g.Tile))
}

// DeepZoom is the level structure of a Deep Zoom image without overlap: level 0 is one pixel,
// every level doubles the one before, level Max is the full size.
type DeepZoom struct {
	Size Size `json:"size"`
	Tile int  `json:"tile"`
}

// Max is the number of the full-size level: ceil(log2(max(W, H))).
func (d DeepZoom) Max() int { return bits.Len(uint(max(d.Size.W, d.Size.H, 1) - 1)) }

// LevelSize is the size of a level, rounded up as Deep Zoom does.
func (d DeepZoom) LevelSize(level int) Size {
	shift := uint(d.Max() - level)
	round := 1<<shift - 1
	return Size{(d.Size.W + round) >> shift, (d.Size.H + round) >> shift}
}

// Grid is the tile grid of a level.
func (d DeepZoom) Grid(level int) Grid { return Grid{d.LevelSize(level), d.Tile} }

// Tiles is the number of tiles of all levels.
func (d DeepZoom) Tiles() int64 {
	var n int64
	for l := range d.Max() + 1 {
		g := d.Grid(l)
		n += int64(g.Cols()) * int64(g.Rows())
	}
	return n
}

// Descriptor is the .dzi file of a slide's pyramid with tiles of a format, "jpeg" or "png".
func (d DeepZoom) Descriptor(format string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="%s" Overlap="0" TileSize="%d">
  <Size Width="%d" Height="%d"/>
</Image>
`, format, d.Tile, d.Size.W, d.Size.H)
}

// Region addresses one cell of a run's region plan.
type Region struct {
	Col int `json:"col"`
	Row int `json:"row"`
}

func (r Region) String() string { return fmt.Sprintf("%d_%d", r.Col, r.Row) }

// ParseRegion reads what String writes.
func ParseRegion(text string) (Region, error) {
	var r Region
	if n, err := fmt.Sscanf(text, "%d_%d", &r.Col, &r.Row); n != 2 || err != nil || r.Col < 0 || r.Row < 0 || r.String() != text {
		return Region{}, fmt.Errorf("region %q: want COL_ROW", text)
	}
	return r, nil
}
