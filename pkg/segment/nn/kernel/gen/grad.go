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
	gradDBlock
)

// grad is a kernel that sums products of source channels with blocks of the gradient over positions.
type grad struct {
	v                isa
	a                args
	blocks, channels int
}

func gradKernels(v isa) {
	most := 6
	if v.wide() {
		most = 16
		gradKernel(v, "convGradPairAVX", "adds the products of source channels with two blocks of the gradient.", 2, 8)
	}
	gradKernel(v, "convGradAVX", "adds the products of source channels with a block of the gradient.", 1, most)
	depthGrad(v)
}

func gradKernel(v isa, kernel, doc string, blocks, most int) {
	a := v.begin(kernel, doc)
	choose(a.get(gradChannels), most, func(c int) string { return name("c%d", c) })
	for c := most; c >= 1; c-- {
		Label(name("c%d", c))
		g := &grad{v, a, blocks, c}
		g.body()
		end()
	}
}

func (g *grad) acc(c, b, h int) reg.VecPhysical {
	return g.v.vec((c*g.blocks+b)*g.v.halves + h)
}

func (g *grad) spare(i int) reg.VecPhysical {
	return g.v.vec(g.channels*g.blocks*g.v.halves + i)
}

// vectors visits the vectors of the blocks of the gradient.
func (g *grad) vectors(do func(b, h int)) {
	for b := range g.blocks {
		for h := range g.v.halves {
			do(b, h)
		}
	}
}

func (g *grad) body() {
	n := g.blocks * g.v.halves
	for i := range g.channels * n {
		clear512(g.v, g.v.vec(i))
	}
	block := g.a.get(gradDBlock)
	overPixels(g.a, name("c%d", g.channels), func(src, d reg.GPVirtual) {
		g.vectors(func(b, h int) {
			m := at(d, h*g.v.bytes())
			if b > 0 {
				m.Index, m.Scale = block, 1
			}
			VMOVUPS(m, g.spare(b*g.v.halves+h))
		})
		for c := range g.channels {
			if n == 1 {
				VFMADD231PS_BCST(at(src, 4*c), g.spare(0), g.acc(c, 0, 0))
				continue
			}
			x := g.spare(2 + c%2)
			VBROADCASTSS(at(src, 4*c), x)
			g.vectors(func(b, h int) { VFMADD231PS(g.spare(b*g.v.halves+h), x, g.acc(c, b, h)) })
		}
	})
	g.store()
}

// store adds the sums to those so far.
func (g *grad) store() {
	total := g.a.get(gradAcc)
	for c := range g.channels {
		g.vectors(func(b, h int) {
			m, r := at(total, b*16*pixelBytes+c*pixelBytes+h*g.v.bytes()), g.acc(c, b, h)
			VADDPS(m, r, r)
			VMOVUPS(r, m)
		})
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
