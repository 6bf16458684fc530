package codec

import (
	"errors"
	"fmt"
	"image"
	"math/bits"
	"sync"
)

// JPEGEncoder appends a picture to dst as EncodeJPEG does, to the bit.
type JPEGEncoder func(dst []byte, img *image.RGBA, quality int) ([]byte, error)

// EncodeJPEG appends a picture's colours to dst as a baseline JPEG with chroma at full resolution, quality 1
// to 100. Its bytes are those of libjpeg-turbo with the accurate transform and the standard Huffman tables, so
// that a pyramid does not depend on the machine that cut it.
//
// # Memory
//
// One row of blocks, 24 samples per column, from a pool.
func EncodeJPEG(dst []byte, img *image.RGBA, quality int) ([]byte, error) {
	if err := encodable(img, quality); err != nil {
		return nil, err
	}
	e := encoderPool.Get().(*jpegEncoder)
	defer encoderPool.Put(e)
	e.begin(img.Rect.Size(), quality)
	e.entropy = entropyWriter{out: e.header(dst, img.Rect.Size())}
	for y := 0; y < img.Rect.Dy(); y += 8 {
		e.convert(img, y)
		e.blocks()
	}
	return append(e.entropy.finish(), 0xFF, mEOI), nil
}

func encodable(img *image.RGBA, quality int) error {
	const most = 65500 // libjpeg's limit of a side
	if size := img.Rect.Size(); size.X < 1 || size.Y < 1 || size.X > most || size.Y > most {
		return fmt.Errorf("encode jpeg: %v pixels, want 1 to %d a side", size, most)
	}
	if quality < 1 || quality > 100 {
		return errors.New("encode jpeg: quality is 1 to 100")
	}
	return nil
}

// jpegEncoder holds the tables of one quality and a row of blocks.
type jpegEncoder struct {
	quality  int
	quant    [2][64]uint8      // in zigzag order: luma, chroma
	divisors [2][64]reciprocal // in rows and columns
	columns  int               // of blocks
	samples  [3][]uint8        // of a row of blocks, padded to whole blocks
	entropy  entropyWriter
	previous [3]int32 // DC of the block before
}

var encoderPool = sync.Pool{New: func() any { return new(jpegEncoder) }}

func (e *jpegEncoder) begin(size image.Point, quality int) {
	if e.quality != quality {
		e.quality = quality
		for table, base := range standardQuant {
			for k, v := range base {
				q := scaledQuant(int(v), quality)
				e.quant[table][k] = uint8(q)
				e.divisors[table][zigzag[k]] = newReciprocal(uint32(8 * q)) // fdct's scale
			}
		}
	}
	e.columns = ceilDiv(size.X, 8)
	for i := range e.samples {
		e.samples[i] = resized(e.samples[i], 64*e.columns)
	}
	e.previous = [3]int32{}
}

// scaledQuant is libjpeg's jpeg_quality_scaling of one quantiser (jcparam.c).
func scaledQuant(base, quality int) int {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	return min(max((base*scale+50)/100, 1), 255)
}

// reciprocal divides by multiplying: exact for the 17 bits that a coefficient needs.
type reciprocal struct{ factor, half uint32 }

func newReciprocal(d uint32) reciprocal {
	return reciprocal{factor: uint32((1<<31 + uint64(d) - 1) / uint64(d)), half: d / 2}
}

// divide rounds v / d to the nearest, halves away from zero.
func (r reciprocal) divide(v int32) int32 {
	sign := v >> 31
	n := uint32((v^sign)-sign) + r.half
	q := int32(uint64(n) * uint64(r.factor) >> 31)
	return (q ^ sign) - sign
}

// convert turns eight rows of pixels, from y on, into samples. The last row and column repeat to fill whole
// blocks (jcprepct.c).
func (e *jpegEncoder) convert(img *image.RGBA, y int) {
	size, stride := img.Rect.Size(), 8*e.columns
	for i := range 8 {
		row := img.Pix[min(y+i, size.Y-1)*img.Stride:][:4*size.X]
		luma, cb, cr := e.samples[0][i*stride:][:stride], e.samples[1][i*stride:][:stride], e.samples[2][i*stride:][:stride]
		for x := range size.X {
			p := row[4*x : 4*x+3 : 4*x+3]
			r, g, b := int32(p[0]), int32(p[1]), int32(p[2])
			luma[x] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16) // round(c·2^16), jccolor.c
			cb[x] = uint8((-11059*r - 21709*g + 32768*b + 128<<16 + 1<<15 - 1) >> 16)
			cr[x] = uint8((32768*r - 27439*g - 5329*b + 128<<16 + 1<<15 - 1) >> 16)
		}
		for x := size.X; x < stride; x++ {
			luma[x], cb[x], cr[x] = luma[size.X-1], cb[size.X-1], cr[size.X-1]
		}
	}
}

// blocks transforms and codes a row of blocks, the three components of each in turn.
func (e *jpegEncoder) blocks() {
	var b [64]int32
	stride := 8 * e.columns
	for x := range e.columns {
		for c, samples := range e.samples {
			for i := range 8 {
				in, out := samples[i*stride+8*x:][:8:8], b[8*i:8*i+8:8*i+8]
				for k, v := range in {
					out[k] = int32(v) - 128
				}
			}
			fdct(&b)
			table := min(c, 1)
			e.previous[c] = e.entropy.block(quantise(&b, &e.divisors[table]), &b, table, e.previous[c])
		}
	}
}

// quantise divides the coefficients and gives a bit for each that is not zero, by its place in zigzag order.
func quantise(b *[64]int32, divisors *[64]reciprocal) (present uint64) {
	for i, v := range b {
		if v = divisors[i].divide(v); v != 0 {
			present |= 1 << unzigzag[i]
		}
		b[i] = v
	}
	return present
}

// unzigzag is the inverse of zigzag.
var unzigzag = func() (inverse [64]uint8) {
	for k, at := range zigzag {
		inverse[at] = uint8(k)
	}
	return inverse
}()

// entropyWriter codes blocks as bits.
type entropyWriter struct {
	out []byte
	acc uint64 // the last n bits, in the low end
	n   uint
}

// block codes a block of quantised coefficients, of which present names those that are not zero, and gives its
// DC (T.81 F.1.2).
func (w *entropyWriter) block(present uint64, b *[64]int32, table int, previous int32) int32 {
	t := &standardCodes[table]
	value, size := signedBits(b[0] - previous)
	w.put(t.dc[size], value, size)
	last := 0
	for rest := present &^ 1; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros64(rest)
		run := k - last - 1
		for ; run > 15; run -= 16 {
			w.put(t.ac[0xF0], 0, 0)
		}
		value, size := signedBits(b[zigzag[k]])
		w.put(t.ac[uint(run)<<4|size], value, size)
		last = k
	}
	if last < 63 {
		w.put(t.ac[0], 0, 0)
	}
	return b[0]
}

// signedBits is JPEG's signed number: its size and that many bits (T.81 table F.1).
func signedBits(v int32) (value uint32, size uint) {
	sign := v >> 31
	size = uint(bits.Len32(uint32((v ^ sign) - sign)))
	return uint32(v+sign) & (1<<size - 1), size
}

// code is a Huffman code and its length.
type code struct {
	bits   uint16
	length uint8
}

// put appends a code and the size bits that follow it.
func (w *entropyWriter) put(c code, value uint32, size uint) {
	w.acc = w.acc<<(uint(c.length)+size) | uint64(c.bits)<<size | uint64(value)
	if w.n += uint(c.length) + size; w.n >= 32 {
		w.flush()
	}
}

// flush writes whole bytes, each 0xFF followed by zero.
func (w *entropyWriter) flush() {
	for w.n >= 8 {
		w.n -= 8
		v := byte(w.acc >> w.n)
		if w.out = append(w.out, v); v == 0xFF {
			w.out = append(w.out, 0)
		}
	}
}

// finish fills the last byte with ones.
func (w *entropyWriter) finish() []byte {
	w.put(code{0x7F, 7}, 0, 0)
	w.flush()
	return w.out
}
