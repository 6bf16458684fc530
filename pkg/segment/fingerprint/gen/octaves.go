package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// octave is what a level adds, as long as it is in registers.
type octave struct {
	at     reg.Register
	detail [2]reg.VecVirtual
	count  reg.VecVirtual
}

// begin opens the kernel of a level.
func begin() octave {
	o := octave{Load(Param("octave"), GP64()), [2]reg.VecVirtual{YMM(), YMM()}, YMM()}
	for p, v := range o.detail {
		VMOVDQU(Mem{Base: o.at, Disp: detail + vector*p}, v)
	}
	VMOVDQU(Mem{Base: o.at, Disp: count}, o.count)
	return o
}

// end closes it.
func (o octave) end() {
	for p, v := range o.detail {
		VMOVDQU(v, Mem{Base: o.at, Disp: detail + vector*p})
	}
	VMOVDQU(o.count, Mem{Base: o.at, Disp: count})
	VZEROUPPER()
	RET()
}

// loadPlanes are the planes that a kernel halves.
func loadPlanes() [2]reg.Register {
	return [2]reg.Register{Load(Param("plane0"), GP64()), Load(Param("plane1"), GP64())}
}

// finest takes 16 pixels of two rows at once. What two pixels differ by fits 14 bits and a sign, the details of four
// words, and so the sum of three of their squares 32 bits.
func finest() {
	TEXT("finestAVX2", NOSPLIT, "func(plane0, plane1, tissue *int32, octave *int64, words *int16)")
	Pragma("noescape")
	Doc("finestAVX2 makes cells of two by two pixels of a strip, and adds their details.")
	planes, tissue, words := loadPlanes(), Load(Param("tissue"), GP64()), Load(Param("words"), GP64())
	f := pixels{octave: begin(), one: all("one", 1), sum: all("sumOfTwo", sum), difference: all("difference", difference), negative: all("negative", negative)}
	lines, steps := GP64(), GP64()
	MOVQ(U32(rows/2), lines)
	Label("lines")
	MOVQ(U32(block/16), steps)
	Label("pixels")
	enough := f.pool(Mem{Base: tissue}, Mem{Base: words, Disp: wordsTissue})
	f.details(0, Mem{Base: planes[0]}, Mem{Base: words, Disp: wordsH}, enough)
	f.details(1, Mem{Base: planes[1]}, Mem{Base: words, Disp: wordsL}, enough)
	for _, p := range []reg.Register{planes[0], planes[1], tissue, words} {
		ADDQ(Imm(32), p)
	}
	again("pixels", steps)
	ADDQ(Imm(2*block), words) // the row below was read with it
	again("lines", lines)
	f.end()
}

// pixels is what details of pixels take.
type pixels struct {
	octave
	one, sum, difference, negative reg.VecVirtual
}

// pool makes cells of tissue and says where it is enough, half of the pixels.
func (f pixels) pool(to, top Mem) (enough reg.VecVirtual) {
	enough = YMM()
	VMOVDQU(top, enough)
	VPADDW(top.Offset(2*block), enough, enough)
	VPMADDWD(f.negative, enough, enough) // a pixel of tissue is −1
	VMOVDQU(enough, to)
	VPCMPGTD(f.one, enough, enough)
	t := YMM()
	VPSRLQ(Imm(63), enough, t)
	VPADDQ(t, f.count, f.count)
	VPSLLQ(Imm(32), enough, t)
	VPSRLQ(Imm(63), t, t)
	VPADDQ(t, f.count, f.count)
	return enough
}

// details makes cells of a plane.
func (f pixels) details(p int, to, top Mem, enough reg.VecVirtual) {
	across, down, t, energy := YMM(), YMM(), YMM(), YMM()
	VMOVDQU(top, t)
	VPADDW(top.Offset(2*block), t, across)
	VPSUBW(top.Offset(2*block), t, down)
	VPMADDWD(f.sum, across, t)
	VMOVDQU(t, to)
	VPMADDWD(f.difference, across, energy)
	VPMULLD(energy, energy, energy)
	for _, w := range []reg.VecVirtual{f.sum, f.difference} {
		VPMADDWD(w, down, t)
		VPMULLD(t, t, t)
		VPADDD(t, energy, energy)
	}
	VPAND(enough, energy, energy)
	VPSRLQ(Imm(32), energy, t)
	VPADDQ(t, f.detail[p], f.detail[p])
	VPSLLQ(Imm(32), energy, energy)
	VPSRLQ(Imm(32), energy, energy)
	VPADDQ(energy, f.detail[p], f.detail[p])
}

// halve takes 16 cells of two rows at once, in two vectors of which every second lane counts: so the multiplication to
// 64 bits has it.
func halve() {
	TEXT("halveAVX2", NOSPLIT, "func(plane0, plane1, tissue *int32, octave *int64, half, few int)")
	Pragma("noescape")
	Doc("halveAVX2 makes half by half cells, a multiple of 8, of those of a level, in place, and adds their details. Few is the most tissue that is not enough.")
	planes, tissue, half := loadPlanes(), Load(Param("tissue"), GP64()), Load(Param("half"), GP64())
	c := cells{octave: begin(), few: YMM(), top: GP64(), bottom: GP64(), to: GP64()}
	VMOVQ(Load(Param("few"), GP64()), c.few.AsX())
	VPBROADCASTD(c.few.AsX(), c.few)
	XORQ(c.top, c.top)
	XORQ(c.to, c.to)
	lines, steps := GP64(), GP64()
	MOVQ(half, lines)
	Label("line")
	LEAQ(Mem{Base: c.top, Index: half, Scale: 8}, c.bottom)
	MOVQ(half, steps)
	Label("cells")
	enough := c.pool(tissue)
	c.details(0, planes[0], enough)
	c.details(1, planes[1], enough)
	ADDQ(Imm(64), c.top)
	ADDQ(Imm(64), c.bottom)
	ADDQ(Imm(32), c.to)
	SUBQ(Imm(8), steps)
	JNZ(LabelRef("cells"))
	MOVQ(c.bottom, c.top) // where the second row ends the next one begins
	again("line", lines)
	c.end()
}

// cells is what details of cells take.
type cells struct {
	octave
	few             reg.VecVirtual
	top, bottom, to reg.GPVirtual // distances from a plane's beginning
}

// pool makes cells of tissue and says where it is enough, in both lanes.
func (c cells) pool(tissue reg.Register) (enough [2]reg.VecVirtual) {
	for i := range enough {
		v, t := YMM(), YMM()
		VMOVDQU(c.above(tissue, i), v)
		VPADDD(c.below(tissue, i), v, v)
		VPSRLQ(Imm(32), v, t)
		VPADDD(t, v, v)
		enough[i] = v
	}
	c.store(enough, tissue)
	for _, v := range enough {
		VPSHUFD(Imm(0b10_10_00_00), v, v)
		VPCMPGTD(c.few, v, v)
		VPSUBQ(v, c.count, c.count)
	}
	return enough
}

// details makes cells of a plane.
func (c cells) details(p int, plane reg.Register, enough [2]reg.VecVirtual) {
	var sums [2]reg.VecVirtual
	for i := range sums {
		across, down, t, energy := YMM(), YMM(), YMM(), YMM()
		VMOVDQU(c.above(plane, i), t)
		VPADDD(c.below(plane, i), t, across)
		VPSUBD(c.below(plane, i), t, down)
		VPSRLQ(Imm(32), across, t)
		VPSUBD(t, across, energy)
		VPADDD(t, across, across)
		VPMULDQ(energy, energy, energy)
		VPSRLQ(Imm(32), down, t)
		v := YMM()
		VPADDD(t, down, v)
		VPSUBD(t, down, down)
		for _, d := range []reg.VecVirtual{v, down} {
			VPMULDQ(d, d, d)
			VPADDQ(d, energy, energy)
		}
		VPAND(enough[i], energy, energy)
		VPADDQ(energy, c.detail[p], c.detail[p])
		sums[i] = across
	}
	c.store(sums, plane)
}

// above and below are the places of eight cells.
func (c cells) above(plane reg.Register, i int) Mem {
	return Mem{Base: plane, Index: c.top, Scale: 1, Disp: 32 * i}
}

func (c cells) below(plane reg.Register, i int) Mem {
	return Mem{Base: plane, Index: c.bottom, Scale: 1, Disp: 32 * i}
}

// store stores every second lane of two vectors, side by side.
func (c cells) store(v [2]reg.VecVirtual, plane reg.Register) {
	t := YMM()
	VSHUFPS(Imm(0b10_00_10_00), v[1], v[0], t)
	inOrder(t)
	VMOVDQU(t, Mem{Base: plane, Index: c.to, Scale: 1})
}
