package codec

import (
	"bytes"
	"image"
	"image/jpeg"
)

// JPEGSize is the size that a stream's frame header states. Nothing is decoded.
func JPEGSize(stream []byte) (image.Point, error) {
	f, _, err := readFrame(stream)
	return image.Pt(f.width, f.height), err
}

// DecodeJPEG decodes a whole stream into dst's bounds, opaque: the stream's left upper part, which
// must cover them. The stream's own size is at most limit pixels.
//
// # Memory
//
// The stream's planes, up to 3 bytes per pixel of the stream, besides dst.
func DecodeJPEG(dst *image.RGBA, stream []byte, limit int) error {
	d := decoderPool.Get().(*jpegDecoder)
	defer decoderPool.Put(d)
	rgb, err := d.decode(stream, func(f frame) error { return f.fits(dst, limit) })
	if err == nil {
		d.paint(dst, rgb)
	}
	return err
}

// decode reads a stream into the planes, once its frame fits: whole, at half the size or not at all, as the
// decoder is set. It says whether the planes are red, green and blue.
func (d *jpegDecoder) decode(stream []byte, fits func(frame) error) (rgb bool, err error) {
	var room someSegments
	segs, scan, err := segments(stream, room[:])
	if err != nil {
		return false, err
	}
	f, err := findFrame(segs)
	if err != nil {
		return false, err
	}
	if err := fits(f); err != nil {
		return false, err
	}
	if scan == nil {
		return false, jpegDamaged("no scan")
	}
	if err := d.begin(f, segs); err != nil {
		return false, err
	}
	return isRGB(f, segs), d.scan(stream, scan)
}

// scan decodes what follows the stream's head.
func (d *jpegDecoder) scan(stream, scan []byte) error {
	switch {
	case d.wholeScan:
		return d.decodeScan(scan)
	case d.half:
		return ErrNoHalf
	}
	return d.borrow(stream)
}

// fits checks a frame's size against what it is decoded into.
func (f frame) fits(dst *image.RGBA, limit int) error {
	if err := f.within(limit); err != nil {
		return err
	}
	if want := dst.Bounds().Size(); f.width < want.X || f.height < want.Y {
		return jpegDamaged("stream of %d by %d pixels for a tile of %d by %d", f.width, f.height, want.X, want.Y)
	}
	return nil
}

// within checks a frame's size against the most pixels that it may have.
func (f frame) within(limit int) error {
	if f.width*f.height > limit {
		return jpegUnsupported("%d by %d pixels in one stream", f.width, f.height)
	}
	return nil
}

// maxScans bounds the work that a small progressive stream can ask for: each scan visits every block.
// libjpeg writes 10.
const maxScans = 40

// borrow has the standard library decode a progressive stream, or one with a scan per component: no
// scanner writes them. That decoder is strict; its inverse transform may differ from libjpeg's by 1.
func (d *jpegDecoder) borrow(stream []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = jpegDamaged("decoder: %v", p)
		}
	}()
	if n := bytes.Count(stream, []byte{0xFF, mSOS}); n > maxScans {
		return jpegUnsupported("%d scans", n)
	}
	im, err := jpeg.Decode(bytes.NewReader(stream))
	if err != nil {
		return jpegDamaged("%v", err)
	}
	if got := im.Bounds().Size(); got != image.Pt(d.width, d.height) {
		return jpegDamaged("%v pixels decoded where the header says %d by %d", got, d.width, d.height)
	}
	switch im := im.(type) {
	case *image.Gray:
		d.layout()
		d.planes[0].pix, d.planes[0].stride = im.Pix, im.Stride
		return nil
	case *image.YCbCr:
		d.layout()
		d.planes[0].pix, d.planes[0].stride = im.Y, im.YStride
		d.planes[1].pix, d.planes[1].stride = im.Cb, im.CStride
		d.planes[2].pix, d.planes[2].stride = im.Cr, im.CStride
		return nil
	}
	return jpegUnsupported("progressive stream of %T", im)
}

// isRGB guesses a stream's colour model as libjpeg does: JFIF means YCbCr, then Adobe's marker says,
// then components named R, G and B are just that.
func isRGB(f frame, segs []segment) bool {
	for _, s := range segs {
		if s.marker == mAPP0 && bytes.HasPrefix(s.data, []byte("JFIF\x00")) {
			return false
		}
	}
	for _, s := range segs {
		if s.marker == mAPP14 && len(s.data) >= 12 && bytes.HasPrefix(s.data, []byte("Adobe")) {
			return s.data[11] == 0
		}
	}
	c := f.components
	return len(c) == 3 && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
}

// paint turns the planes into dst's pixels.
func (d *jpegDecoder) paint(dst *image.RGBA, rgb bool) {
	size := dst.Bounds().Size()
	for y := range size.Y {
		out := dst.Pix[y*dst.Stride:][:4*size.X]
		first := d.planes[0].row(y)[:size.X]
		switch {
		case len(d.components) == 1:
			paintGrey(out, first)
		case rgb:
			paintRGB(out, first, d.planes[1].row(y), d.planes[2].row(y))
		default:
			paintYCbCr(out, first, d.planes[1].row(y), d.planes[2].row(y))
		}
	}
}

func paintGrey(out, grey []byte) {
	for x, v := range grey {
		p := out[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = v, v, v, 255
	}
}

func paintRGB(out, r, g, b []byte) {
	g, b = g[:len(r)], b[:len(r)]
	for x, v := range r {
		p := out[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = v, g[x], b[x], 255
	}
}

// libjpeg's fixed-point factors of the JFIF conversion, round(x·2^16) (jdcolor.c).
const (
	crToR = 91881  // 1.40200
	cbToB = 116130 // 1.77200
	crToG = 46802  // 0.71414
	cbToG = 22554  // 0.34414
	half  = 1 << 15
)

func paintYCbCr(out, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		p := out[4*x : 4*x+4 : 4*x+4]
		p[0] = clamp(y + (crToR*v+half)>>16)
		p[1] = clamp(y + (half-cbToG*u-crToG*v)>>16)
		p[2] = clamp(y + (cbToB*u+half)>>16)
		p[3] = 255
	}
}
