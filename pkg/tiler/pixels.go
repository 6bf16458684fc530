package tiler

import (
	"encoding/binary"
	"image"
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
