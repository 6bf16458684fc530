package slide

import "errors"

// What Open says of a path that holds no slide. Each names what to do next.
var (
	ErrEmpty      = errors.New("the file is empty: copy it again from the scanner")
	ErrDirectory  = errors.New("this is a directory without DICOM slide images: name a slide file in it")
	ErrNotRegular = errors.New("this is not a regular file: name a slide file")
	ErrText       = errors.New("this is a text file, not a slide: slides are SVS, NDPI, SCN, BIF, MRXS (MIRAX), TIFF, DICOM, SZI, PNG or JPEG files")
	ErrDeepZoom   = errors.New("this is a Deep Zoom descriptor: name the slide that it was made of")
	ErrUnknown    = errors.New("no slide format that this program knows: it reads SVS, NDPI, SCN, BIF, Philips, OME and plain TIFF, DICOM, SZI, PNG and JPEG, and more with OpenSlide (see slidemill doctor)")
)
