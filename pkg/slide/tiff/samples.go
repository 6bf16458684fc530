package tiff

import (
	"image"
	"sync"
)

// scratch is the memory of one ReadTile.
type scratch struct {
	src   []byte // compressed bytes
	plane []byte // samples of one plane as unpacked, or a whole JPEG stream
	eight []byte // samples of all planes, 8 bits each, interleaved
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// rawSize is the number of bytes of a plane's piece of the given height.
func (im *Image) rawSize(height int) int { return im.rowBytes() * height }

// rowBytes is the number of bytes of one row of a plane.
func (im *Image) rowBytes() int {
	perPixel := im.samples / im.planes
	return (im.Tile.W*perPixel*im.bits + 7) / 8
}

// rowsIn is how many rows a piece holds in the file: tiles are full size, the last strip is not.
func (im *Image) rowsIn(row int) int {
	if im.Tiled {
		return im.Tile.H
	}
	return min(im.Tile.H, im.Size.H-row*im.Tile.H)
}

// readSampled unpacks the tile of every plane into interleaved 8-bit samples and colours dst.
func (im *Image) readSampled(col, row int, dst *image.RGBA, s *scratch) error {
	height := im.rowsIn(row)
	if im.bits != 8 || im.planes != 1 {
		s.eight = grow(s.eight, im.Tile.W*height*im.samples)
	}
	for p := range im.planes {
		src, err := im.read(s.src, (p*im.rows+row)*im.cols+col)
		if err != nil || src == nil {
			clear(dst.Pix)
			return err
		}
		s.src = src
		s.plane = grow(s.plane, im.rawSize(height))
		if err := im.unpack(s.plane, src); err != nil {
			return err
		}
		im.unpredict(s.plane)
		if im.bits == 8 && im.planes == 1 {
			im.colour(dst, s.plane)
			return nil
		}
		im.toEight(s.eight[p:], s.plane, height)
	}
	im.colour(dst, s.eight)
	return nil
}

// unpack runs the codec. The codecs below are other people's code on outside bytes: a panic in one is
// the tile's fault, not the end of the night.
func (im *Image) unpack(dst, src []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged("%s decoder: %v", im.codec.name, p)
		}
	}()
	return im.codec.samples(dst, src)
}

// unpredict undoes predictor 2: each sample is the difference to the same sample of the pixel on its
// left (TIFF 6.0 page 64).
func (im *Image) unpredict(plane []byte) {
	if !im.predictor {
		return
	}
	step, stride := im.samples/im.planes, im.rowBytes()
	for ; len(plane) >= stride; plane = plane[stride:] {
		row := plane[:stride]
		if im.bits == 8 {
			for i := step; i < len(row); i++ {
				row[i] += row[i-step]
			}
			continue
		}
		order := im.file.walk.order
		for i := 2 * step; i+1 < len(row); i += 2 {
			order.PutUint16(row[i:], order.Uint16(row[i:])+order.Uint16(row[i-2*step:]))
		}
	}
}

// toEight spreads a plane's samples over dst, 8 bits each. Samples of one plane are samples/planes
// next to each other, the planes interleave. Grey and palette values of fewer bits keep their value;
// 16 bits are scaled as libtiff does.
func (im *Image) toEight(dst, plane []byte, height int) {
	perRow, stride := im.Tile.W*im.samples/im.planes, im.rowBytes()
	for y := range height {
		row, out := plane[y*stride:][:stride], dst[y*im.Tile.W*im.samples:]
		for i := range perRow {
			out[i*im.planes] = im.sample(row, i)
		}
	}
}

// sample is sample i of a row in 8 bits; see toEight.
func (im *Image) sample(row []byte, i int) byte {
	switch im.bits {
	case 8:
		return row[i]
	case 16:
		return byte((uint32(im.file.walk.order.Uint16(row[2*i:]))*255 + 32767) / 65535)
	}
	at := i * im.bits
	return row[at/8] >> (8 - im.bits - at%8) & (1<<im.bits - 1)
}

// colour turns interleaved samples of whole tile width into dst's pixels.
func (im *Image) colour(dst *image.RGBA, eight []byte) {
	size := dst.Bounds().Size()
	stride := im.Tile.W * im.samples
	for y := range size.Y {
		out, in := dst.Pix[y*dst.Stride:][:4*size.X], eight[y*stride:]
		switch im.Photometric {
		case RGB:
			im.colourRGB(out, in)
		case Palette:
			im.colourPalette(out, in)
		default:
			im.colourGrey(out, in)
		}
	}
}

func (im *Image) colourRGB(out, in []byte) {
	for n := im.samples; len(out) > 0; out, in = out[4:], in[n:] {
		out[0], out[1], out[2], out[3] = in[0], in[1], in[2], 255
		if im.alpha != opaque {
			im.overGlass(out[:4], in[3])
		}
	}
}

func (im *Image) colourPalette(out, in []byte) {
	for n := im.samples; len(out) > 0; out, in = out[4:], in[n:] {
		c := im.palette[in[0]]
		out[0], out[1], out[2], out[3] = c[0], c[1], c[2], 255
	}
}

func (im *Image) colourGrey(out, in []byte) {
	scale := byte(1)
	if im.bits < 8 {
		scale = byte(255 / (1<<im.bits - 1))
	}
	for n := im.samples; len(out) > 0; out, in = out[4:], in[n:] {
		v := in[0] * scale
		if im.Photometric == WhiteIsZero {
			v = 255 - v
		}
		out[0], out[1], out[2], out[3] = v, v, v, 255
		if im.alpha != opaque {
			im.overGlass(out[:4], in[1])
		}
	}
}

// overGlass applies alpha: nothing there means not scanned, anything less than opaque lies on white,
// which is what glass looks like.
func (im *Image) overGlass(p []byte, a byte) {
	switch {
	case a == 255:
	case a == 0:
		clear(p)
	default:
		for i, v := range p[:3] {
			if im.alpha == unassociated {
				v = byte((int(v)*int(a) + 127) / 255)
			}
			p[i] = byte(min(int(v)+255-int(a), 255))
		}
	}
}
