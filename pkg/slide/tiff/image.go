package tiff

import (
	"image"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Image is one directory's raster: how its tiles lie and how their samples become pixels. A strip is
// a tile as wide as the image. It is safe for concurrent use.
type Image struct {
	Size        pyramid.Size
	Tile        pyramid.Size // of a whole tile or strip
	Tiled       bool
	Compression Compression
	Photometric Photometric
	Orientation int // tag 274 as it is in the file; pixels are not turned

	file       *File
	dir        *Directory
	cols, rows int
	planes     int // 1, or the number of samples where each has its own tiles
	samples    int
	bits       int // per sample
	predictor  bool
	reversed   bool // bits within bytes run from the lowest
	alpha      alphaKind
	tables     []byte // shared JPEG tables
	palette    [256][3]byte
	offsets    uint16 // tag of the tiles' offsets
	counts     uint16 // tag of the tiles' sizes
	codec      codecEntry
}

// Image reads the layout of a directory and refuses what cannot be or is not supported. Nothing of
// the size of the image is allocated.
func (f *File) Image(d *Directory) (*Image, error) {
	im := &Image{file: f, dir: d, Tiled: d.Has(tagTileWidth)}
	for _, step := range []func() error{im.readSize, im.readGrid, im.readSamples, im.readColour, im.readCodec, im.readArrays} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return im, nil
}

// Cols and Rows are the numbers of tiles across and down.
func (im *Image) Cols() int { return im.cols }

// Rows is the number of tiles down.
func (im *Image) Rows() int { return im.rows }

// Bounds is the rectangle of a tile, clipped to the image.
func (im *Image) Bounds(col, row int) image.Rectangle {
	r := image.Rect(0, 0, im.Tile.W, im.Tile.H).Add(image.Pt(col*im.Tile.W, row*im.Tile.H))
	return r.Intersect(im.Size.Bounds())
}

// side reads a tag that is a length in pixels.
func (im *Image) side(tag uint16) (int, error) {
	v := im.dir.Uint(tag, 0)
	if v < 1 || v > maxImageSide {
		return 0, damaged("tag %d says %d pixels, want 1 to %d", tag, v, maxImageSide)
	}
	return int(v), nil
}

func (im *Image) readSize() (err error) {
	if im.Size.W, err = im.side(tagImageWidth); err != nil {
		return err
	}
	if im.Size.H, err = im.side(tagImageLength); err != nil {
		return err
	}
	if depth := im.dir.Uint(tagImageDepth, 1); depth != 1 {
		return unsupported("%d focal planes in one directory (tag %d)", depth, tagImageDepth)
	}
	im.Orientation = int(min(im.dir.Uint(tagOrientation, 1), math.MaxUint16))
	return nil
}

func (im *Image) readGrid() (err error) {
	if im.Tiled {
		if im.Tile.W, err = im.side(tagTileWidth); err != nil {
			return err
		}
		if im.Tile.H, err = im.side(tagTileLength); err != nil {
			return err
		}
		im.offsets, im.counts = tagTileOffsets, tagTileByteCounts
	} else {
		perStrip := im.dir.Uint(tagRowsPerStrip, math.MaxUint32)
		if perStrip == 0 {
			return damaged("strips of no rows")
		}
		im.Tile = pyramid.Size{W: im.Size.W, H: int(min(perStrip, uint64(im.Size.H)))}
		im.offsets, im.counts = tagStripOffsets, tagStripByteCounts
	}
	if im.Tile.Pixels() > maxTilePixels {
		return unsupported("%s of %s pixels, more than %d in one piece; save the slide with smaller tiles first (vips tiffsave --tile)",
			im.piece(), im.Tile, maxTilePixels)
	}
	im.cols, im.rows = pyramid.CeilDiv(im.Size.W, im.Tile.W), pyramid.CeilDiv(im.Size.H, im.Tile.H)
	return nil
}

// piece is what the image is made of, for messages.
func (im *Image) piece() string {
	if im.Tiled {
		return "tile"
	}
	return "strip"
}

func (im *Image) readSamples() error {
	im.samples = int(min(im.dir.Uint(tagSamplesPerPixel, 1), math.MaxInt32))
	if im.samples < 1 || im.samples > maxSamples {
		return unsupported("%d samples per pixel", im.samples)
	}
	bits := im.dir.Uints(tagBitsPerSample, maxSamples)
	if len(bits) == 0 {
		bits = []uint64{1}
	}
	for _, b := range bits {
		if b != bits[0] {
			return unsupported("samples of different sizes %v", bits)
		}
	}
	im.bits = int(min(bits[0], math.MaxInt32))
	for _, f := range im.dir.Uints(tagSampleFormat, maxSamples) {
		if f != sampleUnsigned && f != sampleUndefined {
			return unsupported("sample format %d (signed, floating point or complex); slides hold unsigned integers", f)
		}
	}
	switch planar := im.dir.Uint(tagPlanarConfig, planarChunky); {
	case planar == planarChunky || im.samples == 1:
		im.planes = 1
	case planar == planarSeparate:
		im.planes = im.samples
	default:
		return damaged("planar configuration %d", planar)
	}
	im.reversed = im.dir.Uint(tagFillOrder, 1) == 2
	return nil
}

// Values of tags 339 and 338.
const (
	sampleUnsigned  = 1
	sampleUndefined = 4
	extraAssociated = 1
)

// alphaKind says what the sample after the colours means.
type alphaKind byte

const (
	opaque alphaKind = iota
	associated
	unassociated
)

// colours is the number of samples per pixel that are colour, by photometric interpretation.
func (p Photometric) colours() int {
	switch p {
	case WhiteIsZero, BlackIsZero, Palette:
		return 1
	case RGB, YCbCr:
		return 3
	}
	return 0
}

func (im *Image) readColour() error {
	if !im.dir.Has(tagPhotometric) && im.samples >= 3 {
		im.Photometric = RGB
	} else {
		im.Photometric = Photometric(min(im.dir.Uint(tagPhotometric, uint64(BlackIsZero)), math.MaxUint16))
	}
	colours := im.Photometric.colours()
	switch {
	case colours == 0:
		return unsupported("photometric interpretation %d; grey, RGB, palette and YCbCr are read", im.Photometric)
	case im.samples < colours:
		return damaged("%d samples per pixel for photometric interpretation %d", im.samples, im.Photometric)
	}
	switch im.bits {
	case 8, 16:
	case 1, 2, 4:
		if im.samples != 1 {
			return unsupported("%d bits per sample in colour", im.bits)
		}
	default:
		return unsupported("%d bits per sample", im.bits)
	}
	if im.samples > colours {
		switch im.dir.Uint(tagExtraSamples, 0) {
		case extraAssociated:
			im.alpha = associated
		case extraUnassociated:
			im.alpha = unassociated
		}
	}
	if im.Photometric == Palette {
		return im.readPalette()
	}
	return nil
}

// readPalette reads the 16-bit colour map: all reds, all greens, all blues.
func (im *Image) readPalette() error {
	if im.bits > 8 {
		return unsupported("palette of %d bits", im.bits)
	}
	n := 1 << im.bits
	if got := im.dir.Len(tagColorMap); got != 3*n {
		return damaged("colour map of %d values, want %d", got, 3*n)
	}
	for i := range n {
		for c := range 3 {
			im.palette[i][c] = byte(im.dir.at(tagColorMap, c*n+i) >> 8)
		}
	}
	return nil
}

// readArrays checks that every tile has its offset and its size.
func (im *Image) readArrays() error {
	if n := int64(im.rawSize(im.Tile.H)) * int64(im.planes); n > maxTileSamples {
		return unsupported("%s of %d bytes of samples", im.piece(), n)
	}
	want := int64(im.cols) * int64(im.rows) * int64(im.planes)
	if n := int64(im.dir.Len(im.offsets)); n < want {
		return damaged("%d %s offsets for %d %ss", n, im.piece(), want, im.piece())
	}
	if n := int64(im.dir.Len(im.counts)); n < want && !(n == 0 && im.Compression == None) {
		return damaged("%d %s sizes for %d %ss", n, im.piece(), want, im.piece())
	}
	if !im.dir.fields[im.offsets].integer() || (im.dir.Has(im.counts) && !im.dir.fields[im.counts].integer()) {
		return damaged("%s offsets that are no integers", im.piece())
	}
	return nil
}
