package fingerprint

//go:generate go run ./gen -out sums_amd64.s -stubs sums_amd64.go -pkg fingerprint

import "math"

// Block is the side of the squares in which pixels are summed up, in pixels at the model's scale. The
// grid of blocks is anchored at the canvas's top left corner, never at a region's.
const Block = 64

// levels is the number of octaves of the texture: details of 1, 2, … 32 pixels.
const levels = 6

// channels of a pixel: amounts of three stains in 1/1024 of optical density, and brightness in 1/16 of
// a byte.
const (
	stainH = iota
	stainE
	stainR // what neither haematoxylin nor eosin explains
	bright
	channels
)

// closer are the channels that are looked at more closely: of their cubes and their grain features are made.
var closer = [2]int{stainH, bright}

// Sums are what one block adds to a patch. All are whole numbers, so a patch is the same sum in whatever
// order, on whatever processor, its blocks are added up.
type Sums struct {
	Tissue int64           // pixels darker than glass
	first  [channels]int64 // sums of the tissue's channels and their squares
	square [channels]int64
	cube   [len(closer)]int64         // their cubes, of those looked at more closely
	cross  [3]int64                   // H·E, H·R, E·R
	detail [len(closer)][levels]int64 // squared details of those, by octave
	count  [levels]int64              // of the places where there was tissue enough
	// coherence of the gradients in small windows, in 1/1024, and the number of windows.
	coherence, windows [2]int64
}

// Add adds another block.
func (s *Sums) Add(o *Sums) {
	s.Tissue += o.Tissue
	for c := range channels {
		s.first[c] += o.first[c]
		s.square[c] += o.square[c]
	}
	for p := range closer {
		s.cube[p] += o.cube[p]
	}
	for i := range s.cross {
		s.cross[i] += o.cross[i]
	}
	for k := range levels {
		s.detail[0][k] += o.detail[0][k]
		s.detail[1][k] += o.detail[1][k]
		s.count[k] += o.count[k]
	}
	for i := range s.coherence {
		s.coherence[i] += o.coherence[i]
		s.windows[i] += o.windows[i]
	}
}

// glass is the brightness from which on a pixel is glass: 0.88 of white.
const glass = 3590

// Meter measures blocks; it holds the scratch memory of one goroutine.
type Meter struct {
	plane  [2][Block * Block]int32 // haematoxylin, brightness
	tissue [Block * Block]int32    // pixels of tissue in each cell
	dark   [channels][Block]int32  // the channels of a row's tissue, side by side
	fast   scratch
}

// Measure sums up the block whose first pixel is pix[0], four bytes a pixel.
func (m *Meter) Measure(pix []uint8, stride int, s *Sums) {
	*s = Sums{}
	if !m.finestFast(pix, stride, s) {
		m.finestPlain(pix, stride, s)
	}
	if s.Tissue == 0 {
		return // nothing below looks at glass
	}
	side := Block / 2
	for k := 1; k < levels; k++ {
		if k <= len(s.windows) {
			m.gradients(side, k, s)
		}
		if !m.halveFast(side, k, s) {
			m.halvePlain(side, k, s)
		}
		side /= 2
	}
}

// finestPlain sums up what is summed over pixels, and makes the first level of cells.
func (m *Meter) finestPlain(pix []uint8, stride int, s *Sums) {
	for y := range Block {
		n := m.row(pix[y*stride:][:4*Block], y*Block)
		s.Tissue += int64(n)
		for p, c := range closer {
			s.moments(p, m.dark[c][:n])
		}
		s.mixtures(m.dark[stainH][:n], m.dark[stainE][:n], m.dark[stainR][:n])
	}
	if s.Tissue > 0 {
		m.halvePlain(Block, 0, s)
	}
}

// row unmixes a row of pixels, the first of which is pixel i of the block, and returns how many are tissue.
// Sums are made of m.dark afterwards, channel by channel: loops of a few variables stay in registers, which
// makes them three times as fast as one loop over fifteen sums.
func (m *Meter) row(pix []uint8, i int) (dark int) {
	h, light, tissue := m.plane[0][i:][:Block], m.plane[1][i:][:Block], m.tissue[i:][:Block]
	for x := range Block {
		px := pix[4*x:][:3:3]
		r, g, b := &mixture[0][px[0]], &mixture[1][px[1]], &mixture[2][px[2]]
		amount, l := parts(r.hb + g.hb + b.hb)
		amount, l = amount>>12, l>>4
		h[x], light[x], tissue[x] = amount, l, 0
		if l >= glass {
			continue
		}
		tissue[x] = 1
		at := dark & (Block - 1) // which it always is; said for the compiler, who then checks no bounds
		m.dark[stainH][at], m.dark[bright][at] = amount, l
		e, rest := parts(r.er + g.er + b.er)
		m.dark[stainE][at], m.dark[stainR][at] = e>>12, rest>>12
		dark++
	}
	return dark
}

// moments adds values of a channel that is looked at more closely, their squares and cubes.
func (s *Sums) moments(p int, values []int32) {
	var first, square, cube int64
	for _, v := range values {
		a := int64(v)
		first, square, cube = first+a, square+a*a, cube+a*a*a
	}
	c := closer[p]
	s.first[c], s.square[c], s.cube[p] = s.first[c]+first, s.square[c]+square, s.cube[p]+cube
}

// mixtures adds eosin and residual, their squares, and the products of the stains.
func (s *Sums) mixtures(h, e, r []int32) {
	var firstE, firstR, ee, rr, he, hr, er int64
	e, r = e[:len(h)], r[:len(h)]
	for i := range h {
		h, e, r := int64(h[i]), int64(e[i]), int64(r[i])
		firstE, firstR, ee, rr = firstE+e, firstR+r, ee+e*e, rr+r*r
		he, hr, er = he+h*e, hr+h*r, er+e*r
	}
	s.first[stainE], s.first[stainR] = s.first[stainE]+firstE, s.first[stainR]+firstR
	s.square[stainE], s.square[stainR] = s.square[stainE]+ee, s.square[stainR]+rr
	s.cross[0], s.cross[1], s.cross[2] = s.cross[0]+he, s.cross[1]+hr, s.cross[2]+er
}

// halvePlain adds the details between a level and the next coarser one (the three Haar details of each two
// by two cells, where at least half is tissue) and makes that level, in place. Cells hold sums, not
// means, so nothing is rounded.
func (m *Meter) halvePlain(side, k int, s *Sums) {
	half := side / 2
	var buf [Block / 2]bool
	enough := buf[:half]
	for y := range half {
		top, bottom, to := 2*y*side, (2*y+1)*side, y*half
		s.count[k] += pool(m.tissue[to:][:half], m.tissue[top:][:side], m.tissue[bottom:][:side], enough, fair(k))
		for p := range m.plane {
			cells := &m.plane[p]
			s.detail[p][k] += details(cells[to:][:half], cells[top:][:side], cells[bottom:][:side], enough)
		}
	}
}

// fair is half of the pixels of a cell of the level that is made of level k.
func fair(k int) int32 { return 1 << (2*k + 1) }

// pool adds up the tissue of two by two cells, says where it is enough, and counts those places. The result
// may lie over what was read already.
func pool(to, top, bottom []int32, enough []bool, least int32) (n int64) {
	enough = enough[:len(to)]
	for x := range to {
		a, b := top[2*x:][:2:2], bottom[2*x:][:2:2]
		sum := a[0] + a[1] + b[0] + b[1]
		to[x], enough[x] = sum, sum >= least
		if sum >= least {
			n++
		}
	}
	return n
}

// details adds up two by two cells, likewise, and returns the squared details where there is tissue enough.
func details(to, top, bottom []int32, enough []bool) (sum int64) {
	enough = enough[:len(to)]
	for x := range to {
		a, b := top[2*x:][:2:2], bottom[2*x:][:2:2]
		s, t, d, e := a[0]+a[1], b[0]+b[1], a[0]-a[1], b[0]-b[1]
		to[x] = s + t
		if enough[x] {
			h, v, o := int64(d+e), int64(s-t), int64(d-e)
			sum += h*h + v*v + o*o
		}
	}
	return sum
}

// window is the side of the windows in which gradients are compared, in cells.
const window = 8

// gradients adds how much the gradients of the brightness run one way in each window.
func (m *Meter) gradients(side, k int, s *Sums) {
	for y := 0; y < side; y += window {
		for x := 0; x < side; x += window {
			if c, ok := m.coherent(side, k, x, y); ok {
				s.coherence[k-1] += c
				s.windows[k-1]++
			}
		}
	}
}

// coherent is the anisotropy of the structure tensor of a window, 0 to 1024: √((xx−yy)²+4xy²)/(xx+yy).
func (m *Meter) coherent(side, k, left, top int) (int64, bool) {
	at := top*side + left
	if pooled(m.tissue[at:], side) < window*window<<(2*k)/2 {
		return 0, false
	}
	xx, yy, xy := tensor(m.plane[1][at:], side)
	if xx+yy == 0 {
		return 0, false
	}
	d, e := float64(xx-yy), float64(2*xy)
	return int64(1024 * math.Sqrt(float64(d*d)+float64(e*e)) / float64(xx+yy)), true
}

// pooled is the tissue of the window whose first cell is cells[0].
func pooled(cells []int32, side int) (tissue int32) {
	for y := range window {
		for _, n := range (*[window]int32)(cells[y*side:]) {
			tissue += n
		}
	}
	return tissue
}

// tensor sums the gradients' products in a window, but for its edge. The rows are arrays, of which the compiler checks
// no bounds.
func tensor(cells []int32, side int) (xx, yy, xy int64) {
	above, row := (*[window]int32)(cells), (*[window]int32)(cells[side:])
	for y := 2; y < window; y++ {
		below := (*[window]int32)(cells[y*side:])
		for x := 1; x < window-1; x++ {
			gx, gy := int64(row[x+1]-row[x-1]), int64(below[x]-above[x])
			xx, yy, xy = xx+gx*gx, yy+gy*gy, xy+gx*gy
		}
		above, row = row, below
	}
	return xx, yy, xy
}
