package kernel

import "unsafe"

func plainRow(v ISA, op rowOp, a *rowArgs) {
	switch v {
	case AVX512:
		plainRow512(op, (*byte)(unsafe.Pointer(a)))
	case AVX2:
		plainRow2(op, (*byte)(unsafe.Pointer(a)))
	default:
		plainRowGeneric(op, a)
	}
}

func actRow(v ISA, a *rowArgs, act Act) {
	a.alpha, a.beta = act.Alpha, act.Beta
	switch v {
	case AVX512:
		actRow512(act, (*byte)(unsafe.Pointer(a)))
	case AVX2:
		actRow2(act, (*byte)(unsafe.Pointer(a)))
	default:
		actRowGeneric(a, act)
	}
}

func actBackRow(v ISA, a *rowArgs, act Act) {
	a.alpha, a.beta = act.Alpha, act.Beta
	switch v {
	case AVX512:
		actBackRow512(act, (*byte)(unsafe.Pointer(a)))
	case AVX2:
		actBackRow2(act, (*byte)(unsafe.Pointer(a)))
	default:
		actBackRowGeneric(a, act)
	}
}

func plainRow512(op rowOp, a *byte) {
	switch op {
	case opAdd:
		rowAddAVX512(a)
	case opSub:
		rowSubAVX512(a)
	case opMul:
		rowMulAVX512(a)
	case opScaleShift:
		rowScaleShiftAVX512(a)
	case opCombine:
		rowCombineAVX512(a)
	}
}

func actRow512(act Act, a *byte) {
	switch act.Kind {
	case actReLU:
		actReLUAVX512(a)
	case actLeakyReLU:
		actLeakyReLUAVX512(a)
	case actClip:
		actClipAVX512(a)
	case actHardSigmoid:
		actHardSigmoidAVX512(a)
	case actHardSwish:
		actHardSwishAVX512(a)
	case actSigmoid:
		actSigmoidAVX512(a)
	default:
		actIdentityAVX512(a)
	}
}

func actBackRow512(act Act, a *byte) {
	switch act.Kind {
	case actReLU:
		actBackReLUAVX512(a)
	case actLeakyReLU:
		actBackLeakyReLUAVX512(a)
	case actClip:
		actBackClipAVX512(a)
	case actHardSigmoid:
		actBackHardSigmoidAVX512(a)
	case actHardSwish:
		actBackHardSwishAVX512(a)
	case actSigmoid:
		actBackSigmoidAVX512(a)
	default:
		actIdentityAVX512(a)
	}
}

func plainRow2(op rowOp, a *byte) {
	switch op {
	case opAdd:
		rowAddAVX2(a)
	case opSub:
		rowSubAVX2(a)
	case opMul:
		rowMulAVX2(a)
	case opScaleShift:
		rowScaleShiftAVX2(a)
	case opCombine:
		rowCombineAVX2(a)
	}
}

func actRow2(act Act, a *byte) {
	switch act.Kind {
	case actReLU:
		actReLUAVX2(a)
	case actLeakyReLU:
		actLeakyReLUAVX2(a)
	case actClip:
		actClipAVX2(a)
	case actHardSigmoid:
		actHardSigmoidAVX2(a)
	case actHardSwish:
		actHardSwishAVX2(a)
	case actSigmoid:
		actSigmoidAVX2(a)
	default:
		actIdentityAVX2(a)
	}
}

func actBackRow2(act Act, a *byte) {
	switch act.Kind {
	case actReLU:
		actBackReLUAVX2(a)
	case actLeakyReLU:
		actBackLeakyReLUAVX2(a)
	case actClip:
		actBackClipAVX2(a)
	case actHardSigmoid:
		actBackHardSigmoidAVX2(a)
	case actHardSwish:
		actBackHardSwishAVX2(a)
	case actSigmoid:
		actBackSigmoidAVX2(a)
	default:
		actIdentityAVX2(a)
	}
}
