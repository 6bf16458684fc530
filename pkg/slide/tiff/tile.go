package tiff

import (
	"fmt"
	"image"
	"io"
	"math/bits"
)

// ReadTile decodes a tile into dst, whose bounds become the tile's rectangle, clipped to the image;
// dst's pixels are reused if they are large enough. A tile that the file does not hold (offset or
// size 0, which scanners write for glass that they skipped) comes out transparent.
//
// # Memory
//
// The tile's bytes (maxTileBytes) and its samples (maxTileSamples, twice where they are not plain
// 8-bit), from a pool that the garbage collector empties. A slide's 256-pixel tile takes some 400 kB.
func (im *Image) ReadTile(col, row int, dst *image.RGBA) error {
	if col < 0 || row < 0 || col >= im.cols || row >= im.rows {
		return fmt.Errorf("tile %d_%d lies outside %d by %d", col, row, im.cols, im.rows)
	}
	resetRGBA(dst, im.Bounds(col, row))
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	if im.codec.pixels != nil {
		src, err := im.read(s.src, row*im.cols+col)
		if err != nil || src == nil {
			clear(dst.Pix)
			return err
		}
		s.src = src
		return im.codec.pixels(im, dst, s)
	}
	return im.readSampled(col, row, dst, s)
}

// RawTile is a tile's JPEG stream, made standalone: its scan is the file's to the bit. It is nil where
// the tile is missing or the image is not JPEG. It lies in the memory of room if that is enough.
func (im *Image) RawTile(col, row int, room []byte) ([]byte, error) {
	if col < 0 || row < 0 || col >= im.cols || row >= im.rows {
		return nil, fmt.Errorf("tile %d_%d lies outside %d by %d", col, row, im.cols, im.rows)
	}
	if im.Compression != JPEG {
		return nil, nil
	}
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	src, err := im.read(s.src, row*im.cols+col)
	if err != nil || src == nil {
		return nil, err
	}
	s.src = src
	return im.standalone(room[:0], src)
}

// CheckExtent reports tiles that lie outside the file: a copy that was cut short is refused when it
// is opened, not in the middle of the night.
func (im *Image) CheckExtent() error {
	n := im.cols * im.rows * im.planes
	outside := 0
	for i := range n {
		if at, size := im.extent(i); size > 0 && !im.inside(at, size) {
			outside++
		}
	}
	if outside > 0 {
		return damaged("%d of %d %ss lie beyond the end of the file: it is cut short, copy it again from the scanner", outside, n, im.piece())
	}
	return nil
}

// extent is where tile i lies; size 0 means that it is missing.
func (im *Image) extent(i int) (at, size uint64) {
	at = im.dir.at(im.offsets, i)
	if im.dir.Len(im.counts) == 0 {
		size = uint64(im.rawSize(im.rowsIn(i / im.cols % im.rows)))
	} else {
		size = im.dir.at(im.counts, i)
	}
	if at == 0 {
		return 0, 0
	}
	return at, size
}

func (im *Image) inside(at, size uint64) bool {
	end := uint64(im.file.size)
	return at <= end && size <= end-at
}

// read reads the bytes of tile i into buf, grown if need be, or gives nil where there are none.
func (im *Image) read(buf []byte, i int) ([]byte, error) {
	at, size := im.extent(i)
	switch {
	case size == 0:
		return nil, nil
	case !im.inside(at, size):
		return nil, damaged("%s at offset %d with %d bytes lies beyond the end of the file: it is cut short", im.piece(), at, size)
	case size > maxTileBytes:
		return nil, unsupported("%s of %d bytes", im.piece(), size)
	}
	buf = grow(buf, int(size))
	if n, err := im.file.r.ReadAt(buf, int64(at)); n < len(buf) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %s at offset %d: %w", im.piece(), at, err)
	}
	if im.reversed && im.codec.samples != nil {
		for k, b := range buf {
			buf[k] = bits.Reverse8(b)
		}
	}
	return buf, nil
}

// grow gives a slice of length n, in buf's memory if it fits.
func grow(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// resetRGBA gives dst the bounds r, keeping its memory if that is enough. Its pixels are undefined.
func resetRGBA(dst *image.RGBA, r image.Rectangle) {
	dst.Pix = grow(dst.Pix, 4*r.Dx()*r.Dy())
	dst.Stride, dst.Rect = 4*r.Dx(), r
}
