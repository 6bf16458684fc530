package codec

import "slices"

// Model is the colour model of a JPEG tile, which its container knows and its stream may not say.
type Model byte

// The colour models. Unknown leaves the stream's own markers as they are.
const (
	Unknown Model = iota
	Grey
	RGB
	YCbCr
)

// adobe is an APP14 marker segment as Adobe defines it: version 100, no flags, and as its last byte
// the colour transform, 0 for none (RGB) and 1 for YCbCr. Every decoder honours it, libjpeg and
// browsers included.
func adobe(transform byte) []byte {
	return []byte{0xFF, mAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform}
}

// Standalone makes a whole JPEG out of a tile's stream and its container's tables (TIFF tag 347, may
// be nil), appending to dst. The scan is copied bit by bit. With a known model the stream's own JFIF
// and Adobe markers give way to one that says the truth: libtiff ignores them too.
func Standalone(dst, tables, tile []byte, model Model) ([]byte, error) {
	var room, shareRoom someSegments
	head, scan, err := segments(tile, room[:])
	if err != nil {
		return nil, err
	}
	if scan == nil {
		return nil, jpegDamaged("no scan")
	}
	shared, err := tableSegments(tables, shareRoom[:])
	if err != nil {
		return nil, err
	}
	dst = slices.Grow(dst, len(tables)+len(tile)+20)
	dst = append(dst, 0xFF, mSOI)
	switch model {
	case RGB:
		dst = append(dst, adobe(0)...)
	case YCbCr:
		dst = append(dst, adobe(1)...)
	}
	dst = appendSegments(dst, shared, model)
	dst = appendSegments(dst, head, model)
	return append(dst, scan...), nil
}

// appendSegments appends segments, without the markers that speak of colour where the model is known.
func appendSegments(dst []byte, segs []segment, model Model) []byte {
	for _, s := range segs {
		if model == Unknown || s.marker != mAPP0 && s.marker != mAPP14 {
			dst = append(dst, s.raw...)
		}
	}
	return dst
}

// tableSegments are the segments of a stream of tables only.
func tableSegments(tables []byte, room []segment) ([]segment, error) {
	if len(tables) == 0 {
		return nil, nil
	}
	segs, scan, err := segments(tables, room)
	if err == nil && scan != nil {
		err = jpegDamaged("a scan among the tables")
	}
	if err == nil && slices.ContainsFunc(segs, func(s segment) bool { return isFrame(s.marker) }) {
		err = jpegDamaged("a frame header among the tables")
	}
	return segs, err
}
