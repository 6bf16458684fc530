package stitch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/klauspost/compress/zlib"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// The colour types of PNG that tiles and preview use (PNG 3rd edition §11.2.1).
const (
	pngGrey    = 0
	pngRGB     = 2
	pngIndexed = 3
	pngRGBA    = 6
)

// pngEncoder writes 8-bit PNG files of raw pixels. The standard library's encoder tries five filters
// on every row and then compresses with care; a tile of few colours gains nothing from either. This
// one uses the "up" filter throughout and the fastest compression, or the next faster where that finds little. It is safe
// for concurrent use and writes the same bytes for the same pixels.
type pngEncoder struct {
	pool sync.Pool // of *pngScratch
}

type pngScratch struct {
	out      bytes.Buffer
	body     bytes.Buffer
	matching *zlib.Writer // looks for what repeats
	noise    *zlib.Writer // only gives frequent values short codes
	filtered []byte
}

func newPNGEncoder() *pngEncoder {
	return &pngEncoder{pool: sync.Pool{New: func() any {
		return &pngScratch{matching: compressor(zlib.BestSpeed), noise: compressor(zlib.HuffmanOnly)}
	}}}
}

func compressor(level int) *zlib.Writer {
	z, err := zlib.NewWriterLevel(nil, level)
	if err != nil {
		panic(err) // the levels are constants of the package
	}
	return z
}

// encode returns the file; pixels holds 1 (pngGrey), 3 (pngRGB) or 4 (pngRGBA, alpha not multiplied)
// bytes each.
func (e *pngEncoder) encode(size pyramid.Size, colour byte, pixels []uint8) ([]byte, error) {
	return e.file(size, colour, nil, pixels)
}

// indexed is encode for pixels that are numbers of at most 256 colours.
func (e *pngEncoder) indexed(size pyramid.Size, colours []rgba, pixels []uint8) ([]byte, error) {
	return e.file(size, pngIndexed, colours, pixels)
}

func (e *pngEncoder) file(size pyramid.Size, colour byte, colours []rgba, pixels []uint8) ([]byte, error) {
	s := e.pool.Get().(*pngScratch)
	defer e.pool.Put(s)
	s.filter(pixels, len(pixels)/size.H)
	s.out.Reset()
	s.out.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(nil, uint32(size.W))
	head = binary.BigEndian.AppendUint32(head, uint32(size.H))
	s.chunk("IHDR", append(head, 8, colour, 0, 0, 0))
	if colour == pngIndexed {
		s.colours(colours)
	}
	if err := s.data(); err != nil {
		return nil, err
	}
	s.chunk("IEND", nil)
	return bytes.Clone(s.out.Bytes()), nil
}

// colours writes the palette and its alpha, not multiplied (§11.2.2, §11.3.1.1).
func (s *pngScratch) colours(list []rgba) {
	var rgb, alpha []byte
	for _, c := range list {
		rgb, alpha = append(rgb, c[:3]...), append(alpha, c[3])
	}
	s.chunk("PLTE", rgb)
	s.chunk("tRNS", alpha)
}

// filter writes each row as its difference from the row above, behind the filter's number (§9.2).
func (s *pngScratch) filter(pixels []uint8, stride int) {
	const up = 2
	rows := len(pixels) / stride
	s.filtered = slices.Grow(s.filtered[:0], rows*(stride+1))[:rows*(stride+1)]
	for y := range rows {
		to, row := s.filtered[y*(stride+1):][:stride+1], pixels[y*stride:][:stride]
		to[0] = up
		to = to[1:]
		if y == 0 {
			copy(to, row)
			continue
		}
		subtract(to, row, pixels[(y-1)*stride:])
	}
}

// subtract is row − above, byte by byte.
func subtract(to, row, above []uint8) {
	to, above = to[:len(row)], above[:len(row)]
	for ; len(row) >= 8; to, row, above = to[8:], row[8:], above[8:] {
		binary.LittleEndian.PutUint64(to, minus(binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(above)))
	}
	for i, v := range row {
		to[i] = v - above[i]
	}
}

// minus subtracts eight bytes at once: with their highest bits set, no byte borrows from the next, and the
// bits are put right afterwards (Warren, Hacker's Delight, 2-18).
func minus(a, b uint64) uint64 {
	const high = 0x80808080_80808080
	return ((a | high) - (b &^ high)) ^ ((a ^ ^b) & high)
}

// data compresses the filtered rows into one IDAT chunk.
func (s *pngScratch) data() error {
	s.body.Reset()
	z := s.compressor()
	z.Reset(&s.body)
	if _, err := z.Write(s.filtered); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	s.chunk("IDAT", s.body.Bytes())
	return nil
}

// compressor is the one for the filtered rows. Where fewer than half of the values are as those above, as in most tiles
// within tissue, what repeats is too short to be worth a search: without it they take a third of the time and are 5 to
// 10 % larger. Where more are, the search halves the file at least, and is fast.
func (s *pngScratch) compressor() *zlib.Writer {
	if 2*bytes.Count(s.filtered, []byte{0}) < len(s.filtered) {
		return s.noise
	}
	return s.matching
}

// chunk appends length, type, data and checksum (§5.3).
func (s *pngScratch) chunk(kind string, data []byte) {
	var four [4]byte
	binary.BigEndian.PutUint32(four[:], uint32(len(data)))
	s.out.Write(four[:])
	start := s.out.Len()
	s.out.WriteString(kind)
	s.out.Write(data)
	binary.BigEndian.PutUint32(four[:], crc32.ChecksumIEEE(s.out.Bytes()[start:]))
	s.out.Write(four[:])
}
