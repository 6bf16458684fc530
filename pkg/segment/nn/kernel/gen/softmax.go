package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of softmaxArgs.
const (
	softmaxDst = 8 * iota
	softmaxSrc
	softmaxDstBlock
	softmaxSrcBlock
	softmaxBlocks
	softmaxPixels
	softmaxMask
)

// softmax is the softmax kernel. Registers 0 to 5 are those of a row's body, which it borrows for exp.
type softmax struct {
	row
	src, dst         reg.GPVirtual // of the pixel
	srcAt, dstAt     reg.GPVirtual // of the block
	srcStep, dstStep reg.GPVirtual
}

func (s *softmax) top() reg.VecPhysical      { return s.v.vec(6) }
func (s *softmax) sum(h int) reg.VecPhysical { return s.v.vec(8 + h) }

func softmaxKernel(v isa, t *table) {
	s := &softmax{row: row{v: v, t: t, a: v.begin("softmaxAVX", "normalises exp over the channels of each pixel.")}}
	s.src, s.dst, s.srcAt, s.dstAt = s.a.get(softmaxSrc), s.a.get(softmaxDst), GP64(), GP64()
	s.srcStep, s.dstStep = s.a.get(softmaxSrcBlock), s.a.get(softmaxDstBlock)
	s.lanes(softmaxMask, s.mask)
	countdown("pixel", s.a.get(softmaxPixels), func() {
		s.maximum()
		s.exponentials()
		s.scale()
		ADDQ(Imm(pixelBytes), s.src)
		ADDQ(Imm(pixelBytes), s.dst)
	})
	end()
}

// blocks visits the blocks of a pixel; the last is masked.
func (s *softmax) blocks(tag string, visit func(last bool)) {
	n := s.a.get(softmaxBlocks)
	MOVQ(s.src, s.srcAt)
	MOVQ(s.dst, s.dstAt)
	Label(tag)
	SUBQ(Imm(1), n)
	JE(LabelRef(tag + "last"))
	visit(false)
	ADDQ(s.srcStep, s.srcAt)
	ADDQ(s.dstStep, s.dstAt)
	JMP(LabelRef(tag))
	Label(tag + "last")
	visit(true)
}

// maximum leaves the greatest value in all lanes.
func (s *softmax) maximum() {
	VMOVUPS(s.t.bits(f32NegInf), s.top())
	s.blocks("max", func(last bool) {
		for h := range s.v.halves {
			x := s.tmp(0)
			VMOVUPS(at(s.srcAt, h*s.v.bytes()), x)
			if last {
				VMOVUPS(s.t.bits(f32NegInf), s.tmp(1))
				s.keep(h, x, s.tmp(1))
				x = s.tmp(1)
			}
			VMAXPS(s.top(), x, s.top())
		}
	})
	s.across(s.top(), func(x, y, z reg.VecPhysical) { VMAXPS(x, y, z) })
}

// keep replaces the lanes of to that the mask keeps by those of x.
func (s *softmax) keep(h int, x, to reg.VecPhysical) {
	if s.v.wide() {
		VPTESTMD(s.mask(h), s.mask(h), reg.K1)
		VBLENDMPS(x, to, reg.K1, to)
	} else {
		VBLENDVPS(s.mask(h), x, to, to)
	}
}

// across combines all lanes of one vector with each other, so that each holds the result.
func (s *softmax) across(x reg.VecPhysical, op func(a, b, c reg.VecPhysical)) {
	y := s.tmp(0)
	if s.v.wide() {
		VSHUFF64X2(Imm(0x4e), x, x, y)
		op(y, x, x)
		VSHUFF64X2(Imm(0xb1), x, x, y)
	} else {
		VPERM2F128(Imm(1), x, x, y)
	}
	op(y, x, x)
	VPERMILPS(Imm(0x4e), x, y)
	op(y, x, x)
	VPERMILPS(Imm(0xb1), x, y)
	op(y, x, x)
}

// exponentials stores exp(x − top) and sums it.
func (s *softmax) exponentials() {
	for h := range s.v.halves {
		VMOVUPS(s.t.float(0), s.sum(h))
	}
	s.blocks("exp", func(last bool) {
		for h := range s.v.halves {
			x := s.tmp(0)
			VMOVUPS(at(s.srcAt, h*s.v.bytes()), x)
			VSUBPS(s.top(), x, x)
			s.exp()
			if last {
				s.v.and(s.mask(h), x)
			}
			VMOVUPS(x, at(s.dstAt, h*s.v.bytes()))
			VADDPS(x, s.sum(h), s.sum(h))
		}
	})
}

// scale divides by the sum of all lanes.
func (s *softmax) scale() {
	sum := s.sum(0)
	if !s.v.wide() {
		VADDPS(s.sum(1), sum, sum)
	}
	s.across(sum, func(x, y, z reg.VecPhysical) { VADDPS(x, y, z) })
	VMOVUPS(s.t.float(1), s.tmp(1))
	VDIVPS(sum, s.tmp(1), sum)
	s.blocks("scale", func(bool) {
		for h := range s.v.halves {
			VMULPS(at(s.dstAt, h*s.v.bytes()), sum, s.tmp(0))
			VMOVUPS(s.tmp(0), at(s.dstAt, h*s.v.bytes()))
		}
	})
}
