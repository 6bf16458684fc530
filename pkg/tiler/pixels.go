package tiler

import (
	"encoding/binary"
	"image"
	"image/draw"
)

// reshape gives img the bounds r, keeping its memory if that suffices. The pixels are undefined.
func reshape(img *image.RGBA, r image.Rectangle) {
	n := 4 * r.Dx() * r.Dy()
	if cap(img.Pix) < n {
		img.Pix = make([]uint8, n)
	}
	img.Pix, img.Stride, img.Rect = img.Pix[:n], 4*r.Dx(), r
}

func imageBytes(img *image.RGBA) int64 { return int64(cap(img.Pix)) }

// row is row y of the image, counted from its top.
func row(img *image.RGBA, y int) []uint8 {
	return img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
}

const opaquePair = 0xff000000_ff000000 // the alphas of two pixels, little endian

// whiten lays the image over white and returns the number of fully transparent pixels. The alpha
// stays, so that shrinking turns it into the share of scanned pixels.
func whiten(img *image.RGBA) (transparent int64) {
	for y := range img.Rect.Dy() {
		if px := row(img, y); !opaqueRow(px) {
			transparent += whitenRow(px)
		}
	}
	return transparent
}

func opaqueRow(px []uint8) bool {
	for ; len(px) >= 8; px = px[8:] {
		if binary.LittleEndian.Uint64(px)&opaquePair != opaquePair {
			return false
		}
	}
	return len(px) < 4 || px[3] == 255
}

func whitenRow(px []uint8) (transparent int64) {
	for ; len(px) >= 4; px = px[4:] {
		a := px[3]
		if a == 0 {
			transparent++
		}
		for c := range 3 { // premultiplied: at most a
			px[c] = min(px[c], a) + (255 - a)
		}
	}
	return transparent
}

// shrink fills dst with the mean of 2 × 2 pixels of up to four tiles of the level below (by column
// and row), rounded to nearest. Beyond an odd edge the last pixel repeats, which makes the mean that
// of the pixels that are there.
func shrink(dst *image.RGBA, child [2][2]*image.RGBA, tile int) {
	if tile%2 != 0 {
		child = [2][2]*image.RGBA{{join(child, tile), nil}, {nil, nil}}
	}
	for x := range 2 {
		for y := range 2 {
			if src := child[x][y]; src != nil {
				halve(dst, x*(tile/2), y*(tile/2), src)
			}
		}
	}
}

// join lays four tiles side by side. Tiles of odd sides need it, as pixels pair up across their seam.
func join(child [2][2]*image.RGBA, tile int) *image.RGBA {
	size := child[0][0].Rect.Size()
	if child[1][0] != nil {
		size.X = tile + child[1][0].Rect.Dx()
	}
	if child[0][1] != nil {
		size.Y = tile + child[0][1].Rect.Dy()
	}
	all := image.NewRGBA(image.Rectangle{Max: size})
	for x := range 2 {
		for y := range 2 {
			if src := child[x][y]; src != nil {
				draw.Draw(all, image.Rectangle{image.Pt(x*tile, y*tile), size}, src, src.Rect.Min, draw.Src)
			}
		}
	}
	return all
}

// halve writes the mean of 2 × 2 pixels of src to dst from (x0, y0) on.
func halve(dst *image.RGBA, x0, y0 int, src *image.RGBA) {
	h := src.Rect.Dy()
	for y := range (h + 1) / 2 {
		above, below := row(src, 2*y), row(src, min(2*y+1, h-1))
		halveRow(row(dst, y0+y)[4*x0:], above, below)
	}
}

// halveRow works on eight bytes, two pixels, at once: even and odd channels in lanes of 16 bits.
func halveRow(dst, above, below []uint8) {
	for len(above) >= 8 && len(below) >= 8 {
		binary.LittleEndian.PutUint32(dst, mean4(binary.LittleEndian.Uint64(above), binary.LittleEndian.Uint64(below)))
		dst, above, below = dst[4:], above[8:], below[8:]
	}
	if len(above) >= 4 {
		a, b := uint64(binary.LittleEndian.Uint32(above)), uint64(binary.LittleEndian.Uint32(below))
		binary.LittleEndian.PutUint32(dst, mean4(a|a<<32, b|b<<32))
	}
}

// mean4 is the mean of two pixels above and two below, each channel rounded to nearest.
func mean4(above, below uint64) uint32 {
	const lanes, half = 0x00ff00ff_00ff00ff, 0x0002_0002
	even := above&lanes + below&lanes
	odd := above>>8&lanes + below>>8&lanes
	e := (uint32(even) + uint32(even>>32) + half) >> 2 & 0x00ff00ff
	o := (uint32(odd) + uint32(odd>>32) + half) >> 2 & 0x00ff00ff
	return e | o<<8
}
