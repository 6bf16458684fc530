package szi

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Writer writes an archive to a stream. It is not safe for concurrent use.
//
// # Memory
//
// What records holds, from which Close makes the central directory; it does not grow with the slide.
type Writer struct {
	w     io.Writer
	names names
	off   int64
	first record  // the descriptor
	scan  *record // the properties of the scan, if there are any
	tiles records
	buf   []byte
}

// Image is the Deep Zoom image in an archive.
type Image struct {
	Folder     string // its name, see Folder
	Format     string // of its tiles, "jpeg" or "png", which is their extension too
	Descriptor []byte // its .dzi
}

// NewWriter begins an archive of an image.
func NewWriter(w io.Writer, m Image) (*Writer, error) {
	if m.Folder == "" || m.Format == "" {
		return nil, errors.New("archive: an image without a name or format")
	}
	a := &Writer{w: w, names: names{m.Folder, m.Format}}
	var err error
	a.first, err = a.entry(a.names.descriptor(), m.Descriptor)
	return a, err
}

// Describe adds what is known of the scan, as scan-properties.xml (SZI 1.2), before the first tile. The archives
// of the store have none, for the slide's manifest says what is known.
func (a *Writer) Describe(properties []byte) error {
	if a.tiles.n > 0 || a.scan != nil {
		return errors.New("archive: properties after the first tile")
	}
	r, err := a.entry(a.names.properties(), properties)
	a.scan = &r
	return err
}

// Add appends a tile.
func (a *Writer) Add(t pyramid.Tile, data []byte) error {
	if !packable(t) {
		return fmt.Errorf("archive: impossible tile %v", t)
	}
	if a.tiles.n >= maxTiles-1 { // with the descriptor: an archive that nobody could open
		return fmt.Errorf("archive: more than %d tiles: choose a larger --tile-size, or --pack no", maxTiles-1)
	}
	r, err := a.entry(a.names.tile(t), data)
	if err != nil {
		return fmt.Errorf("archive tile %v: %w", t, err)
	}
	r.tile = packTile(t)
	return a.tiles.add(r)
}

// The parts of a zip file (APPNOTE 6.3.10).
const (
	localSignature     = 0x04034b50 // §4.3.7
	centralSignature   = 0x02014b50 // §4.3.12
	endSignature       = 0x06054b50 // §4.3.16
	end64Signature     = 0x06064b50 // §4.3.14
	locator64Signature = 0x07064b50 // §4.3.15

	localSize, centralSize, endSize, end64Size, locator64Size = 30, 46, 22, 56, 20

	versionPlain, version64 = 20, 45 // §4.4.3.2
	dosDate                 = 1<<5 | 1
)

// entry writes a local header and the data behind it.
func (a *Writer) entry(name string, data []byte) (record, error) {
	if len(data) >= math.MaxUint32 {
		return record{}, errors.New("larger than 4 GiB")
	}
	r := record{crc: crc32.ChecksumIEEE(data), size: uint32(len(data))}
	b := binary.LittleEndian.AppendUint32(a.buf[:0], localSignature)
	b = appendCommon(b, versionPlain, r)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = append(b, name...)
	a.buf = append(b, data...)
	return r, a.write(a.buf)
}

// appendCommon appends what local and central headers share, from the version to the sizes: stored, no
// flags, dated 1980-01-01 as every archive is, because equal tiles make equal archives.
func appendCommon(b []byte, version uint16, r record) []byte {
	for _, v := range []uint16{version, 0, 0, 0, dosDate} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	for _, v := range []uint32{r.crc, r.size, r.size} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func (a *Writer) write(b []byte) error {
	n, err := a.w.Write(b)
	a.off += int64(n)
	return err
}

// Close writes the central directory, last of all: without it there is no archive.
func (a *Writer) Close() error {
	err := a.directory(a.tiles.all)
	if err := cmp.Or(a.tiles.err, err, a.tiles.discard()); err != nil {
		return fmt.Errorf("archive directory: %w", err)
	}
	return nil
}

// directory writes the central directory of the archive's tiles, in their order.
func (a *Writer) directory(tiles iter.Seq[record]) error {
	c := central{Writer: a, begin: a.off}
	c.add(a.names.descriptor(), a.first)
	if a.scan != nil {
		c.add(a.names.properties(), *a.scan)
	}
	for r := range tiles {
		c.add(a.names.tile(unpackTile(r.tile)), r)
	}
	return c.end()
}

// central writes the central directory; entries come in the order in which they lie in the archive.
type central struct {
	*Writer
	begin int64 // of the directory
	local int64 // where the next entry lies
	n     uint64
	out   []byte
	err   error
}

// flushCentral is how much of the directory is written at once.
const flushCentral = 64 << 10

func (c *central) add(name string, r record) {
	at := c.local
	c.local += localSize + int64(len(name)) + int64(r.size)
	c.n++
	version, extra := uint16(versionPlain), []byte(nil)
	if at >= math.MaxUint32 {
		version = version64
		extra = binary.LittleEndian.AppendUint64([]byte{1, 0, 8, 0}, uint64(at)) // §4.5.3: only the offset
		at = math.MaxUint32
	}
	b := binary.LittleEndian.AppendUint32(c.out, centralSignature)
	b = binary.LittleEndian.AppendUint16(b, 3<<8|version) // made on Unix
	b = appendCommon(b, version, r)
	for _, v := range []uint16{uint16(len(name)), uint16(len(extra)), 0, 0, 0} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, 0o100644<<16) // a plain file
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	b = append(b, name...)
	if c.out = append(b, extra...); len(c.out) >= flushCentral {
		c.flush()
	}
}

func (c *central) flush() {
	if c.err == nil {
		c.err = c.write(c.out)
	}
	c.out = c.out[:0]
}

// end writes what points to the directory, in 64 bits too where 32 do not suffice.
func (c *central) end() error {
	c.flush()
	size := c.off - c.begin
	n, begin := c.n, c.begin
	if c.n >= math.MaxUint16 || size >= math.MaxUint32 || begin >= math.MaxUint32 {
		c.out = c.append64(c.out, size)
		n, size, begin = min(n, math.MaxUint16), min(size, math.MaxUint32), min(begin, math.MaxUint32)
	}
	b := binary.LittleEndian.AppendUint32(c.out, endSignature)
	for _, v := range []uint16{0, 0, uint16(n), uint16(n)} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(begin))
	c.out = binary.LittleEndian.AppendUint16(b, 0)
	c.flush()
	return c.err
}

func (c *central) append64(b []byte, size int64) []byte {
	at := c.off
	b = binary.LittleEndian.AppendUint32(b, end64Signature)
	b = binary.LittleEndian.AppendUint64(b, end64Size-12)
	b = binary.LittleEndian.AppendUint16(b, 3<<8|version64)
	b = binary.LittleEndian.AppendUint16(b, version64)
	b = binary.LittleEndian.AppendUint64(b, 0) // this disk, the directory's disk
	for _, v := range []uint64{c.n, c.n, uint64(size), uint64(c.begin)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, locator64Signature)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(at))
	return binary.LittleEndian.AppendUint32(b, 1)
}
