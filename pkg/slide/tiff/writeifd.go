package tiff

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// order is the byte order of written files.
var order = binary.LittleEndian

// entry is one field of a directory that is being written. Values of up to 8 bytes sit in the entry;
// longer ones are at an offset in the file.
type entry struct {
	tag, typ uint16
	count    uint64
	value    []byte // at most 8 bytes: the value itself, or its offset
}

const entrySize = 20 // BigTIFF: tag 2, type 2, count 8, value or offset 8

// directories appends all directories, each after its own long values, and gives the first one's
// offset. The link to the next directory needs that one's offset, so they go out last to first.
func (w *Writer) directories() (first uint64) {
	var next uint64
	for i := len(w.levels) - 1; i >= 0; i-- {
		entries := w.entries(i)
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.tag, b.tag) })
		w.pad()
		at := w.at
		w.append(encodeDirectory(entries, next))
		next = at
	}
	return next
}

// pad appends zero bytes up to a multiple of 8, where BigTIFF directories and arrays begin.
func (w *Writer) pad() {
	if r := w.at % 8; r != 0 {
		w.append(make([]byte, 8-r))
	}
}

func encodeDirectory(entries []entry, next uint64) []byte {
	out := make([]byte, 0, 8+entrySize*len(entries)+8)
	out = order.AppendUint64(out, uint64(len(entries)))
	for _, e := range entries {
		out = order.AppendUint16(out, e.tag)
		out = order.AppendUint16(out, e.typ)
		out = order.AppendUint64(out, e.count)
		var value [8]byte
		copy(value[:], e.value)
		out = append(out, value[:]...)
	}
	return order.AppendUint64(out, next)
}

// entries gives the fields of a level, having appended their long values to the file.
func (w *Writer) entries(i int) []entry {
	l := w.levels[i]
	entries := []entry{
		w.long(tagNewSubfileType, uint32(min(i, reducedImage))),
		w.long(tagImageWidth, uint32(l.Size.W)), w.long(tagImageLength, uint32(l.Size.H)),
		w.shorts(tagBitsPerSample, slices.Repeat([]uint16{8}, l.Samples)...),
		w.shorts(tagCompression, uint16(l.Compression)), w.shorts(tagPhotometric, uint16(l.Photometric)),
		w.shorts(tagSamplesPerPixel, uint16(l.Samples)), w.shorts(tagPlanarConfig, planarChunky),
		w.long(tagTileWidth, uint32(l.Tile)), w.long(tagTileLength, uint32(l.Tile)),
		w.offsets(l), w.counts(l),
	}
	if l.Predictor {
		entries = append(entries, w.shorts(tagPredictor, predictorHorizontal))
	}
	if l.Photometric == YCbCr {
		entries = append(entries, w.shorts(tagYCbCrSubsampling, uint16(l.Subsampling[0]), uint16(l.Subsampling[1])))
	}
	if l.Samples == 4 {
		entries = append(entries, w.shorts(tagExtraSamples, extraUnassociated))
	}
	if w.cfg.MPP.Known() {
		entries = append(entries, w.resolution(l)...)
	}
	if i == 0 && w.cfg.Description != "" {
		entries = append(entries, w.text(tagImageDescription, w.cfg.Description))
	}
	if w.cfg.Software != "" {
		entries = append(entries, w.text(tagSoftware, w.cfg.Software))
	}
	return entries
}

// resolution is the scale of a level, which is coarser than level 0's by the ratio of their sizes.
func (w *Writer) resolution(l *writtenLevel) []entry {
	full := w.levels[0].Size
	x := w.cfg.MPP.X * float64(full.W) / float64(l.Size.W)
	y := w.cfg.MPP.Y * float64(full.H) / float64(l.Size.H)
	return []entry{
		w.rational(tagXResolution, micronsPerCM/x), w.rational(tagYResolution, micronsPerCM/y),
		w.shorts(tagResolutionUnit, resolutionCM),
	}
}

const micronsPerCM = 10000

func (w *Writer) shorts(tag uint16, values ...uint16) entry {
	var raw []byte
	for _, v := range values {
		raw = order.AppendUint16(raw, v)
	}
	return entry{tag, typeShort, uint64(len(values)), w.place(raw)}
}

func (w *Writer) long(tag uint16, v uint32) entry {
	return entry{tag, typeLong, 1, order.AppendUint32(nil, v)}
}

func (w *Writer) text(tag uint16, s string) entry {
	raw := append([]byte(s), 0)
	return entry{tag, typeASCII, uint64(len(raw)), w.place(raw)}
}

// rational writes v with the largest denominator that fits, which keeps 24 bits of it or more.
func (w *Writer) rational(tag uint16, v float64) entry {
	den := uint32(1)
	for den < 1<<24 && v*float64(den)*2 <= math.MaxUint32 {
		den *= 2
	}
	num := uint32(math.Round(v * float64(den)))
	return entry{tag, typeRational, 1, order.AppendUint32(order.AppendUint32(nil, num), den)}
}

func (w *Writer) offsets(l *writtenLevel) entry {
	return entry{tagTileOffsets, typeLong8, uint64(len(l.offsets)), w.array(len(l.offsets), 8, func(b []byte, i int) {
		order.PutUint64(b, l.offsets[i])
	})}
}

func (w *Writer) counts(l *writtenLevel) entry {
	return entry{tagTileByteCounts, typeLong, uint64(len(l.counts)), w.array(len(l.counts), 4, func(b []byte, i int) {
		order.PutUint32(b, l.counts[i])
	})}
}

// array appends n values of the given size one by one, so that no second copy of them is held.
func (w *Writer) array(n, size int, put func(b []byte, i int)) (value []byte) {
	var b [8]byte
	if n*size <= len(b) {
		for i := range n {
			put(b[i*size:], i)
		}
		return b[:]
	}
	w.pad()
	at := w.at
	for i := range n {
		put(b[:], i)
		w.append(b[:size])
	}
	return order.AppendUint64(nil, at)
}

// place keeps a short value in the entry and appends a long one to the file.
func (w *Writer) place(raw []byte) []byte {
	if len(raw) <= 8 {
		return raw
	}
	w.pad()
	at := w.at
	w.append(raw)
	return order.AppendUint64(nil, at)
}

// deflaters are reused: one takes a megabyte, many times what it compresses.
var deflaters = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// DeflateTile compresses a tile's samples for Deflate, appending to dst. The same samples give the
// same bytes. It is safe for concurrent use.
func DeflateTile(dst, samples []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	z := deflaters.Get().(*zlib.Writer)
	defer deflaters.Put(z)
	z.Reset(out)
	if _, err := z.Write(samples); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
