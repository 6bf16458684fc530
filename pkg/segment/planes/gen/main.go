// Command gen writes the assembly of package planes, for AVX2, by avo. Run it by go generate in the package above; a
// test of pkg proves that the committed output is current.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// step is the number of values that levels takes at once: four vectors of eight.
const step = 32

func main() {
	ConstraintExpr("amd64")
	levels()
	split()
	Generate()
}

func levels() {
	TEXT("levelsAVX2", NOSPLIT, "func(dst *uint8, src *float32, steps int) (left int)")
	Pragma("noescape")
	Doc("levelsAVX2 makes steps times 32 levels; it stops before a step with a value that is none from 0 to 1, and returns how many are left.")
	dst, src, steps := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("steps"), GP64())
	one, scale, half, order := broadcast("one", 0x3f800000), broadcast("scale", 0x437f0000), broadcast("half", 0x3f000000), YMM()
	VMOVDQU(constant("order", 0, 4, 1, 5, 2, 6, 3, 7), order)
	Label("next")
	var v [4]reg.VecVirtual
	most := YMM()
	for i := range v {
		v[i] = YMM()
		VMOVDQU(Mem{Base: src, Disp: 32 * i}, v[i])
	}
	VPMAXUD(v[1], v[0], most) // as whole numbers, all that is negative or not a number lies above 1
	VPMAXUD(v[2], most, most)
	VPMAXUD(v[3], most, most)
	VPMAXUD(one, most, most)
	VPXOR(one, most, most)
	VPTEST(most, most)
	JNZ(LabelRef("end"))
	for _, p := range v {
		VMULPS(scale, p, p)
		VADDPS(half, p, p)
		VCVTTPS2DQ(p, p)
	}
	VPACKUSDW(v[1], v[0], v[0])
	VPACKUSDW(v[3], v[2], v[2])
	VPACKUSWB(v[2], v[0], v[0]) // fours, each half of the four vectors in turn
	VPERMD(v[0], order, v[0])
	VMOVDQU(v[0], Mem{Base: dst})
	ADDQ(Imm(step), dst)
	ADDQ(Imm(4*step), src)
	DECQ(steps)
	JNZ(LabelRef("next"))
	Label("end")
	VZEROUPPER()
	Store(steps, ReturnIndex(0))
	RET()
}

// split looks eight pixels up in three tables that lie one behind the other.
func split() {
	TEXT("splitAVX2", NOSPLIT, "func(red, green, blue *float32, pix *uint8, norm *float32, steps int)")
	Pragma("noescape")
	Doc("splitAVX2 makes numbers of steps times 8 pixels.")
	planes := [3]reg.Register{Load(Param("red"), GP64()), Load(Param("green"), GP64()), Load(Param("blue"), GP64())}
	pix, norm, steps := Load(Param("pix"), GP64()), Load(Param("norm"), GP64()), Load(Param("steps"), GP64())
	low, px, index, all, v := YMM(), YMM(), YMM(), YMM(), YMM()
	VPBROADCASTD(constant("low", 0xff), low)
	Label("pixel")
	VMOVDQU(Mem{Base: pix}, px)
	for c, dst := range planes {
		VPAND(low, px, index)
		VPSRLD(Imm(8), px, px)
		VPCMPEQD(all, all, all) // the mask, which each look-up uses up
		VXORPS(v, v, v)         // so that it need not wait for what was there
		VGATHERDPS(all, Mem{Base: norm, Index: index, Scale: 4, Disp: 4 * 256 * c}, v)
		VMOVUPS(v, Mem{Base: dst})
		ADDQ(Imm(32), dst)
	}
	ADDQ(Imm(32), pix)
	DECQ(steps)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// constant is read-only memory.
func constant(name string, dwords ...uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range dwords {
		DATA(4*i, U32(v))
	}
	return m
}

// broadcast is a constant in all lanes.
func broadcast(name string, dword uint32) reg.VecVirtual {
	r := YMM()
	VPBROADCASTD(constant(name, dword), r)
	return r
}
