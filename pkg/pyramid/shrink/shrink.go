// Package shrink makes a tile of a pyramid from the four tiles below it: the exact mean of 2 × 2
// pixels in integer arithmetic, the same on every machine. It knows pixels and nothing else.
package shrink

import (
	"encoding/binary"
	"image"
	"image/draw"
)

// RGBA fills dst, which has the parent's size, with the mean of 2 × 2 pixels of up to four tiles of
// side tile of the level below, by column and row; nil ones lie beyond the edge. All four channels
// are rounded to nearest. Beyond an odd edge the last pixel repeats, which makes the mean that
// of the pixels that are there.
func RGBA(dst *image.RGBA, child [2][2]*image.RGBA, tile int) {
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
	for len(above) >= 16 && len(below) >= 16 && len(dst) >= 8 {
		first := mean4(binary.LittleEndian.Uint64(above), binary.LittleEndian.Uint64(below))
		second := mean4(binary.LittleEndian.Uint64(above[8:]), binary.LittleEndian.Uint64(below[8:]))
		binary.LittleEndian.PutUint64(dst, uint64(first)|uint64(second)<<32)
		dst, above, below = dst[8:], above[16:], below[16:]
	}
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

// row is row y of the image, counted from its top.
func row(img *image.RGBA, y int) []uint8 {
	return img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
}
