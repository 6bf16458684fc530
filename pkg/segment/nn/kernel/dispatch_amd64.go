package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The kernels are called directly, never through function values, so that their argument records stay
// on the stack.

// best is the fastest variant that this processor and its operating system support.
func best() ISA {
	x := &cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ && x.HasFMA:
		return AVX512
	case x.HasAVX2 && x.HasFMA:
		return AVX2
	}
	return Generic
}

// widestTile is the number of pixels whose sums the registers of a variant hold.
func widestTile(v ISA, step, blocks int) int {
	switch {
	case v == Generic:
		return 16
	case step > 2:
		return 5
	case v == AVX2:
		return 6
	case step == 2:
		return 16 / blocks
	}
	return 28 / blocks
}

func convTile(v ISA, step, blocks int, a *tileArgs) {
	switch v {
	case AVX512:
		convTile512(step, blocks, a)
	case AVX2:
		convTile2(step, blocks, a)
	default:
		convTileGeneric(step, blocks, a)
	}
}

func convTile512(step, blocks int, a *tileArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case step == 1 && blocks == 2:
		convStep1Blocks2AVX512(p)
	case step == 1:
		convStep1Blocks1AVX512(p)
	case step == 2 && blocks == 2:
		convStep2Blocks2AVX512(p)
	case step == 2:
		convStep2Blocks1AVX512(p)
	case blocks == 2:
		convStep0Blocks2AVX512(p)
	default:
		convStep0Blocks1AVX512(p)
	}
}

// convTile2 computes one block after the other: two do not fit the 16 registers of AVX2.
func convTile2(step, blocks int, a *tileArgs) {
	convBlock2(step, a)
	if blocks == 1 {
		return
	}
	second := *a
	second.bias = unsafe.Add(a.bias, 4*Block)
	second.dst = unsafe.Add(a.dst, a.dstBlock)
	if a.w != nil {
		second.w = unsafe.Add(a.w, 4*Block)
	}
	if a.add != nil {
		second.add = unsafe.Add(a.add, a.addBlock)
	}
	convBlock2(step, &second)
}

func convBlock2(step int, a *tileArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch step {
	case 1:
		convStep1Blocks1AVX2(p)
	case 2:
		convStep2Blocks1AVX2(p)
	default:
		convStep0Blocks1AVX2(p)
	}
}

func depthTile(v ISA, step int, a *tileArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case v == AVX512 && step == 1:
		depthStep1AVX512(p)
	case v == AVX512 && step == 2:
		depthStep2AVX512(p)
	case v == AVX512:
		depthStep0AVX512(p)
	case v == AVX2 && step == 1:
		depthStep1AVX2(p)
	case v == AVX2 && step == 2:
		depthStep2AVX2(p)
	case v == AVX2:
		depthStep0AVX2(p)
	default:
		depthTileGeneric(step, a)
	}
}

func convGrad(v ISA, blocks int, a *gradArgs) {
	switch {
	case v == AVX512 && blocks == 2:
		convGradPair512(*a)
	case v == AVX512:
		convGradAVX512((*byte)(unsafe.Pointer(a)))
	case v == AVX2:
		convGrad2(blocks, a)
	default:
		convGradGeneric(blocks, a)
	}
}

// convGradPair512 takes eight source channels with two blocks of the gradient at a time.
func convGradPair512(a gradArgs) {
	const most = 8
	for left := a.channels; left > 0; left -= most {
		a.channels = min(left, most)
		convGradPairAVX512((*byte)(unsafe.Pointer(&a)))
		if left > most {
			a.src, a.acc = unsafe.Add(a.src, most*4), unsafe.Add(a.acc, most*4*Block)
		}
	}
}

// convGrad2 takes six source channels with one block at a time, as the registers of AVX2 allow.
func convGrad2(blocks int, a *gradArgs) {
	const most = 6
	for b := range blocks {
		one := *a
		one.d, one.acc = unsafe.Add(a.d, a.dBlock*int64(b)), unsafe.Add(a.acc, gradBlock*b)
		for left := a.channels; left > 0; left -= most {
			one.channels = min(left, most)
			convGradAVX2((*byte)(unsafe.Pointer(&one)))
			if left > most {
				one.src, one.acc = unsafe.Add(one.src, most*4), unsafe.Add(one.acc, most*4*Block)
			}
		}
	}
}

func depthGrad(v ISA, a *gradArgs) {
	switch v {
	case AVX512:
		depthGradAVX512((*byte)(unsafe.Pointer(a)))
	case AVX2:
		depthGradAVX2((*byte)(unsafe.Pointer(a)))
	default:
		depthGradGeneric(a)
	}
}
