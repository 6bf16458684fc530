package codec

// plane is one component of a picture as it was stored, and the means to widen its rows to the
// picture's size. libjpeg calls the smooth way "fancy upsampling" and uses it unless told otherwise
// (jdsample.c): the nearer stored sample weighs three times the farther.
//
// # Memory
//
// pix, and two rows.
type plane struct {
	pix        []byte
	stride     int
	cols, rows int // stored samples, without the padding to whole blocks
	h, v       int // how many times the picture is wider and higher
	wide       []byte
	sums       []int32 // vertical sums of one row
}

// planeSize is the layout of a plane; see plane.
type planeSize struct {
	stride, height, cols, rows, h, v int
}

// resize gives the plane a layout, keeping its memory if that is enough. Its samples are undefined.
func (p *plane) resize(s planeSize) {
	p.stride, p.cols, p.rows, p.h, p.v = s.stride, s.cols, s.rows, s.h, s.v
	p.pix = resized(p.pix, s.stride*s.height)
	p.wide = resized(p.wide, s.cols*s.h)
	p.sums = resized(p.sums, s.cols)
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// smooth reports whether libjpeg would smooth this plane: only factors of two, and not planes that
// are too narrow to have neighbours.
func (p *plane) smooth() bool {
	switch {
	case p.h == 2 && p.v <= 2:
		return p.cols > 2
	case p.h == 1 && p.v == 2:
		return true
	}
	return false
}

// row is row y of the picture in the picture's width. It stays valid until the next call.
func (p *plane) row(y int) []byte {
	near := p.line(y / p.v)
	switch {
	case p.h == 1 && p.v == 1:
		return near
	case !p.smooth():
		return replicate(p.wide, near, p.h)
	case p.v == 1:
		return widen(p.wide, near)
	}
	far := p.line(max(0, min(p.rows-1, y/2-1+2*(y&1))))
	return p.between(near, far, int32(y&1))
}

func (p *plane) line(y int) []byte { return p.pix[y*p.stride:][:p.cols] }

func replicate(out, in []byte, h int) []byte {
	if h == 1 {
		return in
	}
	for x := range out {
		out[x] = in[x/h]
	}
	return out
}

// widen doubles a row (h2v1_fancy_upsample).
func widen(out, in []byte) []byte {
	n := len(in)
	out = out[: 2*n : 2*n]
	left := int32(in[0])
	for x, v := range in[:n-1] {
		v, right := int32(v), int32(in[x+1])
		out[2*x] = byte((3*v + left + 1) >> 2)
		out[2*x+1] = byte((3*v + right + 2) >> 2)
		left = v
	}
	out[0], out[2*n-1] = in[0], in[n-1]
	out[2*n-2] = byte((3*int32(in[n-1]) + left + 1) >> 2)
	return out
}

// between is a row between two stored ones, of which near weighs more; odd is 1 for the lower of the
// two rows made from near (h2v2_fancy_upsample, h1v2_fancy_upsample).
func (p *plane) between(near, far []byte, odd int32) []byte {
	n := len(near)
	sums, far := p.sums[:n], far[:n]
	for x, v := range near {
		sums[x] = 3*int32(v) + int32(far[x])
	}
	if p.h == 1 {
		for x, s := range sums {
			p.wide[x] = byte((s + 1 + odd) >> 2)
		}
		return p.wide[:n]
	}
	out := p.wide[: 2*n : 2*n]
	left := sums[0]
	for x, s := range sums[:n-1] {
		out[2*x] = byte((3*s + left + 8) >> 4)
		out[2*x+1] = byte((3*s + sums[x+1] + 7) >> 4)
		left = s
	}
	last := sums[n-1]
	out[2*n-2], out[2*n-1] = byte((3*last+left+8)>>4), byte((4*last+7)>>4)
	return out
}
