package codec

import "image"

// convertYCbCr writes im's left upper part into dst with libjpeg's colour arithmetic and its "fancy"
// chroma enlargement (jdsample.c, jdcolor.c), so that pixels are those of every viewer built on it.
func convertYCbCr(dst *image.RGBA, im *image.YCbCr) {
	size, full := dst.Bounds().Size(), im.Bounds().Size()
	c := newChroma(im, full)
	for y := range size.Y {
		cb, cr := c.row(im.Cb, 0, y), c.row(im.Cr, 1, y)
		convertRow(dst.Pix[y*dst.Stride:][:4*size.X], im.Y[y*im.YStride:][:size.X], cb, cr)
	}
}

// libjpeg's fixed-point factors: round(x·2^16) of the JFIF conversion.
const (
	crToR = 91881  // 1.40200
	cbToB = 116130 // 1.77200
	crToG = 46802  // 0.71414
	cbToG = 22554  // 0.34414
	half  = 1 << 15
)

func convertRow(out, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	out = out[:4*len(luma)]
	for x, l := range luma {
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		p := out[4*x : 4*x+4 : 4*x+4]
		p[0] = clamp(y + (crToR*v+half)>>16)
		p[1] = clamp(y + (-cbToG*u-crToG*v+half)>>16)
		p[2] = clamp(y + (cbToB*u+half)>>16)
		p[3] = 255
	}
}

func clamp(v int32) byte {
	if uint32(v) > 255 {
		return byte(^(v >> 31)) // 0 below, 255 above
	}
	return byte(v)
}

// chroma enlarges the chroma planes of an image row by row.
//
// # Memory
//
// Two rows of output and one of column sums.
type chroma struct {
	im     *image.YCbCr
	h, v   int // enlargement
	cols   int // of a chroma plane, without padding
	rows   int
	wide   [2][]byte // one enlarged row per plane
	sums   []int32   // vertical sums of one row
	smooth bool
}

// newChroma prepares for an image of the given size. libjpeg smooths where a plane has more than two
// columns, and replicates otherwise.
func newChroma(im *image.YCbCr, size image.Point) *chroma {
	h, v := ratio(im.SubsampleRatio)
	c := &chroma{im: im, h: h, v: v, cols: ceilDiv(size.X, h), rows: ceilDiv(size.Y, v)}
	c.smooth = h <= 2 && v <= 2 && (c.cols > 2 || h == 1)
	c.sums = make([]int32, c.cols)
	for i := range c.wide {
		c.wide[i] = make([]byte, c.cols*h)
	}
	return c
}

func ratio(r image.YCbCrSubsampleRatio) (h, v int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// row is row y of a plane in full width. It stays valid until the plane's next call.
func (c *chroma) row(plane []byte, which, y int) []byte {
	near := c.line(plane, y/c.v)
	switch out := c.wide[which]; {
	case c.h == 1 && c.v == 1:
		return near
	case !c.smooth:
		return replicate(out, near, c.h)
	case c.v == 1:
		return widen(out, near)
	default:
		far := c.line(plane, max(0, min(c.rows-1, y/2-1+2*(y&1))))
		return c.tall(out, near, far, int32(y&1))
	}
}

func (c *chroma) line(plane []byte, y int) []byte { return plane[y*c.im.CStride:][:c.cols] }

func replicate(out, in []byte, h int) []byte {
	for x := range out {
		out[x] = in[x/h]
	}
	return out
}

// widen doubles a row: each output pixel is 3/4 the nearer and 1/4 the farther input pixel
// (h2v1_fancy_upsample).
func widen(out, in []byte) []byte {
	n := len(in)
	for x := range in {
		left, right := int32(in[max(x-1, 0)]), int32(in[min(x+1, n-1)])
		out[2*x] = byte((3*int32(in[x]) + left + 1) >> 2)
		out[2*x+1] = byte((3*int32(in[x]) + right + 2) >> 2)
	}
	out[0], out[2*n-1] = in[0], in[n-1]
	return out
}

// tall is a row between two rows of a plane, near weighing three times far; odd tells the lower of
// the two rows made from near (h2v2_fancy_upsample, h1v2_fancy_upsample).
func (c *chroma) tall(out, near, far []byte, odd int32) []byte {
	sums := c.sums
	for x := range sums {
		sums[x] = 3*int32(near[x]) + int32(far[x])
	}
	if c.h == 1 {
		for x, s := range sums {
			out[x] = byte((s + 1 + odd) >> 2)
		}
		return out
	}
	n := len(sums)
	for x, s := range sums {
		out[2*x] = byte((3*s + sums[max(x-1, 0)] + 8) >> 4)
		out[2*x+1] = byte((3*s + sums[min(x+1, n-1)] + 7) >> 4)
	}
	return out
}
