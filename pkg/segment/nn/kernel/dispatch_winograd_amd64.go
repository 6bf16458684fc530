package kernel

import "unsafe"

func winogradSource(v ISA, m int, a *winogradArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case v == AVX512 && m == 4:
		winogradSource4AVX512(p)
	case v == AVX512:
		winogradSource2AVX512(p)
	case v == AVX2 && m == 4:
		winogradSource4AVX2(p)
	case v == AVX2:
		winogradSource2AVX2(p)
	default:
		winogradSourceGeneric(m, a)
	}
}

func winogradResult(v ISA, m int, a *winogradArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case v == AVX512 && m == 4:
		winogradResult4AVX512(p)
	case v == AVX512:
		winogradResult2AVX512(p)
	case v == AVX2 && m == 4:
		winogradResult4AVX2(p)
	case v == AVX2:
		winogradResult2AVX2(p)
	default:
		winogradResultGeneric(m, a)
	}
}

func winogradSpread(v ISA, m int, a *winogradArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case v == AVX512 && m == 4:
		winogradSpread4AVX512(p)
	case v == AVX512:
		winogradSpread2AVX512(p)
	case v == AVX2 && m == 4:
		winogradSpread4AVX2(p)
	case v == AVX2:
		winogradSpread2AVX2(p)
	default:
		winogradSpreadGeneric(m, a)
	}
}

func multiplyTiles(v ISA, blocks int, a *productArgs) {
	switch {
	case v == AVX512 && blocks == 2:
		productsBlocks2AVX512((*byte)(unsafe.Pointer(a)))
	case v == AVX512:
		productsBlocks1AVX512((*byte)(unsafe.Pointer(a)))
	case v == AVX2:
		multiplyTiles2(blocks, *a)
	default:
		multiplyTilesGeneric(blocks, a)
	}
}

// multiplyTiles2 computes one block after the other.
func multiplyTiles2(blocks int, a productArgs) {
	productsBlocks1AVX2((*byte)(unsafe.Pointer(&a)))
	if blocks == 2 {
		a.w, a.dst = unsafe.Add(a.w, 4*Block), unsafe.Add(a.dst, a.dstBlock)
		productsBlocks1AVX2((*byte)(unsafe.Pointer(&a)))
	}
}

func winogradFilter(v ISA, m int, a *weightArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case v == AVX512 && m == 4:
		winogradFilter4AVX512(p)
	case v == AVX512:
		winogradFilter2AVX512(p)
	case v == AVX2 && m == 4:
		winogradFilter4AVX2(p)
	case v == AVX2:
		winogradFilter2AVX2(p)
	default:
		winogradFilterGeneric(m, a)
	}
}

func winogradGather(v ISA, m int, a *weightArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case v == AVX512 && m == 4:
		winogradGather4AVX512(p)
	case v == AVX512:
		winogradGather2AVX512(p)
	case v == AVX2 && m == 4:
		winogradGather4AVX2(p)
	case v == AVX2:
		winogradGather2AVX2(p)
	default:
		winogradGatherGeneric(m, a)
	}
}
