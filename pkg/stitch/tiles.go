package stitch

import (
	"encoding/binary"
	"image"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
)

// overlayTile is the side of the tiles of probability and overlay, without overlap.
const overlayTile = 256

// raster is one tile of what the overlay shows. A nil raster is a tile with nothing in it: glass, or
// tissue in which no probability rises above zero.
type raster struct {
	size        pyramid.Size
	probability []uint8 // carcinoma
	// other is the probability of high-grade dysplasia without its lowest two bits, which say instead
	// that something in the pixel was not analysed (unseen) or is uncertain (doubt). Of what was not
	// analysed there is no probability: there the upper six bits are the reasons why. Two planes instead
	// of four keep the pyramid's memory down.
	other []uint8
}

// Marks of a pixel: some part of it was not analysed, or looks like nothing in training.
const (
	unseen = 1 << iota
	doubt
	flags = unseen | doubt
)

// Reasons of what was not analysed, in the upper bits beside unseen. A coarse pixel may have several.
const (
	becauseUnplanned uint8 = 1 << (2 + iota) // in no region of the plan, or the region could not be computed
	becausePen
	becauseBubble
	becauseBlurred
	becauseUnreadable
	becauseUnscanned
)

// because is the mark of a cell of the tissue map that was not analysed.
func because(c segment.TissueClass) uint8 {
	switch c {
	case segment.Pen:
		return unseen | becausePen
	case segment.Bubble:
		return unseen | becauseBubble
	case segment.Blurred:
		return unseen | becauseBlurred
	case segment.Unreadable:
		return unseen | becauseUnreadable
	case segment.Unscanned:
		return unseen | becauseUnscanned
	}
	return unseen | becauseUnplanned
}

// merge is the pixel that shows what two of the other plane show: the larger probability, or the reasons
// why something in it was not analysed, which the overlay draws over it.
func merge(a, b uint8) uint8 {
	marks := (a | b) & flags
	switch {
	case marks&unseen == 0:
		return max(a&^flags, b&^flags) | marks
	case a&unseen == 0:
		return b&^flags | marks
	case b&unseen == 0:
		return a&^flags | marks
	}
	return a | b
}

// rasterPool gives rasters' memory back. It is safe for concurrent use.
type rasterPool struct{ pool sync.Pool }

func newRasterPool() *rasterPool {
	return &rasterPool{sync.Pool{New: func() any {
		return &raster{probability: make([]uint8, overlayTile*overlayTile), other: make([]uint8, overlayTile*overlayTile)}
	}}}
}

// make returns an empty raster.
func (p *rasterPool) make(size pyramid.Size) *raster {
	r := p.pool.Get().(*raster)
	n := size.W * size.H
	r.size, r.probability, r.other = size, r.probability[:n], r.other[:n]
	clear(r.probability)
	clear(r.other)
	return r
}

func (p *rasterPool) free(r *raster) {
	if r != nil {
		r.probability, r.other = r.probability[:overlayTile*overlayTile], r.other[:overlayTile*overlayTile]
		p.pool.Put(r)
	}
}

// draw copies what a region holds of the rectangle that the raster shows.
func (r *raster) draw(bounds image.Rectangle, m *segment.RegionMap, cell image.Rectangle) {
	part := bounds.Intersect(cell)
	for y := part.Min.Y; y < part.Max.Y; y++ {
		from := (y-cell.Min.Y)*m.Size.W + part.Min.X - cell.Min.X
		to := (y-bounds.Min.Y)*r.size.W + part.Min.X - bounds.Min.X
		n := part.Dx()
		copy(r.probability[to:to+n], m.Planes[segment.PlaneCarcinoma][from:from+n])
		unflagged(r.other[to:to+n], m.Planes[segment.PlaneHighGrade][from:from+n])
	}
}

// hatch marks a rectangle of the canvas: as in doubt, or as unseen with the reason instead of what is there.
func (r *raster) hatch(bounds, part image.Rectangle, mark uint8) {
	keep := uint8(0xFF)
	if mark&unseen != 0 {
		keep = flags
	}
	part = part.Intersect(bounds).Sub(bounds.Min)
	for y := part.Min.Y; y < part.Max.Y; y++ {
		row := r.other[y*r.size.W:]
		for x := part.Min.X; x < part.Max.X; x++ {
			row[x] = row[x]&keep | mark
		}
	}
}

// unflagged copies values without their lowest bits.
func unflagged(to, from []uint8) {
	const all = flags * bytewise.Ones
	for ; len(from) >= 8; to, from = to[8:], from[8:] {
		bytewise.Store(to, bytewise.Load(from)&^all)
	}
	for i, v := range from {
		to[i] = v &^ flags
	}
}

// blank reports whether nothing is drawn.
func (r *raster) blank() bool { return blank(r.probability) && blank(r.other) }

// blank reports whether all bytes are zero.
func blank(pixels []uint8) bool {
	for ; len(pixels) >= 8; pixels = pixels[8:] {
		if bytewise.Load(pixels) != 0 {
			return false
		}
	}
	for _, v := range pixels {
		if v != 0 {
			return false
		}
	}
	return true
}

// shrink draws a child into one quarter of the parent. Each pixel takes the largest of the pixels that
// it covers, so a lesion of one pixel is visible at every zoom, and thresholding a coarse level finds
// exactly the pixels that hold something above the threshold. Means would let small lesions fade
// away. The price is that areas look larger from afar; they are measured on the mask, never here.
func (r *raster) shrink(child *raster, left, top int) {
	w, h := child.size.W, child.size.H
	for y := 0; y < h; y += 2 {
		to := (top+y/2)*r.size.W + left
		above, below := y*w, min(y+1, h-1)*w // an odd last row is its own neighbour
		done := shrinkRows(r.probability[to:], r.other[to:],
			child.probability[above:][:w], child.probability[below:][:w], child.other[above:][:w], child.other[below:][:w])
		for x := done; x < w; x++ {
			i := to + x/2
			r.probability[i] = max(r.probability[i], child.probability[above+x], child.probability[below+x])
			r.other[i] = merge(r.other[i], merge(child.other[above+x], child.other[below+x]))
		}
	}
}

// shrinkRows shrinks two rows, eight pixels at once, until there are not as many or some were not analysed, and returns
// how many are done. No other pixels go where these do.
func shrinkRows(probability, other, p0, p1, o0, o1 []uint8) (done int) {
	const all = bytewise.Ones
	for x := 0; x+8 <= len(p0); x += 8 {
		a, b := bytewise.Load(o0[x:]), bytewise.Load(o1[x:])
		if (a|b)&(unseen*all) != 0 {
			return x
		}
		rest := bytewise.GreatestOfPairs(bytewise.Greatest(a&^(flags*all), b&^(flags*all))) // see merge
		binary.LittleEndian.PutUint32(other[x/2:], rest|bytewise.Pairs((a|b)&(flags*all)))
		binary.LittleEndian.PutUint32(probability[x/2:], bytewise.GreatestOfPairs(bytewise.Greatest(bytewise.Load(p0[x:]), bytewise.Load(p1[x:]))))
		done = x + 8
	}
	return done
}
