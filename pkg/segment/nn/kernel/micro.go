package kernel

import "unsafe"

//go:generate go run ./gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg kernel

// tileArgs is what a convolution kernel needs to compute a run of tiles of one row for one or two
// blocks of output channels. Its layout is known to the assembly; all strides are in bytes.
type tileArgs struct {
	src      unsafe.Pointer // first source pixel of the first tap
	w        unsafe.Pointer // packed weights
	dst      unsafe.Pointer
	bias     unsafe.Pointer // one float for each output lane
	add      unsafe.Pointer // residual, or nil
	taps     unsafe.Pointer // offsets of the source pixels, int64
	ntaps    int64
	whole    int64 // source blocks before the last, of 16 channels each
	last     int64 // channels of the last source block
	srcBlock int64 // from one source block to the next
	srcPixel int64 // from one result's source to the next
	dstPixel int64 // from one result to the next
	dstBlock int64 // from one block of results to the next
	addPixel int64
	addBlock int64
	pixels   int64   // of a tile
	repeat   int64   // tiles, one behind the other
	lanes    int64   // from one channel's weights to the next
	lo, hi   float32 // results are clamped
}

// rowArgs is what an element-wise kernel needs for a run of contiguous pixels of one block.
type rowArgs struct {
	dst, a, b unsafe.Pointer
	pixels    int64
	mask      unsafe.Pointer // lanes to keep, 16 uint32; the others become zero
	p, q, r   unsafe.Pointer // parameters for each lane, 16 floats
	alpha     float32
	beta      float32
}

// gradArgs is what a kernel for the gradient by the weights needs: it adds, for each source channel,
// the products with one or two blocks of channels of the gradient over rows×pixels positions. All
// strides are in bytes.
type gradArgs struct {
	src, d, acc      unsafe.Pointer // acc is [blocks][16][16]float32, by source channel
	rows, pixels     int64
	srcRow, srcPixel int64
	dRow             int64
	channels         int64
	dBlock           int64 // from one block of the gradient to the next
}
