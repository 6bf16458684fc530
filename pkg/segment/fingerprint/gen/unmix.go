package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// glass is the brightness from which on a pixel is glass.
const glass = 3590

// unmix takes 16 pixels at once. What it makes of eosin and the residual is zero on glass, where nobody looks at them.
func unmix() {
	TEXT("unmixAVX2", NOSPLIT, "func(words *int16, pix *uint8, stride int, density *int32, weights *uint32) (tissue int)")
	Pragma("noescape")
	Doc("unmixAVX2 makes words of a strip's pixels, and returns how many are tissue.")
	words, pix, stride := Load(Param("words"), GP64()), Load(Param("pix"), GP64()), Load(Param("stride"), GP64())
	m := mixture{
		density: Load(Param("density"), GP64()), weights: Load(Param("weights"), GP64()),
		low: all("low", 0xff), glass: all("glass", glass<<16|glass),
		redBlue: all("redBlue", 29<<16|77), green: all("green", 150),
	}
	tissue, lines, n := GP64(), GP64(), GP64()
	XORQ(tissue, tissue)
	MOVQ(U32(rows), lines)
	Label("unmix")
	for i := range block / 16 {
		dark := m.sixteen(Mem{Base: words, Disp: 32 * i}, Mem{Base: pix, Disp: 64 * i})
		VPMOVMSKB(dark, n.As32())
		POPCNTL(n.As32(), n.As32()) // two for each pixel
		ADDQ(n, tissue)
	}
	ADDQ(Imm(2*block), words)
	ADDQ(stride, pix)
	again("unmix", lines)
	SHRQ(Imm(1), tissue)
	VZEROUPPER()
	Store(tissue, ReturnIndex(0))
	RET()
}

// mixture is what unmixing takes.
type mixture struct {
	density, weights           reg.Register
	low, glass, redBlue, green reg.VecVirtual
}

// sixteen makes words of as many pixels, and returns which are tissue.
func (m mixture) sixteen(words, pix Mem) (dark reg.VecVirtual) {
	v, w := m.eight(pix), m.eight(pix.Offset(32))
	for c := range v {
		VPACKSSDW(w[c], v[c], v[c])
		inOrder(v[c])
	}
	dark = YMM()
	VPCMPGTW(v[3], m.glass, dark)
	VPAND(dark, v[1], v[1])
	VPAND(dark, v[2], v[2])
	for c, v := range append(v[:], dark) {
		VMOVDQU(v, words.Offset(channel*c))
	}
	return dark
}

// eight are the channels of as many pixels.
func (m mixture) eight(pix Mem) (v [4]reg.VecVirtual) {
	px := YMM()
	VMOVDQU(pix, px)
	v[3] = m.brightness(px)
	redGreen, green, blue := m.look(px), m.look(px), m.look(px)
	VPSLLD(Imm(16), green, green)
	VPOR(green, redGreen, redGreen)
	for c := range 3 {
		v[c] = YMM()
		t := YMM()
		VPBROADCASTD(Mem{Base: m.weights, Disp: 8 * c}, v[c])
		VPBROADCASTD(Mem{Base: m.weights, Disp: 8*c + 4}, t)
		VPMADDWD(redGreen, v[c], v[c])
		VPMADDWD(blue, t, t)
		VPADDD(t, v[c], v[c])
		VPSRAD(Imm(12), v[c], v[c])
	}
	return v
}

// brightness weighs red and blue, as words, and green.
func (m mixture) brightness(px reg.VecVirtual) reg.VecVirtual {
	v, t := YMM(), YMM()
	VPSRLD(Imm(8), px, t)
	VPAND(m.low, t, t)
	VPMADDWD(m.green, t, t)
	VPSLLW(Imm(8), px, v)
	VPSRLW(Imm(8), v, v)
	VPMADDWD(m.redBlue, v, v)
	VPADDD(t, v, v)
	VPSRLD(Imm(4), v, v)
	return v
}

// look is the density of each pixel's lowest byte, which it drops.
func (m mixture) look(px reg.VecVirtual) reg.VecVirtual {
	index, which, v := YMM(), YMM(), zero() // zero, so that the look-up need not wait for what was there
	VPAND(m.low, px, index)
	VPSRLD(Imm(8), px, px)
	VPCMPEQD(which, which, which)
	VPGATHERDD(which, Mem{Base: m.density, Index: index, Scale: 4}, v)
	return v
}
