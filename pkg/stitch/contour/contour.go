// Package contour traces the outlines of a binary mask on the edges of its pixels, in one sweep over
// its rows, and measures every connected component on the way. It knows pixels only: no slide, no
// scale, no file.
//
// # Geometry
//
// Vertices lie on integer pixel corners, and only where the outline turns. A component is a set of
// foreground pixels joined by their sides (4-connectivity), so its inside is connected. Its rings are
// the borders towards the side-connected parts of everything else: one shell and any number of
// holes. A ring built that way never visits a vertex twice; two rings of a component may touch in a
// corner, which leaves the polygon valid by the rules of OGC and JTS.
//
// While sweeping, nobody knows yet whether two pixels that touch in a corner belong to one component.
// So the sweep keeps them apart, and a closed ring that turns out to visit a corner twice is cut
// there (split.go). With y downwards, shells have a positive area and holes a negative one, which is
// the order that GeoJSON asks for.
//
// # Memory
//
// Held are the open chains and the closed rings of all components that nobody has taken yet: 16
// bytes for a vertex of an open chain, one or two bytes for a vertex of a closed ring. Config.Limit
// bounds the sum; a mask beyond it is ErrTooComplex, and the caller traces it at a coarser scale.
package contour

import (
	"errors"
	"image"

	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
)

// ErrTooComplex marks a mask whose outlines do not fit the memory limit.
var ErrTooComplex = errors.New("the mask's outline is too complex")

// Config says what to trace.
type Config struct {
	Width int   // pixels per row, 1 to 1<<24
	Cut   uint8 // a pixel is foreground from this value on; at least 1
	Limit int64 // bytes of outlines held at once; 0 means DefaultLimit
	// Emit takes each component once, when the sweep has passed it, in the order of its last row
	// and first column.
	Emit func(Component) error
	// Marked, if set, counts the pixels of a stretch of row y that are marked in some way.
	Marked func(y, start, end int) int64
}

// DefaultLimit holds the outlines of some hundred million vertices.
const DefaultLimit = 256 << 20

const maxWidth = 1 << 24

// Validate reports a configuration that cannot work.
func (c Config) Validate() error {
	if c.Width < 1 || c.Width > maxWidth || c.Cut < 1 || c.Limit < 0 || c.Emit == nil {
		return errors.New("contour: want a width of 1 to 1<<24, a cut of at least 1 and an Emit")
	}
	return nil
}

// Component is one side-connected set of foreground pixels.
type Component struct {
	Anchor image.Point // its first pixel in row-major order: a name that does not change
	Area   int64       // pixels
	Sum    uint64      // of the values of its pixels
	Max    uint8       // of the values of its pixels
	Marked int64       // pixels that Config.Marked counted
	Bounds image.Rectangle
	Shell  Ring
	Holes  []Ring
}

// Bytes is the memory that the component's rings hold.
func (c *Component) Bytes() int64 {
	n := c.Shell.bytes()
	for _, h := range c.Holes {
		n += h.bytes()
	}
	return n
}

// run is a maximal stretch of foreground pixels in one row: columns start to end-1.
type run struct {
	start, end int32
	label      int32
}

// runs appends the stretches of a row to dst.
func runs(dst []run, row []uint8, cut uint8) []run {
	for x := next(row, 0, cut, true); x < len(row); {
		end := next(row, x, cut, false)
		dst = append(dst, run{start: int32(x), end: int32(end)})
		x = next(row, end, cut, true)
	}
	return dst
}

// next is the first pixel from x on that is at least the cut, or that is not; the row's end if there is none.
func next(row []uint8, x int, cut uint8, on bool) int {
	passed := 0 // of eight pixels that are all passed by
	if !on {
		passed = 8
	}
	for x+8 <= len(row) && bytewise.Count(bytewise.AtLeast(bytewise.Load(row[x:]), cut)) == passed {
		x += 8
	}
	for x < len(row) && (row[x] >= cut) != on {
		x++
	}
	return x
}
