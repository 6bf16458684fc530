package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// A region file holds the probabilities of one region:
//
//	"SMR3"                                  magic and version
//	run [8]byte                             the run it belongs to
//	col, row, width, height uint32          big endian; width and height in model pixels
//	planes uint8                            number of planes
//	sha256 [32]byte                         of everything above and everything below
//	for each plane of height × width bytes, row-major, and then for how unlike the training images the cells of
//	TissueCell pixels are, a byte each:
//	  length uint32, zstd frame [length]byte
//
// The bytes are a function of the content alone, so a job done twice writes the same object. That rules out encoders
// that are faster still but have assembly for some machines which chooses other matches, as S2 has.
//
// The sum is of the compressed bytes, which are a tenth of the others: the stitcher computes it for each file. What
// decompresses to the wrong length is refused too. Version 2 is still read, see inflate.
const regionMagic = "SMR3"

const regionHeader = len(regionMagic) + 8 + 4*4 + 1

// ErrRegionDamaged marks a region file that does not hold what it promises. The region is computed anew.
var ErrRegionDamaged = errors.New("region file is damaged")

// EncodeRegion writes the map as a region file.
func EncodeRegion(m *RegionMap) ([]byte, error) { return EncodeRegionInto(nil, m) }

// EncodeRegionInto is EncodeRegion into the memory of data, whose bytes are lost, if it is enough.
func EncodeRegionInto(data []byte, m *RegionMap) ([]byte, error) {
	z := compressors.Get().(*zstd.Encoder)
	defer compressors.Put(z)
	data = append(append(data[:0], regionHead(regionMagic, m)...), make([]byte, sha256.Size)...)
	for _, plane := range m.raw() {
		start := len(data) + 4
		data = z.EncodeAll(plane, append(data, 0, 0, 0, 0))
		binary.BigEndian.PutUint32(data[start-4:], uint32(len(data)-start))
	}
	copy(data[regionHeader:], regionSum(data))
	return data, nil
}

func regionHead(magic string, m *RegionMap) []byte {
	header := append([]byte(magic), m.Run[:]...)
	for _, v := range []int{m.Region.Col, m.Region.Row, m.Size.W, m.Size.H} {
		header = binary.BigEndian.AppendUint32(header, uint32(v))
	}
	return append(header, RegionPlanes)
}

// regionSum is the checksum of a file, of all of it but the place where the sum stands.
func regionSum(data []byte) []byte {
	h := sha256.New()
	h.Write(data[:regionHeader])
	h.Write(data[regionHeader+sha256.Size:])
	return h.Sum(nil)
}

// raw is everything that is compressed, in its order. A map that nobody judged is not known anywhere.
func (m *RegionMap) raw() [RegionPlanes + 1][]uint8 {
	if m.Unlike == nil {
		m.Unlike = make([]uint8, Cells(m.Size).W*Cells(m.Size).H)
	}
	return [...][]uint8{m.Planes[PlaneCarcinoma], m.Planes[PlaneHighGrade], m.Unlike}
}

// DecodeRegion reads a region file and proves it: the checksum, the run and the place must be the
// expected ones. The sizes are checked before anything is allocated.
func DecodeRegion(data []byte, run pyramid.RunID, region pyramid.Region, size pyramid.Size) (*RegionMap, error) {
	m := &RegionMap{Run: run, Region: region, Size: size}
	if err := m.Decode(data, false); err != nil {
		return nil, err
	}
	return m, nil
}

// Decode is DecodeRegion into a map whose Run, Region and Size are what is expected, and whose memory is used
// again. proved says that these very bytes were decoded and found right before: then their checksum is not computed
// once more. After an error the map holds nothing of use.
func (m *RegionMap) Decode(data []byte, proved bool) error {
	return m.decode(data, RegionPlanes+1, proved)
}

// DecodeCarcinoma is Decode of the first plane alone. The others hold nothing of use then.
func (m *RegionMap) DecodeCarcinoma(data []byte, proved bool) error {
	return m.decode(data, PlaneCarcinoma+1, proved)
}

// decode checks the header and reads at least so many of what raw lists.
func (m *RegionMap) decode(data []byte, n int, proved bool) error {
	if m.Size.Empty() || m.Size.W > MaxRegion || m.Size.H > MaxRegion {
		return fmt.Errorf("region %v: impossible size %v", m.Region, m.Size)
	}
	if len(data) < regionHeader+sha256.Size {
		return m.damaged("cut short")
	}
	m.resize()
	switch header := data[:regionHeader]; {
	case bytes.Equal(header, regionHead(regionMagic, m)):
		return m.unpack(data, n, proved)
	case bytes.Equal(header, regionHead(earlierMagic, m)):
		return m.inflate(data, n, proved)
	}
	return m.damaged("not of this run, place or size")
}

// damaged is an ErrRegionDamaged that says what is wrong.
func (m *RegionMap) damaged(what any) error {
	return fmt.Errorf("region %v: %v: %w", m.Region, what, ErrRegionDamaged)
}

// unpack proves a file and decompresses the first n of its parts, each into no more memory than it is expected to take.
func (m *RegionMap) unpack(data []byte, n int, proved bool) error {
	if sum := data[regionHeader:][:sha256.Size]; !proved && !bytes.Equal(sum, regionSum(data)) {
		return m.damaged("checksum differs")
	}
	z := decompressors.Get().(*zstd.Decoder)
	defer decompressors.Put(z)
	raw, rest := m.raw(), data[regionHeader+sha256.Size:]
	for _, plane := range raw[:n] {
		frame, after, ok := section(rest)
		if !ok {
			return m.damaged("cut short")
		}
		got, err := z.DecodeAll(frame, plane[:0:len(plane)])
		if err != nil {
			return m.damaged(err)
		}
		if len(got) != len(plane) {
			return m.damaged(fmt.Sprintf("%d values, want %d", len(got), len(plane)))
		}
		rest = after
	}
	return nil
}

// section is the first of the parts that follow each other behind their lengths.
func section(data []byte) (first, rest []byte, ok bool) {
	if len(data) < 4 {
		return nil, nil, false
	}
	n := int64(binary.BigEndian.Uint32(data))
	if data = data[4:]; n > int64(len(data)) {
		return nil, nil, false
	}
	return data[:n], data[n:], true
}
