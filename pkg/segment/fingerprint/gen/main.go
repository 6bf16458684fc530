// Command gen writes the assembly of package fingerprint, for AVX2, by avo. Run it by go generate in the package above;
// a test of pkg proves that the committed output is current.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A strip is some rows of a block as words: those of the four channels, and of the tissue, where all bits are set.
const (
	block   = 64
	rows    = 8
	channel = 2 * rows * block // bytes

	wordsH, wordsE, wordsR, wordsL, wordsTissue = 0, channel, 2 * channel, 3 * channel, 4 * channel
)

// Offsets in lanes and in an octave of it, which are vectors of four sums.
const (
	vector                             = 32
	firstH, firstE, firstR, firstL     = 0, vector, 2 * vector, 3 * vector
	squareH, squareE, squareR, squareL = 4 * vector, 5 * vector, 6 * vector, 7 * vector
	cubeH, cubeL                       = 8 * vector, 9 * vector
	crossHE, crossHR, crossER          = 10 * vector, 11 * vector, 12 * vector

	detail, count = 0, 2 * vector
)

// Words to multiply pairs of words by, whose products are added.
const (
	sum        = 0x0001_0001
	difference = 0xffff_0001
	negative   = 0xffff_ffff // −sum
)

func main() {
	ConstraintExpr("amd64")
	unmix()
	moments()
	finest()
	halve()
	Generate()
}

// addWide adds eight numbers to four of 64 bits.
func addWide(v reg.VecVirtual, to Mem) {
	low, high := YMM(), YMM()
	VPMOVSXDQ(v.AsX(), low)
	VEXTRACTI128(Imm(1), v, high.AsX())
	VPMOVSXDQ(high.AsX(), high)
	VPADDQ(high, low, low)
	VPADDQ(to, low, low)
	VMOVDQU(low, to)
}

// inOrder puts right what instructions made of two vectors that take each half for itself.
func inOrder(v reg.VecVirtual) { VPERMQ(Imm(0b11_01_10_00), v, v) }

// zero is a vector of zeros.
func zero() reg.VecVirtual {
	v := YMM()
	VPXOR(v, v, v)
	return v
}

// all is a constant in all lanes.
func all(name string, dword uint32) reg.VecVirtual {
	m := GLOBL(name, RODATA|NOPTR)
	DATA(0, U32(dword))
	r := YMM()
	VPBROADCASTD(m, r)
	return r
}

// again repeats what follows the label until there are no more steps.
func again(label string, steps reg.Register) {
	DECQ(steps)
	JNZ(LabelRef(label))
}
