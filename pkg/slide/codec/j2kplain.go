package codec

import (
	"bytes"
	"image"

	jpeg2000 "github.com/ajroetker/go-jpeg2000"
)

// plainJ2K unpacks a codestream in pure Go. It gets plain streams only: on others that decoder has been
// seen to allocate without bound or to be wrong.
func plainJ2K(codestream []byte, h *j2kHeader) (_ *j2kPicture, err error) {
	if !h.plain {
		return nil, j2kUnsupported("this stream without OpenJPEG (%s); install it, on Debian: apt install libopenjp2-7", h.exotic)
	}
	defer func() {
		if p := recover(); p != nil {
			err = j2kDamaged("decoder: %v", p)
		}
	}()
	im, err := jpeg2000.Decode(bytes.NewReader(codestream))
	if err != nil {
		return nil, j2kDamaged("%v", err)
	}
	if got := im.Bounds().Size(); got != image.Pt(h.width, h.height) {
		return nil, j2kDamaged("%v pixels decoded where the header says %d by %d", got, h.width, h.height)
	}
	p := &j2kPicture{}
	for range h.components {
		p.planes = append(p.planes, j2kPlane{h.width, h.height, make([]byte, h.width*h.height)})
	}
	switch im := im.(type) {
	case *image.Gray:
		p.planes[0].pix, p.planes[0].w = im.Pix, im.Stride
	case *image.RGBA:
		p.split(im.Pix, im.Stride, h)
	case *image.NRGBA:
		p.split(im.Pix, im.Stride, h)
	default:
		return nil, j2kUnsupported("a decoded picture of type %T", im)
	}
	return p, nil
}

// split takes interleaved pixels apart.
func (p *j2kPicture) split(pix []byte, stride int, h *j2kHeader) {
	for c := range p.planes {
		for y := range h.height {
			line, out := pix[y*stride+c:], p.planes[c].pix[y*h.width:][:h.width]
			for x := range out {
				out[x] = line[4*x]
			}
		}
	}
}
