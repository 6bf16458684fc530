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

// Check is CheckJPEG. The library reads every code of the scan at an eighth of the size too, where it has next
// to nothing to transform; whatever it complains of is for CheckJPEG to judge.
func (t *Turbo) Check(stream []byte, limit int) error {
	f, scan, err := readFrame(stream)
	if err != nil {
		return err
	}
	if err := f.within(limit); err != nil {
		return err
	}
	small := rasterPool.Get().(*image.RGBA)
	defer rasterPool.Put(small)
	eighth := f.shrunk(8)
	small.Stride, small.Rect = 4*eighth.width, image.Rect(0, 0, eighth.width, eighth.height)
	small.Pix = resized(small.Pix, small.Stride*eighth.height)
	if f.marker == mSOF2 || len(scan) == 0 || !t.decode(eighth, small, stream) {
		return CheckJPEG(stream, limit)
	}
	return nil
}
