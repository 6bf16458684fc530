package codec

import (
	"errors"
	"image"
)

// ErrNoHalf says that a sound stream cannot be decoded at half its size: decode it whole and shrink it.
var ErrNoHalf = errors.New("jpeg: no half size for this stream")

// DecodeHalf decodes a stream at half its size, rounded up, as libjpeg does: each block of 8 by 8
// coefficients becomes 4 by 4 samples, and chroma that is stored at half size stays as it is. The whole
// scan is read, so damage shows as it does in DecodeJPEG; what is saved is most of the transform, the
// colours and the memory of three pixels in four. The picture is not the mean of 2 by 2 pixels: on
// stained tissue it differs from that by some 40 dB, a tenth of what encoding it again costs.
//
// Streams that are not sequential give ErrNoHalf.
func DecodeHalf(dst *image.RGBA, stream []byte, limit int) error {
	d := decoderPool.Get().(*jpegDecoder)
	defer decoderPool.Put(d)
	d.half = true
	defer func() { d.half = false }()
	rgb, err := d.decode(stream, func(f frame) error { return f.shrunk(2).fits(dst, limit) })
	if err == nil {
		d.paint(dst, rgb)
	}
	return err
}

// shrunk is the frame of the picture at 1/n of its size.
func (f frame) shrunk(n int) frame {
	f.width, f.height = ceilDiv(f.width, n), ceilDiv(f.height, n)
	return f
}

// blockSide is the number of samples to a block's side of a component: 8, and at half size 4, unless the
// component is stored so much smaller than the others that its whole block is the half (jdmaster.c).
func (d *jpegDecoder) blockSide(c component, hMax, vMax int) int {
	if !d.half {
		return 8
	}
	if hMax%(2*int(c.h)) == 0 && vMax%(2*int(c.v)) == 0 {
		return 8
	}
	return 4
}

// blockUnit is the number of the picture's pixels to a block's side of the largest component.
func (d *jpegDecoder) blockUnit() int {
	if d.half {
		return 4
	}
	return 8
}

// The constants of the transform to 4 by 4 samples (jidctred.c): an eight-point transform of which only
// every second output is wanted, with the averaging folded in.
const (
	f0211 = 1730  // 0.211164243
	f0509 = 4176  // 0.509795579
	f0601 = 4926  // 0.601344887
	f1061 = 8697  // 1.061594337
	f1451 = 11893 // 1.451774981
	f2172 = 17799 // 2.172734803
)

// transformHalf writes a block whose last coefficient in zigzag order is number last, and leaves it zero.
func transformHalf(c *[64]int32, last int, out []byte, stride int) {
	if last == 0 {
		flatHalf(c[0], out, stride)
		c[0] = 0
		return
	}
	idctHalf(c, out, stride)
}

// idctHalf transforms a block of coefficients and writes its 4 by 4 samples to out. It leaves the block
// zero for the next one. The coefficients of row and column 4 have no part in the result.
func idctHalf(c *[64]int32, out []byte, stride int) {
	const shift = constBits - passBits + 1
	for x := range 8 {
		if x == 4 {
			continue
		}
		if c[8+x]|c[16+x]|c[24+x]|c[40+x]|c[48+x]|c[56+x] == 0 {
			v := c[x] << passBits
			c[x], c[8+x], c[16+x], c[24+x] = v, v, v, v
			continue
		}
		e0, e1, o0, o1 := halfParts(c[x], c[8+x], c[16+x], c[24+x], c[40+x], c[48+x], c[56+x])
		const half = 1 << (shift - 1)
		c[x], c[24+x] = (e0+o1+half)>>shift, (e0-o1+half)>>shift
		c[8+x], c[16+x] = (e1+o0+half)>>shift, (e1-o0+half)>>shift
	}
	for y := range 4 {
		r, o := c[8*y:8*y+8:8*y+8], out[y*stride:y*stride+4:y*stride+4]
		const last = constBits + passBits + 3 + 1
		const half = 1<<(last-1) + 128<<last
		e0, e1, o0, o1 := halfParts(r[0], r[1], r[2], r[3], r[5], r[6], r[7])
		o[0], o[3] = clamp((e0+o1+half)>>last), clamp((e0-o1+half)>>last)
		o[1], o[2] = clamp((e1+o0+half)>>last), clamp((e1-o0+half)>>last)
	}
	*c = [64]int32{}
}

// halfParts is the transform of seven coefficients to the even and odd parts of four samples.
func halfParts(c0, c1, c2, c3, c5, c6, c7 int32) (e0, e1, o0, o1 int32) {
	t0, t2 := c0<<(constBits+1), c2*f1847-c6*f0765
	o0 = c5*f1451 - c7*f0211 - c3*f2172 + c1*f1061
	o1 = c3*f0899 - c7*f0509 - c5*f0601 + c1*f2562
	return t0 + t2, t0 - t2, o0, o1
}

// flatHalf writes the block whose only coefficient is dc, as idctHalf would.
func flatHalf(dc int32, out []byte, stride int) {
	v := clamp((dc<<passBits+1<<(passBits+2))>>(passBits+3) + 128)
	for y := range 4 {
		o := out[y*stride : y*stride+4 : y*stride+4]
		o[0], o[1], o[2], o[3] = v, v, v, v
	}
}
