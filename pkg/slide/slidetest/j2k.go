package slidetest

import (
	"bytes"
	"encoding/binary"
	"image"
	"testing"

	jpeg2000 "github.com/ajroetker/go-jpeg2000"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// J2K is a picture as a lossless JPEG 2000 codestream, reversible colour transform included.
func J2K(t testing.TB, im image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg2000.Encode(&out, im, &jpeg2000.EncodeOptions{Lossless: true}); err != nil {
		t.Fatal(err)
	}
	stream := out.Bytes()
	if at := bytes.Index(stream, []byte{0xFF, 0x4F, 0xFF, 0x51}); at > 0 {
		stream = stream[at:] // out of its boxes
	}
	return stream
}

// TIFFOfJ2K is a pyramidal TIFF with compression 34712, JPEG 2000 as ISO/IEC 15444-1 has it, and Colour's pixels:
// each tile is a codestream, the directory says what its components are.
func TIFFOfJ2K(t testing.TB, size pyramid.Size, tile, levels int) []byte {
	t.Helper()
	b := NewBuilder(binary.LittleEndian, false)
	for level := range levels {
		var offsets, counts []uint64
		grid := pyramid.Grid{Size: size, Tile: tile}
		for row := range grid.Rows() {
			for col := range grid.Cols() {
				r := image.Rect(0, 0, tile, tile).Add(image.Pt(col*tile, row*tile))
				stream := J2K(t, atOrigin(Raster(r, level, Colour)))
				offsets, counts = append(offsets, b.Append(stream)), append(counts, uint64(len(stream)))
			}
		}
		b.Directory(
			Long(254, uint64(min(level, 1))), Long(256, uint64(size.W)), Long(257, uint64(size.H)),
			Short(258, 8, 8, 8), Short(259, 34712), Short(262, 2), Short(277, 3),
			Rational(282, 20000/float64(int(1)<<level)), Rational(283, 20000/float64(int(1)<<level)), Short(296, 3),
			Short(322, uint64(tile)), Short(323, uint64(tile)), Long(324, offsets...), Long(325, counts...),
		)
		size = size.Half()
	}
	return b.Bytes()
}

// atOrigin moves a picture to 0, 0, where codestreams begin.
func atOrigin(im *image.RGBA) *image.RGBA {
	return &image.RGBA{Pix: im.Pix, Stride: im.Stride, Rect: im.Rect.Sub(im.Rect.Min)}
}
