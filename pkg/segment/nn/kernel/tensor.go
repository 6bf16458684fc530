// Package kernel holds the arithmetic that costs the time: convolutions and their gradients over
// activations in a channel-blocked layout, as AVX-512, AVX2+FMA and portable Go that agree to the
// bit. It knows nothing of graphs, files or Gorgonia.
package kernel

// Block is the number of channels that lie side by side: one AVX-512 register of float32.
const Block = 16

// Tensor is a view of activations in channel-blocked layout. Element (n, c, y, x) lies at
//
//	Data[Off + n·ImageStride + (c/Block)·BlockStride + y·RowStride + x·Block + c%Block]
//
// Channels beyond C in the last block are always zero. Border pixels around each plane are readable
// and zero, so that a convolution whose padding is at most Border copies nothing.
type Tensor struct {
	Data        []float32
	Off         int // of element (0, 0, 0, 0)
	N, C, H, W  int
	ImageStride int // floats from one image to the next
	BlockStride int // floats from one block of channels to the next
	RowStride   int // floats from one row to the next
	Border      int // zero pixels on each side of every plane
}

// Blocks is the number of channel blocks.
func (t *Tensor) Blocks() int { return (t.C + Block - 1) / Block }

// row is the pixels of one row of a block of channels, all lanes, without the border.
func (t *Tensor) row(n, block, y int) []float32 {
	return t.Data[t.Off+n*t.ImageStride+block*t.BlockStride+y*t.RowStride:][:t.W*Block]
}

// Floats is the length of a buffer for n images of c channels, h×w, with a border.
func Floats(n, c, h, w, border int) int {
	return n * ((c + Block - 1) / Block) * (h + 2*border) * (w + 2*border) * Block
}

// New lays a tensor over data, which must hold Floats(n, c, h, w, border) zeros.
func New(data []float32, n, c, h, w, border int) Tensor {
	row := (w + 2*border) * Block
	plane := (h + 2*border) * row
	return Tensor{
		Data: data, Off: border*row + border*Block,
		N: n, C: c, H: h, W: w,
		ImageStride: (c + Block - 1) / Block * plane, BlockStride: plane, RowStride: row, Border: border,
	}
}

// Channels is the view of c channels from channel first on, which must start a block.
func (t Tensor) Channels(first, c int) Tensor {
	t.Off += first / Block * t.BlockStride
	t.C = c
	return t
}

// Image is the view of one image.
func (t Tensor) Image(n int) Tensor {
	t.Off += n * t.ImageStride
	t.N = 1
	return t
}
