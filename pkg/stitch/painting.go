package stitch

import (
	"image"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// painting is a tile of the overlay on its way from a raster to a file: the numbers of its colours first, which tell how
// many there are. A tile of no more than 256, as nearly all are, is a file of a byte a pixel instead of four, which is
// filtered, compressed and sent in a quarter of the time; any reader of PNG gives the same pixels.
//
// # Memory
//
// 448 kB for each tile that is encoded at once, from a pool.
type painting struct {
	numbers []uint16
	used    [maxColours]bool
	entries []rgba            // the colours used, in the order of their numbers
	entry   [maxColours]uint8 // of each number that is used
	pixels  []uint8
}

// paint draws the raster with the palette; origin is its place in the level, for the stripes.
func (t *painting) paint(p *palette, r *raster, origin image.Point) {
	w := r.size.W
	t.numbers = slices.Grow(t.numbers[:0], w*r.size.H)[:w*r.size.H]
	clear(t.used[:])
	for y := range r.size.H {
		row, probability, other := t.numbers[y*w:][:w], r.probability[y*w:][:w], r.other[y*w:][:w]
		if blank(probability) && blank(other) {
			t.nothing(p, row)
			continue
		}
		p.row(row, origin.Add(image.Pt(0, y)), probability, other)
		for _, n := range row {
			t.used[n] = true
		}
	}
	t.entries = t.entries[:0]
	for n, c := range p.colours {
		if t.used[n] {
			t.entry[n] = uint8(len(t.entries)) // of use up to 256
			t.entries = append(t.entries, c)
		}
	}
}

// nothing paints a row of glass.
func (t *painting) nothing(p *palette, row []uint16) {
	n := p.numberAt(0, 0, 0, 0)
	t.used[n] = true
	for x := range row {
		row[x] = n
	}
}

// empty reports whether nothing is to be seen.
func (t *painting) empty() bool { return len(t.entries) == 1 && t.entries[0] == rgba{} }

// encode writes the file. Numbers next to each other are colours next to each other, so differences between rows are
// as small as between probabilities.
func (t *painting) encode(e *pngEncoder, p *palette, size pyramid.Size) ([]byte, error) {
	if len(t.entries) > 256 {
		return e.encode(size, pngRGBA, t.full(p))
	}
	t.pixels = slices.Grow(t.pixels[:0], len(t.numbers))[:len(t.numbers)]
	for i, n := range t.numbers {
		t.pixels[i] = t.entry[n]
	}
	return e.indexed(size, t.entries, t.pixels)
}

// full is every pixel by itself.
func (t *painting) full(p *palette) []uint8 {
	t.pixels = t.pixels[:0]
	for _, n := range t.numbers {
		t.pixels = append(t.pixels, p.colours[n][:]...)
	}
	return t.pixels
}
