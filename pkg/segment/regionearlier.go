package segment

import (
	"bytes"
	"crypto/sha256"
	"io"

	"github.com/klauspost/compress/flate"
)

// earlierMagic begins the region files of version 2, which finished runs in stores hold and verify reads. The header is
// the same; behind it stand the sum of the header and of the raw bytes, and one stream of flate of these.
const earlierMagic = "SMR2"

// inflate is unpack for version 2. Its sum proves nothing before everything is read.
func (m *RegionMap) inflate(data []byte, n int, proved bool) error {
	raw := m.raw()
	if !proved {
		n = len(raw)
	}
	r := flate.NewReader(bytes.NewReader(data[regionHeader+sha256.Size:]))
	sum := sha256.New()
	sum.Write(data[:regionHeader])
	for _, plane := range raw[:n] {
		if _, err := io.ReadFull(r, plane); err != nil {
			return m.damaged(err)
		}
		if !proved {
			sum.Write(plane)
		}
	}
	if !proved && !bytes.Equal(data[regionHeader:][:sha256.Size], sum.Sum(nil)) {
		return m.damaged("checksum differs")
	}
	return nil
}
