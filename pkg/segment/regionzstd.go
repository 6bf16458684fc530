package segment

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// regionWindow is how far back a region file's compression looks: hundreds of rows, beyond which nothing repeats.
const regionWindow = 1 << 20

// compressors and decompressors of region files are used again: their tables take longer to make than a small region
// to code. They start no goroutine, so those that the pool forgets are collected.
//
// # Memory
//
// A compressor holds two windows and tables of a megabyte, a decompressor a few blocks of 128 kB; each as many as
// regions are coded at once.
var (
	compressors   = sync.Pool{New: func() any { return newCompressor() }}
	decompressors = sync.Pool{New: func() any { return newDecompressor() }}
)

// newCompressor makes the one encoder of region files. Another setting here gives other bytes for the same region.
func newCompressor() *zstd.Encoder {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(regionWindow),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options are constants of the package
	}
	return z
}

// newDecompressor makes a decoder that writes no further than the memory that it is given, whatever a file says of itself.
func newDecompressor() *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(regionWindow),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // as above
	}
	return z
}
