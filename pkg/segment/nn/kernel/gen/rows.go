package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of rowArgs.
const (
	rowDst = 8 * iota
	rowA
	rowB
	rowPixels
	rowMask
	rowP
	rowQ
	rowR
	rowAlpha
	rowBeta = rowAlpha + 4
)

// row is an element-wise kernel. Registers 0 to 5 are for the body; those of the parameters follow.
type row struct {
	v         isa
	t         *table
	a         args
	dst, x, y reg.GPVirtual
}

func (r *row) tmp(i int) reg.VecPhysical  { return r.v.vec(i) }
func (r *row) p(h int) reg.VecPhysical    { return r.v.vec(6 + h) }
func (r *row) q(h int) reg.VecPhysical    { return r.v.vec(8 + h) }
func (r *row) r(h int) reg.VecPhysical    { return r.v.vec(10 + h) }
func (r *row) alpha() reg.VecPhysical     { return r.v.vec(12) }
func (r *row) beta() reg.VecPhysical      { return r.v.vec(13) }
func (r *row) mask(h int) reg.VecPhysical { return r.v.vec(14 + h) }

// left and right are the operands of a half in memory.
func (r *row) left(h int) Mem  { return at(r.x, h*r.v.bytes()) }
func (r *row) right(h int) Mem { return at(r.y, h*r.v.bytes()) }

// kernel writes a kernel whose body leaves its result in register 0.
func rowKernel(v isa, t *table, kernel, doc string, masked bool, body func(r *row, h int)) {
	r := &row{v: v, t: t, a: v.begin(kernel+"AVX", doc)}
	r.dst, r.x, r.y = r.a.get(rowDst), r.a.get(rowA), r.a.get(rowB)
	VBROADCASTSS(r.a.mem(rowAlpha), r.alpha())
	VBROADCASTSS(r.a.mem(rowBeta), r.beta())
	if masked {
		r.lanes(rowMask, r.mask)
	} else {
		r.lanes(rowP, r.p)
		r.lanes(rowQ, r.q)
		r.lanes(rowR, r.r)
	}
	countdown("pixel", r.a.get(rowPixels), func() {
		for h := range v.halves {
			body(r, h)
			if masked {
				v.and(r.mask(h), r.tmp(0))
			}
			VMOVUPS(r.tmp(0), at(r.dst, h*v.bytes()))
		}
		ADDQ(Imm(pixelBytes), r.x)
		ADDQ(Imm(pixelBytes), r.y)
		ADDQ(Imm(pixelBytes), r.dst)
	})
	end()
}

// lanes loads parameters of 16 lanes, if there are any.
func (r *row) lanes(field int, to func(h int) reg.VecPhysical) {
	p, skip := r.a.get(field), name("no%d", field)
	TESTQ(p, p)
	JE(LabelRef(skip))
	for h := range r.v.halves {
		VMOVUPS(at(p, h*r.v.bytes()), to(h))
	}
	Label(skip)
}

func (v isa) and(mask, x reg.VecPhysical) {
	if v.wide() {
		VPANDD(mask, x, x)
	} else {
		VPAND(mask, x, x)
	}
}

// Predicates of VCMPPS, false for NaN.
const (
	less    = 1
	greater = 14
)

// choose replaces x by other where y compares with bound. It uses register 5 or K1.
func (r *row) choose(predicate uint64, y reg.VecPhysical, bound Op, other, x reg.VecPhysical) {
	if r.v.wide() {
		VCMPPS(Imm(predicate), bound, y, reg.K1)
		VBLENDMPS(other, x, reg.K1, x)
		return
	}
	VCMPPS(Imm(predicate), bound, y, r.tmp(5))
	VBLENDVPS(r.tmp(5), other, x, x)
}

func rowKernels(v isa, t *table) {
	rowKernel(v, t, "rowAdd", "adds.", false, func(r *row, h int) {
		VMOVUPS(r.left(h), r.tmp(0))
		VADDPS(r.right(h), r.tmp(0), r.tmp(0))
	})
	rowKernel(v, t, "rowSub", "subtracts.", false, func(r *row, h int) {
		VMOVUPS(r.left(h), r.tmp(0))
		VSUBPS(r.right(h), r.tmp(0), r.tmp(0))
	})
	rowKernel(v, t, "rowMul", "multiplies.", false, func(r *row, h int) {
		VMOVUPS(r.left(h), r.tmp(0))
		VMULPS(r.right(h), r.tmp(0), r.tmp(0))
	})
	rowKernel(v, t, "rowScaleShift", "computes a·p + q.", false, func(r *row, h int) {
		VMOVUPS(r.left(h), r.tmp(0))
		VFMADD213PS(r.q(h), r.p(h), r.tmp(0))
	})
	rowKernel(v, t, "rowCombine", "computes a·p + (b·q + r).", false, func(r *row, h int) {
		VMOVUPS(r.right(h), r.tmp(1))
		VFMADD213PS(r.r(h), r.q(h), r.tmp(1))
		VMOVUPS(r.left(h), r.tmp(0))
		VFMADD213PS(r.tmp(1), r.p(h), r.tmp(0))
	})
	activations(v, t)
	gradients(v, t)
}

func activations(v isa, t *table) {
	act := func(kernel string, body func(r *row, h int)) {
		rowKernel(v, t, "act"+kernel, "is an activation.", true, func(r *row, h int) {
			VMOVUPS(r.left(h), r.tmp(0))
			body(r, h)
		})
	}
	act("Identity", func(r *row, h int) {})
	act("ReLU", func(r *row, h int) { r.clamp(0, t.float(0), nil) })
	act("LeakyReLU", func(r *row, h int) {
		VMULPS(r.alpha(), r.tmp(0), r.tmp(1))
		r.choose(less, r.tmp(0), t.float(0), r.tmp(1), r.tmp(0))
	})
	act("Clip", func(r *row, h int) { r.clamp(0, r.alpha(), r.beta()) })
	act("HardSigmoid", func(r *row, h int) {
		VFMADD213PS(r.beta(), r.alpha(), r.tmp(0))
		r.clamp(0, t.float(0), t.float(1))
	})
	act("HardSwish", func(r *row, h int) {
		VMOVUPS(t.float(1.0/6), r.tmp(1))
		VFMADD213PS(t.float(0.5), r.tmp(0), r.tmp(1))
		r.clamp(1, t.float(0), t.float(1))
		VMULPS(r.tmp(1), r.tmp(0), r.tmp(0))
	})
	act("Sigmoid", func(r *row, h int) {
		r.v.xor(t.bits(1<<31), r.tmp(0))
		r.exp()
		VMOVUPS(t.float(1), r.tmp(1))
		VADDPS(r.tmp(1), r.tmp(0), r.tmp(0))
		VDIVPS(r.tmp(0), r.tmp(1), r.tmp(0))
	})
}

// clamp bounds register i from below and above; a NaN stays. It uses register 4.
func (r *row) clamp(i int, lo, hi Op) {
	x, bound := r.tmp(i), r.tmp(4)
	load(lo, bound)
	VMAXPS(x, bound, x)
	if hi != nil {
		load(hi, bound)
		VMINPS(x, bound, x)
	}
}

func load(from Op, to reg.VecPhysical) {
	if _, ok := from.(Mem); ok {
		VMOVUPS(from, to)
	} else {
		VMOVAPS(from, to)
	}
}

func (v isa) xor(m Mem, x reg.VecPhysical) {
	if v.wide() {
		VPXORD(m, x, x)
	} else {
		VPXOR(m, x, x)
	}
}

// exp replaces register 0 by its exponential, step by step as exp.go does. It uses registers 1 to 4.
func (r *row) exp() {
	x, n, p, scale, t := r.tmp(0), r.tmp(1), r.tmp(2), r.tmp(3), r.t
	r.clamp(0, t.float(expMin), t.float(expMax))
	VMOVUPS(t.float(expLog2E), n)
	VFMADD213PS(t.float(expRound), x, n)
	VPADDD(t.bits(127), n, scale)
	VPSLLD(Imm(23), scale, scale)
	VSUBPS(t.float(expRound), n, n)
	VFMADD231PS(t.float(-expLn2Hi), n, x)
	VFMADD231PS(t.float(-expLn2Lo), n, x)
	VMOVUPS(t.float(expPoly[0]), p)
	for _, c := range expPoly[1:] {
		VFMADD213PS(t.float(c), x, p)
	}
	VMULPS(scale, p, x)
}

// gradients multiply a by the derivative of an activation, given its output b.
func gradients(v isa, t *table) {
	back := func(kernel string, body func(r *row, h int)) {
		rowKernel(v, t, "actBack"+kernel, "is the gradient of an activation.", false, func(r *row, h int) {
			VMOVUPS(r.left(h), r.tmp(0))
			VMOVUPS(r.right(h), r.tmp(1))
			VMOVUPS(t.float(0), r.tmp(2))
			body(r, h)
		})
	}
	inside := func(r *row, lo, hi Op) { // zero unless lo < b < hi; NaN is not between
		VMOVAPS(r.tmp(2), r.tmp(3))
		r.choose(greater, r.tmp(1), lo, r.tmp(0), r.tmp(2))
		r.choose(less, r.tmp(1), hi, r.tmp(2), r.tmp(3))
		VMOVAPS(r.tmp(3), r.tmp(0))
	}
	back("ReLU", func(r *row, h int) {
		r.choose(greater, r.tmp(1), t.float(0), r.tmp(0), r.tmp(2))
		VMOVAPS(r.tmp(2), r.tmp(0))
	})
	back("LeakyReLU", func(r *row, h int) {
		VMULPS(r.alpha(), r.tmp(0), r.tmp(2))
		r.choose(less, r.tmp(1), t.float(0), r.tmp(2), r.tmp(0))
	})
	back("Clip", func(r *row, h int) { inside(r, r.alpha(), r.beta()) })
	back("HardSigmoid", func(r *row, h int) {
		VMULPS(r.alpha(), r.tmp(0), r.tmp(0))
		inside(r, t.float(0), t.float(1))
	})
	back("HardSwish", func(r *row, h int) {
		VMOVUPS(t.float(1.0/3), r.tmp(3))
		VFMADD213PS(t.float(0.5), r.tmp(1), r.tmp(3))
		VMULPS(r.tmp(3), r.tmp(0), r.tmp(3))
		r.choose(greater, r.tmp(1), t.float(3), r.tmp(0), r.tmp(3))
		r.choose(less, r.tmp(1), t.float(-3), r.tmp(2), r.tmp(3))
		VMOVAPS(r.tmp(3), r.tmp(0))
	})
	back("Sigmoid", func(r *row, h int) {
		VMOVUPS(t.float(1), r.tmp(3))
		VSUBPS(r.tmp(1), r.tmp(3), r.tmp(3))
		VMULPS(r.tmp(3), r.tmp(1), r.tmp(3))
		VMULPS(r.tmp(3), r.tmp(0), r.tmp(0))
	})
}
