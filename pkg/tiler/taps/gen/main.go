// Command gen writes the assembly of package taps, for AVX2, by avo. Run it by go generate in the package above; a
// test of pkg proves that the committed output is current.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	across()
	down()
	Generate()
}

// Offsets of acrossArgs and downArgs.
const (
	acrossDst, acrossLine, acrossFirst, acrossWeight, acrossSteps = 0, 8, 16, 24, 32
	downDst, downRows, downWeight, downSteps                      = 0, 8, 40, 48
)

const (
	weightBits = 14
	taps       = 4
)

// across filters along a row, four outputs at once.
func across() {
	args := begin("acrossAVX2", "filters along a row.")
	dst, line, first := args.load(acrossDst), args.load(acrossLine), args.load(acrossFirst)
	weight, steps := args.load(acrossWeight), args.load(acrossSteps)
	planes, half := YMM(), YMM()
	VMOVDQU(constant("planes", byPlane()...), planes)
	VPBROADCASTD(constant("acrossHalf", 1<<(weightBits-8-1)), half)
	Label("output")
	var sums [4]reg.VecVirtual
	for i := range sums {
		sums[i] = four(line, first, weight, planes, i)
	}
	VPHADDD(sums[1], sums[0], sums[0]) // sums r0 g0 r1 g1 | b0 0 b1 0
	VPHADDD(sums[3], sums[2], sums[2]) // and r2 g2 r3 g3 | b2 0 b3 0
	for _, s := range []reg.VecVirtual{sums[0], sums[2]} {
		VPADDD(half, s, s)
		VPSRLD(Imm(weightBits-8), s, s)
	}
	redGreen, blue, out := sums[0], XMM(), XMM()
	VPACKUSDW(sums[2], redGreen, redGreen) // words from here on
	VEXTRACTI128(Imm(1), redGreen, blue)
	VPUNPCKLDQ(blue, redGreen.AsX(), out) // r g b 0 of two outputs
	VMOVDQU(out, Mem{Base: dst})
	VPUNPCKHDQ(blue, redGreen.AsX(), out)
	VMOVDQU(out, Mem{Base: dst, Disp: 16})
	ADDQ(Imm(32), dst)
	ADDQ(Imm(16), first)
	ADDQ(Imm(4*2*taps), weight)
	again("output", steps)
}

// four weighs the four pixels of output i: sums of two each, r r g g | b b 0 0.
func four(line, first, weight reg.Register, planes reg.VecVirtual, i int) reg.VecVirtual {
	sum, w, at := YMM(), YMM(), GP64()
	MOVLQSX(Mem{Base: first, Disp: 4 * i}, at)
	VBROADCASTI128(Mem{Base: line, Index: at, Scale: 4}, sum)
	VPBROADCASTQ(Mem{Base: weight, Disp: 2 * taps * i}, w)
	VPSHUFB(planes, sum, sum)
	VPMADDWD(w, sum, sum)
	return sum
}

// byPlane makes words of four pixels' bytes: those of red, of green | of blue, and zeros.
func byPlane() (dwords []uint32) {
	for plane := range uint32(3) {
		for k := range uint32(2) {
			at := plane + 8*k // the byte of pixel 2k; that of the next one lies four further on
			dwords = append(dwords, at|0x80<<8|(at+4)<<16|0x80<<24)
		}
	}
	return append(dwords, 0x80808080, 0x80808080)
}

// down filters down the columns, eight pixels at once. The multiplication takes signed words, so values come less 2^15;
// as the weights sum to 2^14, that is made good by 2^29.
func down() {
	args := begin("downAVX2", "filters down the columns.")
	dst, weight, steps := args.load(downDst), args.load(downWeight), args.load(downSteps)
	var rows [taps]reg.GPVirtual
	for k := range rows {
		rows[k] = args.load(downRows + 8*k)
	}
	c := columns{bias: YMM(), half: YMM(), weights: [2]reg.VecVirtual{YMM(), YMM()}}
	alpha := YMM()
	VPBROADCASTD(constant("downBias", 0x8000_8000), c.bias)
	VPBROADCASTD(constant("downHalf", 1<<29+1<<(weightBits+8-1)), c.half)
	VPBROADCASTD(constant("downAlpha", 0xff00_0000), alpha)
	for i, w := range c.weights {
		VPBROADCASTD(Mem{Base: weight, Disp: 4 * i}, w)
	}
	Label("pixel")
	pixels := c.pixels(rows, 0)
	VPACKUSWB(c.pixels(rows, 32), pixels, pixels) // pixels 0 1 4 5 | 2 3 6 7
	VPERMQ(Imm(0b11_01_10_00), pixels, pixels)
	VPOR(alpha, pixels, pixels)
	VMOVDQU(pixels, Mem{Base: dst})
	ADDQ(Imm(32), dst)
	for _, r := range rows {
		ADDQ(Imm(64), r)
	}
	again("pixel", steps)
}

// columns holds what downAVX2 keeps in registers.
type columns struct {
	bias, half reg.VecVirtual
	weights    [2]reg.VecVirtual // of two rows each
}

// pixels are four of them as words.
func (c columns) pixels(rows [taps]reg.GPVirtual, disp int) reg.VecVirtual {
	low, high := YMM(), YMM()
	for i, w := range c.weights {
		a, b, l, h := YMM(), YMM(), low, high
		VPXOR(Mem{Base: rows[2*i], Disp: disp}, c.bias, a)
		VPXOR(Mem{Base: rows[2*i+1], Disp: disp}, c.bias, b)
		if i > 0 {
			l, h = YMM(), YMM()
		}
		VPUNPCKLWD(b, a, l)
		VPUNPCKHWD(b, a, h)
		VPMADDWD(w, l, l)
		VPMADDWD(w, h, h)
		if i > 0 {
			VPADDD(l, low, low)
			VPADDD(h, high, high)
		}
	}
	for _, s := range []reg.VecVirtual{low, high} {
		VPADDD(c.half, s, s)
		VPSRLD(Imm(weightBits+8), s, s)
	}
	VPACKUSDW(high, low, low)
	return low
}

// arguments is a record of arguments in memory.
type arguments struct{ base reg.Register }

// begin opens a kernel that takes one record of arguments.
func begin(name, doc string) arguments {
	TEXT(name, NOSPLIT, "func(a *byte)")
	Pragma("noescape")
	Doc(name + " " + doc)
	return arguments{Load(Param("a"), GP64())}
}

func (a arguments) load(offset int) reg.GPVirtual {
	r := GP64()
	MOVQ(Mem{Base: a.base, Disp: offset}, r)
	return r
}

// constant is read-only memory.
func constant(name string, dwords ...uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range dwords {
		DATA(4*i, U32(v))
	}
	return m
}

// again repeats what follows the label, and ends the kernel after the last step.
func again(label string, steps reg.Register) {
	DECQ(steps)
	JNZ(LabelRef(label))
	VZEROUPPER()
	RET()
}
