package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// moments takes a row at a time, in which a lane adds up eight products. Channels are between −7719 and 11311, so that
// they are less than 2^31.
func moments() {
	TEXT("momentsAVX2", NOSPLIT, "func(lanes *int64, words *int16)")
	Pragma("noescape")
	Doc("momentsAVX2 adds the channels of a strip's tissue, their squares, cubes and products.")
	m := moment{lanes: Load(Param("lanes"), GP64()), words: Load(Param("words"), GP64()), sum: all("sum", sum)}
	lines := GP64()
	MOVQ(U32(rows), lines)
	Label("moments")
	m.products()
	m.powers(wordsH, firstH, squareH, cubeH)
	m.powers(wordsL, firstL, squareL, cubeL)
	ADDQ(Imm(2*block), m.words)
	again("moments", lines)
	VZEROUPPER()
	RET()
}

// moment is what moments take.
type moment struct {
	lanes, words reg.Register
	sum          reg.VecVirtual
}

// word is the place of 16 words of the row.
func (m moment) word(channel, i int) Mem { return Mem{Base: m.words, Disp: channel + 32*i} }

// products adds eosin and the residual, their squares, and the products of the stains.
func (m moment) products() {
	h, e, r, t := YMM(), YMM(), YMM(), YMM()
	terms := []struct {
		a, b, sum reg.VecVirtual
		to        int
	}{
		{e, m.sum, zero(), firstE}, {r, m.sum, zero(), firstR}, {e, e, zero(), squareE}, {r, r, zero(), squareR},
		{h, e, zero(), crossHE}, {h, r, zero(), crossHR}, {e, r, zero(), crossER},
	}
	for i := range block / 16 {
		VMOVDQU(m.word(wordsE, i), e)
		VMOVDQU(m.word(wordsR, i), r)
		VMOVDQU(m.word(wordsH, i), h) // also of glass; the others are zero there
		for _, term := range terms {
			VPMADDWD(term.a, term.b, t)
			VPADDD(t, term.sum, term.sum)
		}
	}
	for _, term := range terms {
		addWide(term.sum, Mem{Base: m.lanes, Disp: term.to})
	}
}

// powers adds a channel that is looked at more closely, its squares and its cubes.
func (m moment) powers(channel, first, square, cube int) {
	v, t := YMM(), YMM()
	f, s, c := zero(), zero(), zero()
	even, odd := YMM(), YMM()
	for i := range block / 16 {
		VMOVDQU(m.word(channel, i), v)
		VPAND(m.word(wordsTissue, i), v, v)
		VPMADDWD(m.sum, v, t)
		VPADDD(t, f, f)
		VPSLLD(Imm(16), v, even)
		VPSRAD(Imm(16), even, even)
		VPSRAD(Imm(16), v, odd)
		for _, v := range []reg.VecVirtual{even, odd} {
			VPMULLD(v, v, t)
			VPADDD(t, s, s)
			addCubes(v, t, c)
		}
	}
	addWide(f, Mem{Base: m.lanes, Disp: first})
	addWide(s, Mem{Base: m.lanes, Disp: square})
	VPADDQ(Mem{Base: m.lanes, Disp: cube}, c, c)
	VMOVDQU(c, Mem{Base: m.lanes, Disp: cube})
}

// addCubes adds the products of eight numbers and their squares, of which it leaves nothing.
func addCubes(v, square, sum reg.VecVirtual) {
	t := YMM()
	VPMULDQ(v, square, t) // of every second lane
	VPADDQ(t, sum, sum)
	VPSRLQ(Imm(32), v, v)
	VPSRLQ(Imm(32), square, square)
	VPMULDQ(v, square, t)
	VPADDQ(t, sum, sum)
}
