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
