package codec

import "image"

// CheckJPEG reads the whole scan of a stream of at most limit pixels, as DecodeJPEG and DecodeHalf do, and makes
// no pixels of it: what it accepts, they decode. A stream that is not sequential is decoded.
func CheckJPEG(stream []byte, limit int) error {
	d := decoderPool.Get().(*jpegDecoder)
	defer decoderPool.Put(d)
	d.check = true
	defer func() { d.check = false }()
	_, err := d.decode(stream, func(f frame) error { return f.within(limit) })
	return err
}

// Check reports whether Decode takes a stream. CheckJPEG is asked first: the library, which cannot do less than decode to
// an eighth of the size, takes half as long again, and has a say only in what CheckJPEG refuses.
func (t *Turbo) Check(stream []byte, limit int) error {
	ours := CheckJPEG(stream, limit)
	if ours == nil {
		return nil
	}
	f, scan, err := readFrame(stream)
	if err != nil || f.within(limit) != nil || f.marker == mSOF2 || len(scan) == 0 {
		return ours
	}
	small := rasterPool.Get().(*image.RGBA)
	defer rasterPool.Put(small)
	eighth := f.shrunk(8)
	small.Stride, small.Rect = 4*eighth.width, image.Rect(0, 0, eighth.width, eighth.height)
	small.Pix = resized(small.Pix, small.Stride*eighth.height)
	if !t.decode(eighth, small, stream) {
		return ours
	}
	return nil
}
