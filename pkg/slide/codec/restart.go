package codec

import (
	"bytes"
	"image"
)

// Intervals is the header of a sequential JPEG whose scan has restart markers. Between two of them
// nothing depends on what came before, so that parts of a picture of any size become small streams of
// their own, bit by bit as they are in the file.
type Intervals struct {
	MCU    image.Point // pixels of a minimum coded unit
	MCUs   int         // of an interval; 0 where the stream has no restart markers
	Header int         // bytes before the scan

	head   []byte // SOI and all segments including SOS
	height int    // where the frame's height lies in head
}

// ParseIntervals reads a stream's beginning, which must reach to its scan. The frame's own size does not
// count: pictures beyond 65535 pixels have 0 there. model is the colour model that the container knows.
func ParseIntervals(begin []byte, model Model) (*Intervals, error) {
	begin = bytes.Clone(begin)
	segs, scan, err := segments(begin, nil)
	if err != nil {
		return nil, err
	}
	if scan == nil {
		return nil, jpegDamaged("no scan")
	}
	p := &Intervals{Header: len(begin) - len(scan)}
	var at []byte // of the frame's size
	for _, s := range segs {
		switch {
		case isFrame(s.marker) && len(s.data) >= 5:
			at = s.data[1:5]
			copy(at, []byte{0, 1, 0, 1})
		case s.marker == mDRI && len(s.data) == 2:
			p.MCUs = int(s.data[0])<<8 | int(s.data[1])
		}
	}
	f, err := findFrame(segs)
	if err != nil {
		return nil, err
	}
	if f.marker == mSOF2 {
		return nil, jpegUnsupported("a progressive stream in parts")
	}
	h, v := f.maxSampling()
	if len(f.components) == 1 {
		h, v = 1, 1
	}
	p.MCU = image.Pt(8*h, 8*v)
	p.head = append(p.head, 0xFF, mSOI)
	switch model {
	case RGB:
		p.head = append(p.head, adobe(0)...)
	case YCbCr:
		p.head = append(p.head, adobe(1)...)
	}
	for _, s := range segs {
		before := len(p.head)
		p.head = appendSegments(p.head, []segment{s}, model)
		if isFrame(s.marker) {
			p.height = before + 5 // marker, length, precision
		}
	}
	return p, nil
}

func isFrame(marker byte) bool {
	return marker >= mSOF0 && marker <= mSOF15 && marker != mDHT && marker != 0xC8 && marker != 0xCC
}

// Append makes a stream of the given size out of intervals, without their markers, in reading order.
func (p *Intervals) Append(dst []byte, size image.Point, intervals [][]byte) []byte {
	begin := len(dst)
	dst = append(dst, p.head...)
	at := dst[begin+p.height:]
	at[0], at[1], at[2], at[3] = byte(size.Y>>8), byte(size.Y), byte(size.X>>8), byte(size.X)
	for i, data := range intervals {
		if i > 0 {
			dst = append(dst, 0xFF, mRST0+byte(i-1)&7)
		}
		dst = append(dst, data...)
	}
	return append(dst, 0xFF, mEOI)
}

// IsRestart reports whether b begins with a restart marker.
func IsRestart(b []byte) bool {
	return len(b) >= 2 && b[0] == 0xFF && b[1] >= mRST0 && b[1] <= mRST7
}
