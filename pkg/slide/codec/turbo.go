package codec

import (
	"errors"
	"fmt"
	"image"
	"os"
	"sync"
)

// JPEGDecoder decodes a whole stream as DecodeJPEG does, to the bit.
type JPEGDecoder func(dst *image.RGBA, stream []byte, limit int) error

// ErrNoTurbo says that libjpeg-turbo is not in use, which costs time and changes no pixel.
var ErrNoTurbo = errors.New("libjpeg-turbo is not in use")

// Turbo is libjpeg-turbo, loaded from the machine while the program runs.
type Turbo struct {
	// Path is the library as the loader knows it.
	Path string
	lib  turboLibrary
}

// FindTurbo looks for libjpeg-turbo's TurboJPEG library once. It is used only if it decodes a picture
// to the same bits as this package does; then a slide's pixels do not depend on the machine.
var FindTurbo = sync.OnceValues(findTurbo)

// withoutTurbo is the environment's word against the library, for comparisons and where it is not trusted.
const withoutTurbo = "SLIDEMILL_JPEG"

func findTurbo() (*Turbo, error) {
	if os.Getenv(withoutTurbo) == "go" {
		return nil, fmt.Errorf("%w: %s=go", ErrNoTurbo, withoutTurbo)
	}
	lib, path, err := loadTurbo()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTurbo, err)
	}
	t := &Turbo{Path: path, lib: lib}
	if err := t.selfTest(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoTurbo, path, err)
	}
	return t, nil
}

// Decode is a JPEGDecoder. What the library sees has been checked here first: it gets sequential
// streams with all their tables and sane sizes only. Whatever it complains of is decoded again by
// DecodeJPEG, whose word counts.
func (t *Turbo) Decode(dst *image.RGBA, stream []byte, limit int) error {
	return t.decodeAt(1, dst, stream, limit, DecodeJPEG)
}

// DecodeHalf is DecodeHalf of this package, to the bit.
func (t *Turbo) DecodeHalf(dst *image.RGBA, stream []byte, limit int) error {
	return t.decodeAt(2, dst, stream, limit, DecodeHalf)
}

// decodeAt decodes at 1/n of the size; ours decodes what the library does not.
func (t *Turbo) decodeAt(n int, dst *image.RGBA, stream []byte, limit int, ours JPEGDecoder) error {
	f, scan, err := readFrame(stream)
	if err != nil {
		return err
	}
	small := f.shrunk(n)
	if err := small.fits(dst, limit); err != nil {
		return err
	}
	if f.marker == mSOF2 || len(scan) == 0 || !t.decode(small, dst, stream) {
		return ours(dst, stream, limit)
	}
	return nil
}

// Encode is EncodeJPEG, to the bit.
func (t *Turbo) Encode(dst []byte, img *image.RGBA, quality int) ([]byte, error) {
	if err := encodable(img, quality); err != nil {
		return nil, err
	}
	if out, ok := t.lib.compress(dst, img, quality); ok {
		return out, nil
	}
	return EncodeJPEG(dst, img, quality)
}

// decode has the library decode a stream to the frame's size, its own or half of it, straight into dst if
// that has the size.
func (t *Turbo) decode(f frame, dst *image.RGBA, stream []byte) bool {
	if size := dst.Bounds().Size(); size == image.Pt(f.width, f.height) {
		return t.lib.decompress(stream, dst.Pix, size, dst.Stride)
	}
	whole := rasterPool.Get().(*image.RGBA)
	defer rasterPool.Put(whole)
	whole.Pix = resized(whole.Pix, 4*f.width*f.height)
	whole.Stride = 4 * f.width
	if !t.lib.decompress(stream, whole.Pix, image.Pt(f.width, f.height), whole.Stride) {
		return false
	}
	size := dst.Bounds().Size()
	for y := range size.Y {
		copy(dst.Pix[y*dst.Stride:][:4*size.X], whole.Pix[y*whole.Stride:])
	}
	return true
}

// rasterPool holds rasters of tiles that are cut at the slide's edge.
var rasterPool = sync.Pool{New: func() any { return new(image.RGBA) }}

// selfTest decodes a picture both ways, whole and at half its size.
func (t *Turbo) selfTest() error {
	size, err := JPEGSize(selfTestJPEG)
	if err != nil {
		return err
	}
	if err := t.selfTestAt(size, DecodeJPEG); err != nil {
		return err
	}
	if err := t.selfTestAt(image.Pt(ceilDiv(size.X, 2), ceilDiv(size.Y, 2)), DecodeHalf); err != nil {
		return fmt.Errorf("at half size: %w", err)
	}
	return t.selfTestEncoder(size)
}

// selfTestEncoder encodes the picture both ways.
func (t *Turbo) selfTestEncoder(size image.Point) error {
	img := image.NewRGBA(image.Rectangle{Max: size})
	if err := DecodeJPEG(img, selfTestJPEG, size.X*size.Y); err != nil {
		return err
	}
	ours, err := EncodeJPEG(nil, img, 85)
	if err != nil {
		return err
	}
	if theirs, ok := t.lib.compress(nil, img, 85); !ok || string(theirs) != string(ours) {
		return errors.New("the library encodes to other bytes")
	}
	return nil
}

func (t *Turbo) selfTestAt(size image.Point, decode JPEGDecoder) error {
	ours, theirs := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
	if err := decode(ours, selfTestJPEG, size.X*size.Y); err != nil {
		return err
	}
	if !t.lib.decompress(selfTestJPEG, theirs.Pix, size, theirs.Stride) {
		return errors.New("the library does not decode the self-test")
	}
	if string(ours.Pix) != string(theirs.Pix) {
		return errors.New("the library's pixels differ")
	}
	return nil
}
