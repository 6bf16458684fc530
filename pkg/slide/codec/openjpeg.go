package codec

import "image"

// openJPEG is the OpenJPEG library, loaded from the machine while the program runs.
type openJPEG struct{ lib *openJPEGLibrary }

// Decode is a J2KDecoder.
func (o *openJPEG) Decode(dst *image.RGBA, stream []byte, c J2KConfig) error {
	return decodeJ2K(dst, stream, c, o.lib.decode)
}
