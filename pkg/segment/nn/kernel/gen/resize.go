package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of resizeArgs.
const (
	resizeDst = 8 * iota
	resizeR0
	resizeR1
	resizeLo
	resizeHi
	resizeFrac
	resizePixels
	resizeWY
)

func resizeKernels(v isa) {
	gatherKernel(v)
	lerpKernel(v)
	scatterKernel(v)
}

func gatherKernel(v isa) {
	a := v.begin("gatherAVX", "copies pixels from the offsets lo.")
	dst, r0, lo, off := a.get(resizeDst), a.get(resizeR0), a.get(resizeLo), GP64()
	countdown("pixel", a.get(resizePixels), func() {
		MOVQ(at(lo, 0), off)
		for h := range v.halves {
			VMOVUPS(indexed(r0, off, h*v.bytes()), v.vec(h))
			VMOVUPS(v.vec(h), at(dst, h*v.bytes()))
		}
		ADDQ(Imm(8), lo)
		ADDQ(Imm(pixelBytes), dst)
	})
	end()
}

func indexed(base, index reg.GPVirtual, disp int) Mem {
	return Mem{Base: base, Index: index, Scale: 1, Disp: disp}
}

func lerpKernel(v isa) {
	a := v.begin("lerpAVX", "interpolates between four pixels.")
	dst, r0, r1 := a.get(resizeDst), a.get(resizeR0), a.get(resizeR1)
	lo, hi, frac := a.get(resizeLo), a.get(resizeHi), a.get(resizeFrac)
	wx, wy, offLo, offHi := v.vec(0), v.vec(1), GP64(), GP64()
	VBROADCASTSS(a.mem(resizeWY), wy)
	countdown("pixel", a.get(resizePixels), func() {
		VBROADCASTSS(at(frac, 0), wx)
		MOVQ(at(lo, 0), offLo)
		MOVQ(at(hi, 0), offHi)
		for h := range v.halves {
			disp := h * v.bytes()
			along := func(row reg.GPVirtual, p, d reg.VecPhysical) {
				VMOVUPS(indexed(row, offLo, disp), p)
				VMOVUPS(indexed(row, offHi, disp), d)
				VSUBPS(p, d, d)
				VFMADD231PS(wx, d, p)
			}
			p, q, d := v.vec(2), v.vec(3), v.vec(4)
			along(r0, p, d)
			along(r1, q, d)
			VSUBPS(p, q, q)
			VFMADD231PS(wy, q, p)
			VMOVUPS(p, at(dst, disp))
		}
		ADDQ(Imm(8), lo)
		ADDQ(Imm(8), hi)
		ADDQ(Imm(4), frac)
		ADDQ(Imm(pixelBytes), dst)
	})
	end()
}

func scatterKernel(v isa) {
	a := v.begin("scatterAVX", "adds weighted gradients to the pixels at lo.")
	dst, r0, lo, frac, off := a.get(resizeDst), a.get(resizeR0), a.get(resizeLo), a.get(resizeFrac), GP64()
	w, wy, x := v.vec(0), v.vec(1), v.vec(2)
	VBROADCASTSS(a.mem(resizeWY), wy)
	countdown("pixel", a.get(resizePixels), func() {
		VBROADCASTSS(at(frac, 0), w)
		VMULPS(wy, w, w)
		MOVQ(at(lo, 0), off)
		for h := range v.halves {
			m := indexed(r0, off, h*v.bytes())
			VMOVUPS(m, x)
			VFMADD231PS(at(dst, h*v.bytes()), w, x)
			VMOVUPS(x, m)
		}
		ADDQ(Imm(8), lo)
		ADDQ(Imm(4), frac)
		ADDQ(Imm(pixelBytes), dst)
	})
	end()
}
