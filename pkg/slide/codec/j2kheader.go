package codec

import (
	"encoding/binary"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// j2kHeader is what is kept of a codestream's main header (ITU-T T.800 annex A).
type j2kHeader struct {
	width, height int
	components    []j2kComponent
	tiles         int
	plain         bool   // one set of parameters for all: what the pure Go decoder takes
	exotic        string // why it is not plain
}

type j2kComponent struct{ dx, dy int }

// Markers of a codestream (T.800 table A.2).
const (
	j2kSOC = 0xFF4F
	j2kSIZ = 0xFF51
	j2kCOD = 0xFF52
	j2kTLM = 0xFF55
	j2kPLM = 0xFF57
	j2kPLT = 0xFF58
	j2kQCD = 0xFF5C
	j2kCRG = 0xFF63
	j2kCOM = 0xFF64
	j2kSOT = 0xFF90
	j2kSOD = 0xFF93
	j2kEOC = 0xFFD9
)

// Limits on a codestream. They bound what a decoder allocates for it; slides stay far below.
const (
	maxJ2KTiles    = 1024
	maxJ2KLevels   = 10
	maxJ2KLayers   = 64
	minJ2KPrecinct = 5 // binary logarithm of its side: 32 pixels
	maxJ2KSegments = 256
	maxJ2KParts    = 4096
)

// jpeg2000Error says whose fault a stream is.
type jpeg2000Error struct{ text string }

func (e jpeg2000Error) damaged() error {
	return &fault.FormatError{Format: "jpeg2000", Problem: e.text}
}

func (e jpeg2000Error) unsupported() error {
	return &fault.UnsupportedError{Format: "jpeg2000", Feature: e.text}
}

// parseJ2K checks a codestream's headers and that its tile-parts are whole.
func parseJ2K(s []byte) (*j2kHeader, error) {
	h := &j2kHeader{plain: true}
	if len(s) < 4 || binary.BigEndian.Uint16(s) != j2kSOC {
		return nil, j2kDamaged("no start of codestream")
	}
	at := 2
	for n := 0; ; n++ {
		marker, body, err := j2kSegment(s, at)
		if err != nil {
			return nil, err
		}
		if n > maxJ2KSegments {
			return nil, j2kDamaged("more than %d segments", maxJ2KSegments)
		}
		if marker == j2kSOT {
			break
		}
		if err := h.segment(marker, body); err != nil {
			return nil, err
		}
		at += 4 + len(body)
	}
	if h.width == 0 {
		return nil, j2kDamaged("no image size")
	}
	return h, h.walkParts(s, at)
}

// j2kSegment is the marker segment at an offset.
func j2kSegment(s []byte, at int) (marker int, body []byte, err error) {
	if at+4 > len(s) {
		return 0, nil, j2kDamaged("the stream ends inside its header")
	}
	marker, n := int(binary.BigEndian.Uint16(s[at:])), int(binary.BigEndian.Uint16(s[at+2:]))
	if marker < 0xFF4F || n < 2 || at+2+n > len(s) {
		return 0, nil, j2kDamaged("segment %#04x of %d bytes runs past the end", marker, n)
	}
	return marker, s[at+4 : at+2+n], nil
}

func (h *j2kHeader) segment(marker int, body []byte) error {
	switch marker {
	case j2kSIZ:
		return h.size(body)
	case j2kCOD:
		return h.coding(body)
	case j2kQCD, j2kCOM, j2kTLM, j2kPLM, j2kCRG:
		return nil
	}
	h.strange("parameters of its own for a component or packet (marker %#04x)", marker)
	return nil
}

func (h *j2kHeader) strange(format string, args ...any) {
	if h.plain {
		h.plain, h.exotic = false, j2kUnsupported(format, args...).Error()
	}
}

// size reads SIZ (T.800 A.5.1).
func (h *j2kHeader) size(b []byte) error {
	if len(b) < 36 || h.width != 0 {
		return j2kDamaged("image size of %d bytes", len(b))
	}
	var v [8]int64 // Xsiz Ysiz XOsiz YOsiz XTsiz YTsiz XTOsiz YTOsiz
	for i := range v {
		v[i] = int64(binary.BigEndian.Uint32(b[2+4*i:]))
	}
	w, height := v[0]-v[2], v[1]-v[3]
	if w < 1 || height < 1 || v[4] < 1 || v[5] < 1 || v[6] > v[2] || v[7] > v[3] || v[6]+v[4] <= v[2] || v[7]+v[5] <= v[3] {
		return j2kDamaged("image of %d by %d pixels in tiles of %d by %d", w, height, v[4], v[5])
	}
	if w > 1<<16 || height > 1<<16 || w*height > maxJ2KPixels {
		return j2kUnsupported("%d by %d pixels in one stream", w, height)
	}
	across, down := (v[0]-v[6]+v[4]-1)/v[4], (v[1]-v[7]+v[5]-1)/v[5]
	if across*down > maxJ2KTiles {
		return j2kUnsupported("%d by %d tiles in one stream", across, down)
	}
	if v[2]|v[3]|v[6]|v[7] != 0 {
		h.strange("an origin other than 0")
	}
	h.width, h.height, h.tiles = int(w), int(height), int(across*down)
	return h.sizeComponents(b[34:])
}

func (h *j2kHeader) sizeComponents(b []byte) error {
	n := int(binary.BigEndian.Uint16(b))
	if n != 1 && n != 3 {
		return j2kUnsupported("%d components; grey and three-colour streams are read", n)
	}
	if len(b) < 2+3*n {
		return j2kDamaged("%d components in %d bytes", n, len(b))
	}
	for i := range n {
		depth, dx, dy := b[2+3*i], int(b[3+3*i]), int(b[4+3*i])
		if depth != 7 {
			return j2kUnsupported("%d bits per sample", depth&127+1)
		}
		if dx < 1 || dx > 4 || dy < 1 || dy > 4 || i == 0 && (dx != 1 || dy != 1) {
			return j2kUnsupported("component %d at 1/%d by 1/%d of the size", i, dx, dy)
		}
		if dx != 1 || dy != 1 {
			h.strange("chroma at reduced size")
		}
		h.components = append(h.components, j2kComponent{dx, dy})
	}
	return nil
}

// coding reads COD (T.800 A.6.1).
func (h *j2kHeader) coding(b []byte) error {
	if len(b) < 10 {
		return j2kDamaged("coding style of %d bytes", len(b))
	}
	layers, levels, xcb, ycb := int(binary.BigEndian.Uint16(b[2:])), int(b[5]), int(b[6])+2, int(b[7])+2
	switch {
	case layers < 1 || xcb > 10 || ycb > 10 || xcb+ycb > 12 || b[9] > 1:
		return j2kDamaged("%d layers, code blocks of 2^%d by 2^%d", layers, xcb, ycb)
	case levels > maxJ2KLevels || layers > maxJ2KLayers:
		return j2kUnsupported("%d resolutions in %d layers", levels+1, layers)
	}
	if b[0]&1 != 0 {
		if len(b) < 11+levels {
			return j2kDamaged("precincts of %d resolutions in %d bytes", levels+1, len(b)-10)
		}
		for _, p := range b[10 : 11+levels] {
			if p&15 < minJ2KPrecinct || p>>4 < minJ2KPrecinct {
				return j2kUnsupported("precincts of 2^%d by 2^%d", p&15, p>>4)
			}
		}
	}
	return nil
}

// walkParts checks that every tile has a part and that all parts end where they say, which a stream
// that was cut does not.
func (h *j2kHeader) walkParts(s []byte, at int) error {
	seen := make([]bool, h.tiles)
	missing := h.tiles
	for n := 0; ; n++ {
		if at == len(s) && missing == 0 {
			return nil // some writers leave the end marker out
		}
		if at+2 > len(s) || n > maxJ2KParts {
			return j2kDamaged("the stream breaks off after %d of %d tiles", h.tiles-missing, h.tiles)
		}
		if binary.BigEndian.Uint16(s[at:]) == j2kEOC {
			if missing > 0 {
				return j2kDamaged("%d of %d tiles are missing", missing, h.tiles)
			}
			return nil
		}
		marker, body, err := j2kSegment(s, at)
		if err != nil {
			return err
		}
		if marker != j2kSOT || len(body) != 8 {
			return j2kDamaged("segment %#04x where a tile-part belongs", marker)
		}
		tile, size := int(binary.BigEndian.Uint16(body)), int(binary.BigEndian.Uint32(body[2:]))
		if size == 0 { // up to the end marker
			size = len(s) - at
			if binary.BigEndian.Uint16(s[len(s)-2:]) != j2kEOC {
				return j2kDamaged("the stream ends without its end marker: it is cut short")
			}
			size -= 2
		}
		if tile >= h.tiles || size < 14 || size > len(s)-at {
			return j2kDamaged("part of tile %d with %d bytes runs past the end: the stream is cut short", tile, size)
		}
		if err := h.partHeader(s[:at+size], at+12); err != nil {
			return err
		}
		if !seen[tile] {
			seen[tile] = true
			missing--
		}
		at += size
	}
}

// partHeader notes what a tile-part changes of the parameters, up to its data.
func (h *j2kHeader) partHeader(s []byte, at int) error {
	for n := 0; n <= maxJ2KSegments; n++ {
		if at+2 <= len(s) && binary.BigEndian.Uint16(s[at:]) == j2kSOD {
			return nil
		}
		marker, body, err := j2kSegment(s, at)
		if err != nil {
			return err
		}
		switch marker {
		case j2kCOM, j2kPLT:
		case j2kCOD:
			if err := h.coding(body); err != nil {
				return err
			}
			h.strange("parameters of its own for a tile")
		default:
			h.strange("parameters of its own for a tile")
		}
		at += 4 + len(body)
	}
	return j2kDamaged("more than %d segments in a tile-part", maxJ2KSegments)
}

// unboxJ2K finds the codestream in the boxes of a JP2 file (T.800 annex I); a raw one is its own. The
// model is the one of the enumerated colour space, or Unknown.
func unboxJ2K(s []byte) (codestream []byte, model Model, err error) {
	if len(s) < 12 || string(s[4:8]) != "jP  " {
		return s, Unknown, nil
	}
	const sYCC = 18
	for at, n := 0, 0; at+8 <= len(s) && n < maxJ2KSegments; n++ {
		head, size := 8, int64(binary.BigEndian.Uint32(s[at:]))
		switch {
		case size == 1 && at+16 <= len(s):
			head, size = 16, int64(binary.BigEndian.Uint64(s[at+8:]))
		case size == 0:
			size = int64(len(s) - at)
		}
		if size < int64(head) || size > int64(len(s)-at) {
			return nil, model, j2kDamaged("box of %d bytes runs past the end: the stream is cut short", size)
		}
		switch body := s[at+head : at+int(size)]; string(s[at+4 : at+8]) {
		case "jp2c":
			return body, model, nil
		case "jp2h":
			if i := indexBox(body, "colr"); i >= 0 && i+15 <= len(body) && body[i+8] == 1 && binary.BigEndian.Uint32(body[i+11:]) == sYCC {
				model = YCbCr
			}
		}
		at += int(size)
	}
	return nil, model, j2kDamaged("boxes without a codestream")
}

// indexBox is the offset of a box among the ones in body, or -1.
func indexBox(body []byte, name string) int {
	for at := 0; at+8 <= len(body); {
		if string(body[at+4:at+8]) == name {
			return at
		}
		n := int64(binary.BigEndian.Uint32(body[at:]))
		if n < 8 || n > int64(len(body)-at) {
			return -1
		}
		at += int(n)
	}
	return -1
}
