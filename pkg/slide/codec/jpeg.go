package codec

import (
	"bytes"
	"image"
	"image/jpeg"

	"github.com/gen2brain/jpegn"
)

// JPEGSize is the size that a stream's frame header states. Nothing is decoded.
func JPEGSize(stream []byte) (image.Point, error) {
	segs, _, err := segments(stream)
	if err != nil {
		return image.Point{}, err
	}
	f, err := findFrame(segs)
	return image.Pt(f.width, f.height), err
}

// DecodeJPEG decodes a whole stream into dst's bounds, opaque: the stream's left upper part, which
// must cover them. The stream's own size is at most limit pixels.
//
// # Memory
//
// The stream's planes, 3 bytes per pixel of the stream, besides dst.
func DecodeJPEG(dst *image.RGBA, stream []byte, limit int) error {
	segs, scan, err := segments(stream)
	if err != nil {
		return err
	}
	f, err := findFrame(segs)
	if err != nil {
		return err
	}
	switch want := dst.Bounds().Size(); {
	case f.width*f.height > limit:
		return jpegUnsupported("%d by %d pixels in one stream", f.width, f.height)
	case f.width < want.X || f.height < want.Y:
		return jpegDamaged("stream of %d by %d pixels for a tile of %d by %d", f.width, f.height, want.X, want.Y)
	case scan == nil:
		return jpegDamaged("no scan")
	}
	im, err := decodeWhole(f, segs, scan, stream)
	if err != nil {
		return err
	}
	return convert(dst, im)
}

// decodeWhole decodes a stream that is known to be whole. Sequential streams are checked first;
// progressive ones go to the standard library's decoder, which is slow and strict.
func decodeWhole(f frame, segs []segment, scan, stream []byte) (im image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			im, err = nil, jpegDamaged("decoder: %v", p)
		}
	}()
	if f.marker == mSOF2 {
		im, err = jpeg.Decode(bytes.NewReader(stream))
	} else if err = checkScan(f, segs, scan); err == nil {
		im, err = jpegn.Decode(bytes.NewReader(stream), &jpegn.Options{})
	} else {
		return nil, err
	}
	if err != nil {
		return nil, jpegDamaged("%v", err)
	}
	if got := im.Bounds().Size(); got != image.Pt(f.width, f.height) {
		return nil, jpegDamaged("%v pixels decoded where the header says %d by %d", got, f.width, f.height)
	}
	return im, nil
}

// convert writes im's left upper part into dst.
func convert(dst *image.RGBA, im image.Image) error {
	switch im := im.(type) {
	case *image.RGBA:
		copyRGB(dst, im)
	case *image.Gray:
		copyGrey(dst, im)
	case *image.YCbCr:
		convertYCbCr(dst, im)
	default:
		return jpegUnsupported("pixels of type %T", im)
	}
	return nil
}

func copyRGB(dst, src *image.RGBA) {
	size := dst.Bounds().Size()
	for y := range size.Y {
		copy(dst.Pix[y*dst.Stride:][:4*size.X], src.Pix[y*src.Stride:][:4*size.X])
	}
}

func copyGrey(dst *image.RGBA, src *image.Gray) {
	size := dst.Bounds().Size()
	for y := range size.Y {
		out := dst.Pix[y*dst.Stride:][:4*size.X]
		for x, v := range src.Pix[y*src.Stride:][:size.X] {
			out[4*x], out[4*x+1], out[4*x+2], out[4*x+3] = v, v, v, 255
		}
	}
}
