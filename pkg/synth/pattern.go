package synth

import "sync"

// pattern is a picture of stain at patternMPP, drawn slowly once and stamped many times. A cell holds
// how much it covers, haematoxylin and eosin, 0 to 255 each, in the bytes of one word.
type pattern struct {
	side  int // a power of two
	cells []uint32
}

// patternMPP is the scale of patterns in microns per cell.
const patternMPP = 0.5

func pack(cover, h, e float64) uint32 {
	return uint32(255*clamp(cover)+0.5) | uint32(255*clamp(h)+0.5)<<8 | uint32(255*clamp(e)+0.5)<<16
}

// drawPattern evaluates draw at the centre of each cell, in microns from the pattern's centre.
func drawPattern(side int, draw func(x, y float64) uint32) *pattern {
	p := &pattern{side: side, cells: make([]uint32, side*side)}
	for i := range p.cells {
		x, y := float64(i%side-side/2)+0.5, float64(i/side-side/2)+0.5
		p.cells[i] = draw(x*patternMPP, y*patternMPP)
	}
	return p
}

// Fixed-point coordinates of a pattern: cells × 2^coordBits.
const coordBits = 16

// sample interpolates at a coordinate, beyond the edges as if the pattern went on for ever.
func (p *pattern) sample(x, y int) (cover, h, e uint32) {
	mask := p.side - 1
	ix, iy := x>>coordBits, y>>coordBits
	fx, fy := uint64(x>>(coordBits-4)&15), uint64(y>>(coordBits-4)&15)
	top, bottom := p.cells[(iy&mask)*p.side:][:p.side], p.cells[((iy+1)&mask)*p.side:][:p.side]
	x0, x1 := ix&mask, (ix+1)&mask
	sum := spread(top[x0])*((16-fx)*(16-fy)) + spread(top[x1])*(fx*(16-fy)) +
		spread(bottom[x0])*((16-fx)*fy) + spread(bottom[x1])*(fx*fy)
	return uint32(sum>>8) & 255, uint32(sum>>24) & 255, uint32(sum>>40) & 255
}

// spread moves the bytes of a word into lanes of 16 bits.
func spread(v uint32) uint64 {
	w := uint64(v)
	return w&255 | w<<8&(255<<16) | w<<16&(255<<32)
}

// library holds all patterns. It is not changed once drawn.
type library struct {
	crypts, cancers []*pattern
	stroma, fat     *pattern // repeat in both directions
}

const (
	cryptKinds  = 10
	cancerKinds = 8
)

// patterns is the library of all slides, drawn when it is first needed (half a second). It is the same
// for every seed: what a seed decides is where each pattern lies, how it is turned and stretched.
var patterns = sync.OnceValue(newLibrary)

// newLibrary draws the patterns, in parallel.
func newLibrary() *library {
	l := &library{crypts: make([]*pattern, cryptKinds), cancers: make([]*pattern, cancerKinds)}
	var wg sync.WaitGroup
	for i := range l.crypts {
		wg.Go(func() { l.crypts[i] = drawCrypt(hash(1, i, 0, 20)) })
	}
	for i := range l.cancers {
		wg.Go(func() { l.cancers[i] = drawCancer(hash(1, i, 0, 21)) })
	}
	wg.Go(func() { l.stroma = drawStroma(hash(1, 0, 0, 22)) })
	wg.Go(func() { l.fat = drawFat(hash(1, 0, 0, 24)) })
	wg.Wait()
	return l
}
