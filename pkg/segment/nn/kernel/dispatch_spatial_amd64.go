package kernel

import "unsafe"

func dotsRow(v ISA, a *dotsArgs) {
	switch v {
	case AVX512:
		dotsAVX512((*byte)(unsafe.Pointer(a)))
	case AVX2:
		dotsAVX2((*byte)(unsafe.Pointer(a)))
	default:
		dotsRowGeneric(a)
	}
}

func poolRow(v ISA, op poolOp, a *poolArgs) {
	switch v {
	case AVX512:
		poolRow512(op, a)
	case AVX2:
		poolRow2(op, a)
	default:
		poolRowGeneric(op, a)
	}
}

func poolRow512(op poolOp, a *poolArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case op == poolMax && a.index != nil:
		poolMaxIndexAVX512(p)
	case op == poolMax:
		poolMaxAVX512(p)
	case op == poolAvg:
		poolAvgAVX512(p)
	case op == poolMaxBack:
		poolMaxBackAVX512(p)
	case op == poolAvgBack:
		poolAvgBackAVX512(p)
	}
}

func poolRow2(op poolOp, a *poolArgs) {
	p := (*byte)(unsafe.Pointer(a))
	switch {
	case op == poolMax && a.index != nil:
		poolMaxIndexAVX2(p)
	case op == poolMax:
		poolMaxAVX2(p)
	case op == poolAvg:
		poolAvgAVX2(p)
	case op == poolMaxBack:
		poolMaxBackAVX2(p)
	case op == poolAvgBack:
		poolAvgBackAVX2(p)
	}
}

func gatherRow(v ISA, a *resizeArgs) {
	switch v {
	case AVX512:
		gatherAVX512((*byte)(unsafe.Pointer(a)))
	case AVX2:
		gatherAVX2((*byte)(unsafe.Pointer(a)))
	default:
		gatherRowGeneric(a)
	}
}

func lerpRow(v ISA, a *resizeArgs) {
	switch v {
	case AVX512:
		lerpAVX512((*byte)(unsafe.Pointer(a)))
	case AVX2:
		lerpAVX2((*byte)(unsafe.Pointer(a)))
	default:
		lerpRowGeneric(a)
	}
}

func scatterRow(v ISA, a *resizeArgs) {
	switch v {
	case AVX512:
		scatterAVX512((*byte)(unsafe.Pointer(a)))
	case AVX2:
		scatterAVX2((*byte)(unsafe.Pointer(a)))
	default:
		scatterRowGeneric(a)
	}
}

func softmaxRow(v ISA, a *softmaxArgs) {
	switch v {
	case AVX512:
		softmaxAVX512((*byte)(unsafe.Pointer(a)))
	case AVX2:
		softmaxAVX2((*byte)(unsafe.Pointer(a)))
	default:
		softmaxRowGeneric(a)
	}
}
func peak(v ISA, rounds int64) {
	switch v {
	case AVX512:
		peakAVX512(rounds)
	case AVX2:
		peakAVX2(rounds)
	default:
		peakGeneric(rounds)
	}
}

// peakFLOPs counts the operations of a round.
func peakFLOPs(v ISA) int64 {
	switch v {
	case AVX512:
		return 2 * 24 * 16
	case AVX2:
		return 2 * 12 * 8
	}
	return 2 * 24
}

// spin lets some hundred nanoseconds pass.
func spin() { pauses(16) }
