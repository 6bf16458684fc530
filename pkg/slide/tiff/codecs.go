package tiff

import (
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/slide/codec"
)

// codecEntry is one row of the codec table: a compression either unpacks to samples, which the image
// then arranges, or decodes to pixels at once.
type codecEntry struct {
	name    string
	samples func(dst, src []byte) error
	pixels  func(im *Image, dst *image.RGBA, s *scratch) error // decodes s.src
}

// codecFor is the codec table.
func codecFor(c Compression) (e codecEntry, ok bool) {
	switch c {
	case None:
		return codecEntry{name: "none", samples: codec.Uncompressed}, true
	case LZW:
		return codecEntry{name: "lzw", samples: codec.LZW}, true
	case Deflate, DeflateAdobe:
		return codecEntry{name: "deflate", samples: codec.Deflate}, true
	case PackBits:
		return codecEntry{name: "packbits", samples: codec.PackBits}, true
	case JPEG:
		return codecEntry{name: "jpeg", pixels: (*Image).decodeJPEG}, true
	case AperioJ2KYCC, AperioJ2KRGB, JPEG2000:
		return codecEntry{name: "j2k", pixels: (*Image).decodeJ2K}, true
	}
	return codecEntry{}, false
}

// foreign names a compression that the table lacks, with what to do.
func (c Compression) foreign() string {
	const convert = "; convert the slide first, for example with vips tiffsave --tile --pyramid --compression jpeg"
	switch c {
	case OldJPEG:
		return "6 (JPEG of TIFF 6.0, withdrawn in 1995)" + convert
	case 2, 3, 4:
		return fmt.Sprintf("%d (fax)%s", uint16(c), convert)
	}
	return fmt.Sprintf("%d%s", uint16(c), convert)
}

// Codec is the name of the image's codec, such as jpeg.
func (im *Image) Codec() string { return im.codec.name }

func (im *Image) readCodec() error {
	im.Compression = Compression(min(im.dir.Uint(tagCompression, uint64(None)), 1<<16-1))
	var ok bool
	if im.codec, ok = codecFor(im.Compression); !ok {
		return unsupported("compression %s", im.Compression.foreign())
	}
	if im.codec.pixels != nil {
		im.tables = im.dir.Bytes(tagJPEGTables)
		return im.checkPixelCodec()
	}
	if im.Photometric == YCbCr {
		return unsupported("YCbCr samples outside JPEG")
	}
	switch p := im.dir.Uint(tagPredictor, 1); {
	case p == predictorHorizontal && im.bits >= 8:
		im.predictor = im.Compression != None && im.Compression != PackBits
	case p != 1:
		return unsupported("predictor %d with %d bits per sample", p, im.bits)
	}
	return nil
}

// checkPixelCodec refuses sample layouts that cannot come out of a JPEG or JPEG 2000 stream.
func (im *Image) checkPixelCodec() error {
	switch {
	case im.bits != 8:
		return unsupported("%s of %d bits per sample", im.codec.name, im.bits)
	case im.planes != 1:
		return unsupported("%s with separate planes", im.codec.name)
	case im.samples != im.Photometric.colours() || im.Photometric == Palette:
		return unsupported("%s of %d samples per pixel with photometric interpretation %d", im.codec.name, im.samples, im.Photometric)
	}
	return nil
}

// decodeJ2K decodes a tile's JPEG 2000 stream. Aperio's directories say RGB whatever is inside; which of
// its two compressions it is tells whether the decoder's output is RGB.
func (im *Image) decodeJ2K(dst *image.RGBA, s *scratch) error {
	model := codec.Unknown
	switch {
	case im.Compression == AperioJ2KYCC, im.Compression == JPEG2000 && im.Photometric == YCbCr:
		model = codec.YCbCr
	case im.Compression == AperioJ2KRGB:
		model = codec.RGB
	}
	if err := im.file.J2K(dst, s.src, codec.J2KConfig{Model: model, Limit: maxTilePixels}); err != nil {
		return err
	}
	if im.Photometric == WhiteIsZero {
		invert(dst)
	}
	return nil
}

// decodeJPEG decodes a tile's stream, with the tables and the colour model that its directory knows.
func (im *Image) decodeJPEG(dst *image.RGBA, s *scratch) (err error) {
	if s.plane, err = im.standalone(s.plane[:0], s.src); err != nil {
		return err
	}
	if err := im.file.JPEG(dst, s.plane, maxTilePixels); err != nil {
		return err
	}
	if im.Photometric == WhiteIsZero {
		invert(dst)
	}
	return nil
}

// standalone appends a whole JPEG made of a tile's stream to dst.
func (im *Image) standalone(dst, src []byte) ([]byte, error) {
	model := codec.Grey
	switch im.Photometric {
	case RGB:
		model = codec.RGB
	case YCbCr:
		model = codec.YCbCr
	}
	return codec.Standalone(dst, im.tables, src, model)
}

func invert(dst *image.RGBA) {
	for i := range dst.Pix {
		if i%4 != 3 {
			dst.Pix[i] = 255 - dst.Pix[i]
		}
	}
}
