package codec

import (
	"fmt"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// JPEG markers (ITU-T T.81 table B.1).
const (
	mSOF0  = 0xC0 // baseline
	mSOF1  = 0xC1 // extended sequential
	mSOF2  = 0xC2 // progressive
	mDHT   = 0xC4
	mSOF15 = 0xCF
	mRST0  = 0xD0
	mRST7  = 0xD7
	mSOI   = 0xD8
	mEOI   = 0xD9
	mSOS   = 0xDA
	mDQT   = 0xDB
	mDRI   = 0xDD
	mAPP0  = 0xE0
	mAPP14 = 0xEE
	mTEM   = 0x01
)

// segment is one marker segment in front of the scan: the marker and what follows its length.
type segment struct {
	marker byte
	raw    []byte // marker, length and payload
	data   []byte // payload
}

// someSegments is room for the segments of a usual stream, which lives on the caller's stack.
type someSegments [16]segment

// segments splits a stream into its marker segments up to and including the first SOS, in the memory of room
// if that is enough; rest is what follows, the entropy-coded data. A stream of tables only has no SOS and
// no rest.
func segments(stream []byte, room []segment) (segs []segment, rest []byte, err error) {
	segs = room[:0]
	if len(stream) < 2 || stream[0] != 0xFF || stream[1] != mSOI {
		return nil, nil, jpegDamaged("no start-of-image marker")
	}
	for p := 2; ; {
		for p < len(stream) && stream[p] == 0xFF && p+1 < len(stream) && stream[p+1] == 0xFF {
			p++ // fill bytes
		}
		if p+2 > len(stream) {
			return segs, nil, nil
		}
		if stream[p] != 0xFF {
			return nil, nil, jpegDamaged("byte %#02x where a marker belongs", stream[p])
		}
		marker := stream[p+1]
		switch {
		case marker == mEOI:
			return segs, nil, nil
		case marker == mTEM, marker >= mRST0 && marker <= mSOI:
			p += 2
			continue
		}
		if p+4 > len(stream) {
			return nil, nil, jpegDamaged("the stream ends inside segment %#02x", marker)
		}
		n := int(stream[p+2])<<8 | int(stream[p+3])
		if n < 2 || p+2+n > len(stream) {
			return nil, nil, jpegDamaged("the stream ends inside segment %#02x", marker)
		}
		segs = append(segs, segment{marker, stream[p : p+2+n], stream[p+4 : p+2+n]})
		p += 2 + n
		if marker == mSOS {
			return segs, stream[p:], nil
		}
		if len(segs) > maxSegments {
			return nil, nil, jpegDamaged("more than %d segments", maxSegments)
		}
	}
}

// maxSegments is far above what encoders write: an ICC profile in 255 parts and some tables.
const maxSegments = 1024

// frame is a start-of-frame segment.
type frame struct {
	marker        byte
	width, height int
	components    []component
}

type component struct {
	id, h, v byte
	quant    byte // number of its quantisation table
}

// readFrame reads a stream's frame header; scan is nil where the stream has none.
func readFrame(stream []byte) (f frame, scan []byte, err error) {
	var room someSegments
	segs, scan, err := segments(stream, room[:])
	if err != nil {
		return frame{}, nil, err
	}
	f, err = findFrame(segs)
	return f, scan, err
}

// findFrame finds and checks the start-of-frame segment.
func findFrame(segs []segment) (f frame, err error) {
	found := false
	for _, s := range segs {
		if !isFrame(s.marker) {
			continue
		}
		if found { // decoders differ in which of them they believe
			return frame{}, jpegDamaged("two frame headers")
		}
		if f, err = parseFrame(s); err != nil {
			return frame{}, err
		}
		found = true
	}
	if !found {
		return frame{}, jpegDamaged("no frame header")
	}
	return f, nil
}

func parseFrame(s segment) (frame, error) {
	if s.marker > mSOF2 {
		return frame{}, jpegUnsupported("process %#02x (lossless, hierarchical or arithmetic)", s.marker)
	}
	d := s.data
	if len(d) < 6 || len(d) != 6+3*int(d[5]) {
		return frame{}, jpegDamaged("frame header of %d bytes", len(d))
	}
	if d[0] != 8 {
		return frame{}, jpegUnsupported("%d bits per sample", d[0])
	}
	f := frame{marker: s.marker, height: int(d[1])<<8 | int(d[2]), width: int(d[3])<<8 | int(d[4])}
	if f.width == 0 || f.height == 0 {
		return frame{}, jpegUnsupported("size %dx%d in the frame header", f.width, f.height)
	}
	if n := d[5]; n != 1 && n != 3 {
		return frame{}, jpegUnsupported("%d components; grey and three-colour streams are read", n)
	}
	f.components = make([]component, 0, 3)
	for d = d[6:]; len(d) > 0; d = d[3:] {
		c := component{d[0], d[1] >> 4, d[1] & 15, d[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return frame{}, jpegDamaged("sampling factors %dx%d", c.h, c.v)
		}
		f.components = append(f.components, c)
	}
	return f, f.checkSampling()
}

// checkSampling refuses sampling factors that would need a fraction of a sample.
func (f frame) checkSampling() error {
	h, v := f.maxSampling()
	for _, c := range f.components {
		if h%int(c.h) != 0 || v%int(c.v) != 0 {
			return jpegUnsupported("sampling factors %dx%d beside %dx%d", c.h, c.v, h, v)
		}
	}
	return nil
}

// maxSampling are the largest sampling factors, which give the size of an MCU.
func (f frame) maxSampling() (h, v int) {
	for _, c := range f.components {
		h, v = max(h, int(c.h)), max(v, int(c.v))
	}
	return h, v
}

func jpegDamaged(format string, args ...any) error {
	return &fault.FormatError{Format: "jpeg", Problem: fmt.Sprintf(format, args...)}
}

func jpegUnsupported(format string, args ...any) error {
	return &fault.UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf(format, args...)}
}
