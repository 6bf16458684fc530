package codec

import (
	"fmt"
	"image"
	"sync"
)

// J2KDecoder decodes a JPEG 2000 stream as DecodeJ2K does, within 2 of 255.
type J2KDecoder func(dst *image.RGBA, stream []byte, c J2KConfig) error

// J2KConfig is what a tile's container knows of its stream.
type J2KConfig struct {
	// Model is the colour model of three components as they come out of the stream. Unknown believes the
	// stream: RGB unless a JP2 header says otherwise.
	Model Model
	// Limit is the largest picture in pixels; it is at most maxJ2KPixels in any case.
	Limit int
}

// maxJ2KPixels bounds a stream: scanners write tiles of 256 to 1024 pixels. See "# Memory" at DecodeJ2K.
const maxJ2KPixels = 1 << 22

// FindJ2K is the best decoder at hand, and its name for a person. OpenJPEG decodes the rare streams that
// the other one refuses, and an order of magnitude sooner.
var FindJ2K = sync.OnceValues(func() (J2KDecoder, string) {
	lib, path, err := loadOpenJPEG()
	if err != nil {
		return DecodeJ2K, "pure Go, slowly (" + err.Error() + "; on Debian: apt install libopenjp2-7)"
	}
	o := &openJPEG{lib: lib}
	return o.Decode, "OpenJPEG " + lib.version() + " (" + path + ")"
})

// DecodeJ2K decodes a JPEG 2000 stream, raw or in JP2 boxes, into dst's bounds, opaque: its left upper
// part, which must cover them. It runs in pure Go and takes what slides hold: 8-bit grey or colour without
// subsampling, one set of coding parameters. A stream that is cut short is an error. Damage inside the
// arithmetic-coded data cannot be told from data: the format has no check there.
//
// # Memory
//
// Some 60 bytes per pixel of the stream in this decoder (OpenJPEG: 30, outside Go's heap), which at
// maxJ2KPixels is 250 MB and for a tile of 256 pixels 4 MB. What the headers may ask for is bounded
// before either decoder sees them (j2kheader.go).
func DecodeJ2K(dst *image.RGBA, stream []byte, c J2KConfig) error {
	return decodeJ2K(dst, stream, c, plainJ2K)
}

// j2kPicture is a decoded picture, a plane of 8-bit samples for each component.
type j2kPicture struct{ planes []j2kPlane }

type j2kPlane struct {
	w, h int
	pix  []byte
}

// decodeJ2K checks a stream, has it unpacked and paints it.
func decodeJ2K(dst *image.RGBA, stream []byte, c J2KConfig, unpack func([]byte, *j2kHeader) (*j2kPicture, error)) error {
	codestream, model, err := unboxJ2K(stream)
	if err != nil {
		return err
	}
	h, err := parseJ2K(codestream)
	if err != nil {
		return err
	}
	limit := min(c.Limit, maxJ2KPixels)
	switch want := dst.Bounds().Size(); {
	case h.width*h.height > limit:
		return j2kUnsupported("%d by %d pixels in one stream", h.width, h.height)
	case h.width < want.X || h.height < want.Y:
		return j2kDamaged("stream of %d by %d pixels for a tile of %d by %d", h.width, h.height, want.X, want.Y)
	}
	picture, err := unpack(codestream, h)
	if err != nil {
		return err
	}
	if c.Model != Unknown {
		model = c.Model
	}
	return picture.paint(dst, h, model)
}

// paint turns the planes into pixels. Subsampled chroma is repeated, as OpenSlide does.
func (p *j2kPicture) paint(dst *image.RGBA, h *j2kHeader, model Model) error {
	for i, plane := range p.planes {
		c := h.components[i]
		if plane.w < ceilDiv(h.width, c.dx) || plane.h < ceilDiv(h.height, c.dy) {
			return j2kDamaged("component %d has %d by %d samples", i, plane.w, plane.h)
		}
	}
	size := dst.Bounds().Size()
	wide := make([]byte, 2*size.X)
	for y := range size.Y {
		out := dst.Pix[y*dst.Stride:][:4*size.X]
		first := p.planes[0].pix[y*p.planes[0].w:][:size.X]
		if len(p.planes) < 3 {
			paintGrey(out, first)
			continue
		}
		second, third := p.row(h, 1, y, wide[:size.X]), p.row(h, 2, y, wide[size.X:])
		if model == YCbCr {
			paintYCbCr(out, first, second, third)
		} else {
			paintRGB(out, first, second, third)
		}
	}
	return nil
}

// row is row y of component i in the picture's width, in wide where it must be widened.
func (p *j2kPicture) row(h *j2kHeader, i, y int, wide []byte) []byte {
	plane, c := p.planes[i], h.components[i]
	line := plane.pix[y/c.dy*plane.w:][:plane.w]
	if c.dx == 1 {
		return line[:len(wide)]
	}
	for x := range wide {
		wide[x] = line[x/c.dx]
	}
	return wide
}

func j2kDamaged(format string, args ...any) error {
	return jpeg2000Error{fmt.Sprintf(format, args...)}.damaged()
}

func j2kUnsupported(format string, args ...any) error {
	return jpeg2000Error{fmt.Sprintf(format, args...)}.unsupported()
}
