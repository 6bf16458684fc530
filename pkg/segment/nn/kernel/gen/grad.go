package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of gradArgs.
const (
	gradSrc = 8 * iota
	gradD
	gradAcc
	gradRows
	gradPixels
	gradSrcRow
	gradSrcPixel
	gradDRow
	gradChannels
)

// gradKernels sum products of source channels with 16 channels of the gradient over positions.
func gradKernels(v isa) {
	a := v.begin("convGradAVX", "adds the products of source channels with a block of the gradient.")
	most := 16
	if !v.wide() {
		most = 6
	}
	choose(a.get(gradChannels), most, func(c int) string { return name("c%d", c) })
	for c := most; c >= 1; c-- {
		Label(name("c%d", c))
		gradBody(v, a, c)
		end()
	}
	depthGrad(v)
}

func gradBody(v isa, a args, channels int) {
	acc := func(c, h int) reg.VecPhysical { return v.vec(c*v.halves + h) }
	spare := func(i int) reg.VecPhysical { return v.vec(channels*v.halves + i) }
	for i := range channels * v.halves {
		clear512(v, v.vec(i))
	}
	overPixels(a, name("c%d", channels), func(src, d reg.GPVirtual) {
		for h := range v.halves {
			VMOVUPS(at(d, h*v.bytes()), spare(h))
		}
		for c := range channels {
			if v.wide() {
				VFMADD231PS_BCST(at(src, 4*c), spare(0), acc(c, 0))
				continue
			}
			x := spare(2 + c%2)
			VBROADCASTSS(at(src, 4*c), x)
			for h := range 2 {
				VFMADD231PS(spare(h), x, acc(c, h))
			}
		}
	})
	total := a.get(gradAcc)
	for c := range channels {
		for h := range v.halves {
			m := at(total, c*pixelBytes+h*v.bytes())
			VADDPS(m, acc(c, h), acc(c, h))
			VMOVUPS(acc(c, h), m)
		}
	}
}

func clear512(v isa, r reg.VecPhysical) {
	if v.wide() {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// overPixels visits all positions of a gradient's rows.
func overPixels(a args, tag string, body func(src, d reg.GPVirtual)) {
	srcRow, dRow, rows := a.get(gradSrc), a.get(gradD), a.get(gradRows)
	step := a.get(gradSrcPixel)
	src, d := GP64(), GP64()
	countdown(tag+"row", rows, func() {
		MOVQ(srcRow, src)
		MOVQ(dRow, d)
		countdown(tag+"pixel", a.get(gradPixels), func() {
			body(src, d)
			ADDQ(step, src)
			ADDQ(Imm(pixelBytes), d)
		})
		ADDQ(a.mem(gradSrcRow), srcRow)
		ADDQ(a.mem(gradDRow), dRow)
	})
}

// depthGrad sums products lane by lane, pixels alternating between four sums in each row.
func depthGrad(v isa) {
	a := v.begin("depthGradAVX", "adds the products of each channel with its gradient.")
	sum := func(i, h int) reg.VecPhysical { return v.vec(i*v.halves + h) }
	for i := range 4 * v.halves {
		clear512(v, v.vec(i))
	}
	srcRow, dRow, rows, step := a.get(gradSrc), a.get(gradD), a.get(gradRows), a.get(gradSrcPixel)
	src, d, left := GP64(), GP64(), GP64()
	one := func(i int) {
		for h := range v.halves {
			x := v.vec(4*v.halves + h)
			VMOVUPS(at(d, h*v.bytes()), x)
			VFMADD231PS(at(src, h*v.bytes()), x, sum(i, h))
		}
		ADDQ(step, src)
		ADDQ(Imm(pixelBytes), d)
	}
	countdown("row", rows, func() {
		MOVQ(srcRow, src)
		MOVQ(dRow, d)
		MOVQ(a.mem(gradPixels), left)
		Label("four")
		for i := range 4 {
			CMPQ(left, Imm(uint64(i)))
			JE(LabelRef("rowdone"))
			one(i)
		}
		SUBQ(Imm(4), left)
		JMP(LabelRef("four"))
		Label("rowdone")
		ADDQ(a.mem(gradSrcRow), srcRow)
		ADDQ(a.mem(gradDRow), dRow)
	})
	total := a.get(gradAcc)
	for h := range v.halves {
		VADDPS(sum(1, h), sum(0, h), sum(0, h))
		VADDPS(sum(3, h), sum(2, h), sum(2, h))
		VADDPS(sum(2, h), sum(0, h), sum(0, h))
		m := at(total, h*v.bytes())
		VADDPS(m, sum(0, h), sum(0, h))
		VMOVUPS(sum(0, h), m)
	}
	end()
}
