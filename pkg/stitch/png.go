package stitch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zlib"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// The colour types of PNG that the tiles use (PNG 3rd edition §11.2.1).
const (
	pngGrey = 0
	pngRGBA = 6
)

// pngEncoder writes 8-bit PNG files of raw pixels. The standard library's encoder tries five filters
// on every row and then compresses with care; a tile of few colours gains nothing from either. This
// one uses the "up" filter throughout and the fastest compression. It is safe for concurrent use and
// writes the same bytes for the same pixels.
type pngEncoder struct {
	pool sync.Pool // of *pngScratch
}

type pngScratch struct {
	out      bytes.Buffer
	z        *zlib.Writer
	filtered []byte
}

func newPNGEncoder() *pngEncoder {
	return &pngEncoder{pool: sync.Pool{New: func() any {
		z, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant of the package
		}
		return &pngScratch{z: z}
	}}}
}

// encode returns the file; pixels holds 1 (pngGrey) or 4 (pngRGBA, alpha not multiplied) bytes each.
func (e *pngEncoder) encode(size pyramid.Size, colour byte, pixels []uint8) ([]byte, error) {
	s := e.pool.Get().(*pngScratch)
	defer e.pool.Put(s)
	stride := size.W
	if colour == pngRGBA {
		stride *= 4
	}
	s.filter(pixels, stride)
	s.out.Reset()
	s.out.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(nil, uint32(size.W))
	head = binary.BigEndian.AppendUint32(head, uint32(size.H))
	s.chunk("IHDR", append(head, 8, colour, 0, 0, 0))
	if err := s.data(); err != nil {
		return nil, err
	}
	s.chunk("IEND", nil)
	return bytes.Clone(s.out.Bytes()), nil
}

// filter writes each row as its difference from the row above, behind the filter's number (§9.2).
func (s *pngScratch) filter(pixels []uint8, stride int) {
	const up = 2
	s.filtered = s.filtered[:0]
	above := make([]uint8, stride)
	for ; len(pixels) > 0; pixels = pixels[stride:] {
		s.filtered = append(s.filtered, up)
		row := pixels[:stride]
		for i, v := range row {
			s.filtered = append(s.filtered, v-above[i])
		}
		above = row
	}
}

// data compresses the filtered rows into one IDAT chunk.
func (s *pngScratch) data() error {
	var body bytes.Buffer
	s.z.Reset(&body)
	if _, err := s.z.Write(s.filtered); err != nil {
		return err
	}
	if err := s.z.Close(); err != nil {
		return err
	}
	s.chunk("IDAT", body.Bytes())
	return nil
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
