package codec

// CheckJPEG reads the whole scan of a stream of at most limit pixels, as DecodeJPEG and DecodeHalf do, and makes
// no pixels of it: what it accepts, they decode. A stream that is not sequential is decoded. No library is asked: one that
// decodes to an eighth of the size, the least it can do, takes half as long again.
func CheckJPEG(stream []byte, limit int) error {
	d := decoderPool.Get().(*jpegDecoder)
	defer decoderPool.Put(d)
	d.check = true
	defer func() { d.check = false }()
	_, err := d.decode(stream, func(f frame) error { return f.within(limit) })
	return err
}
