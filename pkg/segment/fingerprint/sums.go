package fingerprint

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

// Sums are what one block adds to a patch. All are whole numbers, so a patch is the same sum in whatever
// order, on whatever processor, its blocks are added up.
type Sums struct {
	Tissue int64           // pixels darker than glass
	first  [channels]int64 // sums of the tissue's channels, their squares and cubes
	square [channels]int64
	cube   [channels]int64
	cross  [3]int64         // H·E, H·R, E·R
	detail [2][levels]int64 // squared details of haematoxylin and brightness, by octave
	count  [levels]int64    // of the places where there was tissue enough
	// coherence of the gradients in small windows, in 1/1024, and the number of windows.
	coherence, windows [2]int64
}

// Add adds another block.
func (s *Sums) Add(o *Sums) {
	s.Tissue += o.Tissue
	for c := range channels {
		s.first[c] += o.first[c]
		s.square[c] += o.square[c]
		s.cube[c] += o.cube[c]
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
}

// Measure sums up the block whose first pixel is pix[0], four bytes a pixel.
func (m *Meter) Measure(pix []uint8, stride int, s *Sums) {
	*s = Sums{}
	for y := range Block {
		row := pix[y*stride:][:4*Block]
		for x := range Block {
			m.pixel(row[4*x:4*x+3:4*x+3], y*Block+x, s)
		}
	}
	side := Block
	for k := range levels {
		if k == 1 || k == 2 {
			m.gradients(side, k, s)
		}
		m.halve(side, k, s)
		side /= 2
	}
}

func (m *Meter) pixel(rgb []uint8, i int, s *Sums) {
	r, g, b := density[rgb[0]], density[rgb[1]], density[rgb[2]]
	var v [channels]int64
	for c := range 3 {
		v[c] = int64((unmix[c][0]*r + unmix[c][1]*g + unmix[c][2]*b) >> 12)
	}
	v[bright] = int64(77*int32(rgb[0])+150*int32(rgb[1])+29*int32(rgb[2])) >> 4
	m.plane[0][i], m.plane[1][i], m.tissue[i] = int32(v[stainH]), int32(v[bright]), 0
	if v[bright] >= glass {
		return
	}
	m.tissue[i] = 1
	s.Tissue++
	for c, a := range v {
		s.first[c] += a
		s.square[c] += a * a
		s.cube[c] += a * a * a
	}
	s.cross[0] += v[stainH] * v[stainE]
	s.cross[1] += v[stainH] * v[stainR]
	s.cross[2] += v[stainE] * v[stainR]
}

// halve adds the details between a level and the next coarser one (the three Haar details of each two
// by two cells, where at least half is tissue) and makes that level, in place. Cells hold sums, not
// means, so nothing is rounded.
func (m *Meter) halve(side, k int, s *Sums) {
	half := side / 2
	enough := int32(1) << (2*k + 1)
	for y := range half {
		for x := range half {
			i, to := 2*y*side+2*x, y*half+x
			tissue := m.tissue[i] + m.tissue[i+1] + m.tissue[i+side] + m.tissue[i+side+1]
			for p := range m.plane {
				cells := &m.plane[p]
				a, b, c, d := cells[i], cells[i+1], cells[i+side], cells[i+side+1]
				if tissue >= enough {
					h, v, o := int64(a-b+c-d), int64(a+b-c-d), int64(a-b-c+d)
					s.detail[p][k] += h*h + v*v + o*o
				}
				cells[to] = a + b + c + d
			}
			if tissue >= enough {
				s.count[k]++
			}
			m.tissue[to] = tissue
		}
	}
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
	cells := &m.plane[1]
	var xx, yy, xy int64
	tissue := int32(0)
	for y := top; y < top+window; y++ {
		for x := left; x < left+window; x++ {
			tissue += m.tissue[y*side+x]
			if x == left || y == top || x == left+window-1 || y == top+window-1 {
				continue
			}
			i := y*side + x
			gx, gy := int64(cells[i+1]-cells[i-1]), int64(cells[i+side]-cells[i-side])
			xx, yy, xy = xx+gx*gx, yy+gy*gy, xy+gx*gy
		}
	}
	if tissue < window*window<<(2*k)/2 || xx+yy == 0 {
		return 0, false
	}
	d, e := float64(xx-yy), float64(2*xy)
	return int64(1024 * math.Sqrt(float64(d*d)+float64(e*e)) / float64(xx+yy)), true
}
