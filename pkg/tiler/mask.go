package tiler

import "image"

// mask is a binary picture. Neighbourhoods are squares and connections eight-way for what is on,
// four-way for what is off, so that a thin wall of tissue closes a hole.
type mask struct {
	size image.Point
	on   []bool
}

func newMask(size image.Point) mask { return mask{size, make([]bool, size.X*size.Y)} }

func (m mask) set(i int, v bool) { m.on[i] = v }

// dilated is the mask grown by r pixels to each side.
func (m mask) dilated(r int) mask { return m.slid(r, true) }

// eroded is the mask shrunk by r pixels; beyond the picture all counts as on, so that what reaches
// the border is not eaten from there.
func (m mask) eroded(r int) mask { return m.slid(r, false) }

// closed fills gaps narrower than 2r+1 pixels.
func (m mask) closed(r int) mask { return m.dilated(r).eroded(r) }

// slid spreads the value v over a square of side 2r+1, along rows and then along columns.
func (m mask) slid(r int, v bool) mask {
	if r < 1 {
		return m
	}
	across, out := newMask(m.size), newMask(m.size)
	for y := range m.size.Y {
		spreadLine(across.on[y*m.size.X:], m.on[y*m.size.X:], m.size.X, 1, r, v)
	}
	for x := range m.size.X {
		spreadLine(out.on[x:], across.on[x:], m.size.Y, m.size.X, r, v)
	}
	return out
}

// spreadLine sets dst to v within r of any v in src, and to !v elsewhere, along n values step apart.
func spreadLine(dst, src []bool, n, step, r int, v bool) {
	near := 0 // values v within the window
	for i := range min(r, n) {
		if src[i*step] == v {
			near++
		}
	}
	for i := range n {
		if i+r < n && src[(i+r)*step] == v {
			near++
		}
		if i > r && src[(i-r-1)*step] == v {
			near--
		}
		dst[i*step] = (near > 0) == v
	}
}

// filter removes the connected pieces that keep refuses. The slice is valid during the call only.
func (m mask) filter(keep func(piece []int32) bool) {
	m.pieces(true, func(piece []int32) {
		if !keep(piece) {
			m.setAll(piece, false)
		}
	})
}

// fillHoles turns on every connected piece of background below the area. A piece at the border shows
// about a quarter of itself: a picture cropped from tissue has its lumens there.
func (m mask) fillHoles(area int) {
	m.pieces(false, func(piece []int32) {
		seen := len(piece)
		if some(piece, m.atBorder) {
			seen *= 4
		}
		if seen < area && len(piece) < len(m.on) {
			m.setAll(piece, true)
		}
	})
}

func (m mask) atBorder(i int32) bool {
	w, n := uint32(m.size.X), uint32(len(m.on)) // a division of 32 bits is much faster
	x := uint32(i) % w
	return x == 0 || x == w-1 || uint32(i) < w || uint32(i) >= n-w
}

func (m mask) setAll(piece []int32, v bool) {
	for _, i := range piece {
		m.on[i] = v
	}
}

// spread grows the mask over all of the other mask that is connected to it.
func (m mask) spread(over mask) {
	open := make([]bool, len(m.on))
	var list []int32
	for i, on := range m.on {
		open[i] = over.on[i] && !on
		if on {
			list = append(list, int32(i))
		}
	}
	m.setAll(m.flood(list, true, open), true)
}

// pieces visits every connected piece of the value. The slice is valid during the call only.
func (m mask) pieces(v bool, visit func(piece []int32)) {
	open := make([]bool, len(m.on)) // not yet of a piece
	for i, on := range m.on {
		open[i] = on == v
	}
	var list []int32
	for i := range open {
		if open[i] {
			open[i] = false
			list = m.flood(append(list[:0], int32(i)), v, open)
			visit(list)
		}
	}
}

// flood extends the list by all neighbours that are open, theirs, and so on, and closes them. Nearly all pixels have
// all their neighbours: the loop over these is what the search for tissue spends its time in.
func (m mask) flood(list []int32, diagonal bool, open []bool) []int32 {
	around := m.around(diagonal)
	for next := 0; next < len(list); next++ {
		at := list[next]
		if m.atBorder(at) {
			list = m.floodBorder(list, at, diagonal, open)
			continue
		}
		for _, step := range around {
			if j := at + step; open[j] {
				open[j] = false
				list = append(list, j)
			}
		}
	}
	return list
}

// around is how far the neighbours of a pixel within the border lie from it.
func (m mask) around(diagonal bool) []int32 {
	w := int32(m.size.X)
	steps := []int32{-w, -1, 1, w}
	if diagonal {
		steps = append(steps, -w-1, -w+1, w-1, w+1)
	}
	return steps
}

// floodBorder extends the list by the open neighbours of a pixel at the border.
func (m mask) floodBorder(list []int32, at int32, diagonal bool, open []bool) []int32 {
	x, y := int(at)%m.size.X, int(at)/m.size.X
	for ny := max(y-1, 0); ny <= min(y+1, m.size.Y-1); ny++ {
		for nx := max(x-1, 0); nx <= min(x+1, m.size.X-1); nx++ {
			j := int32(ny*m.size.X + nx)
			if open[j] && (diagonal || nx == x || ny == y) {
				open[j] = false
				list = append(list, j)
			}
		}
	}
	return list
}

func some(piece []int32, is func(i int32) bool) bool {
	for _, i := range piece {
		if is(i) {
			return true
		}
	}
	return false
}

// boxMean is the mean over 3 × 3 pixels, the border repeated.
func boxMean(src []uint8, size image.Point) []uint8 {
	sums, dst := make([]uint16, len(src)), make([]uint8, len(src))
	for y := range size.Y {
		line := src[y*size.X:][:size.X]
		for x, v := range line {
			sums[y*size.X+x] = uint16(line[max(x-1, 0)]) + uint16(v) + uint16(line[min(x+1, size.X-1)])
		}
	}
	for y := range size.Y {
		above, below := max(y-1, 0)*size.X, min(y+1, size.Y-1)*size.X
		for x := range size.X {
			sum := sums[above+x] + sums[y*size.X+x] + sums[below+x]
			dst[y*size.X+x] = uint8((sum + 4) / 9)
		}
	}
	return dst
}
