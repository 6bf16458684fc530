package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of productArgs.
const (
	prodSrc = 8 * iota
	prodW
	prodDst
	prodPositions
	prodSrcPlane
	prodDstPlane
	prodWhole
	prodLast
	prodSrcBlock
	prodDstBlock
	prodPixels
	prodLanes
)

// productKernels sum the products of transformed tiles over source channels, for all positions of the
// tiles in one call: a convolution tile without taps, bias or epilogue.
func productKernels(v isa) {
	for blocks := 1; blocks <= 2/v.halves; blocks++ {
		a := v.begin(name("productsBlocks%dAVX", blocks), name("multiplies transformed tiles for %d blocks of output channels.", blocks))
		most := widest(v, 1, blocks)
		choose(a.get(prodPixels), most, func(p int) string { return name("p%d", p) })
		for p := most; p >= 1; p-- {
			Label(name("p%d", p))
			t := &tile{v: v, step: 1, blocks: blocks, pixels: p, a: a, tag: name("p%d", p), lanes: prodLanes}
			t.products()
			end()
		}
	}
}

func (t *tile) products() {
	src, dst := t.a.get(prodSrc), t.a.get(prodDst)
	t.w, t.src, t.x = t.a.get(prodW), GP64(), GP64()
	whole, c, block := GP64(), GP64(), t.a.get(prodDstBlock)
	countdown(t.tag+"position", t.a.get(prodPositions), func() {
		t.each(func(p, b, h int) { clear512(t.v, t.acc(p, b, h)) })
		MOVQ(src, t.src)
		MOVQ(t.a.mem(prodWhole), whole)
		Label(t.tag + "block")
		MOVQ(U32(16), c)
		TESTQ(whole, whole)
		JNZ(LabelRef(t.tag + "sum"))
		MOVQ(t.a.mem(prodLast), c)
		Label(t.tag + "sum")
		LEAQ(at(t.src, t.center()*pixelBytes), t.x)
		countdown(t.tag+"channel", c, t.channel)
		ADDQ(t.a.mem(prodSrcBlock), t.src)
		SUBQ(Imm(1), whole)
		JGE(LabelRef(t.tag + "block"))
		t.storeProducts(dst, block)
		ADDQ(t.a.mem(prodSrcPlane), src)
		ADDQ(t.a.mem(prodDstPlane), dst)
	})
}

func (t *tile) storeProducts(dst, block reg.GPVirtual) {
	t.each(func(p, b, h int) {
		m := t.result(dst, block, b, h)
		m.Disp += p * pixelBytes
		VMOVUPS(t.acc(p, b, h), m)
	})
}
