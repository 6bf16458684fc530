package kernel

import "unsafe"

// softmaxArgs is what the softmax kernel needs for a run of pixels. Its layout is known to the assembly.
type softmaxArgs struct {
	dst, src           unsafe.Pointer // first pixel of block 0
	dstBlock, srcBlock int64          // bytes from one block to the next
	blocks, pixels     int64
	mask               unsafe.Pointer // lanes of the last block
}

type softmaxTask struct {
	isa      ISA
	dst, src Tensor
}

var softmaxTasks pool[softmaxTask]

// Softmax normalises exp over the channels of each pixel. dst may be src.
func Softmax(dst, src Tensor, team *Team) {
	requireTensor(&dst)
	requireTensor(&src)
	requireSame(&dst, &src)
	t := softmaxTasks.take()
	t.isa, t.dst, t.src = Variant(), dst, src
	team.Do(dst.N*dst.H, t)
	t.dst, t.src = Tensor{}, Tensor{}
	softmaxTasks.give(t)
}

func (t *softmaxTask) Item(item int) {
	n, y := item/t.dst.H, item%t.dst.H
	blocks := t.dst.Blocks()
	softmaxRow(t.isa, &softmaxArgs{
		dst: pixel(&t.dst, n, 0, y, 0), src: pixel(&t.src, n, 0, y, 0),
		dstBlock: 4 * int64(t.dst.BlockStride), srcBlock: 4 * int64(t.src.BlockStride),
		blocks: int64(blocks), pixels: int64(t.dst.W), mask: laneMask(t.dst.C - (blocks-1)*Block),
	})
}
