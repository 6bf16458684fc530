package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of poolArgs.
const (
	poolDst = 8 * iota
	poolSrc
	poolIndex
	poolPixels
	poolSrcPixel
	poolRows
	poolCols
	poolRowStep
	poolColStep
	poolID
	poolIDRow
	poolScale
)

// pool is a pooling kernel: a loop over windows around a loop over taps.
type pool struct {
	v               isa
	t               *table
	a               args
	dst, src, index reg.GPVirtual
	tap             reg.GPVirtual // the current tap's source
}

// Registers, two for each name: results, temporaries, tap numbers and the current number.
func (p *pool) acc(h int) reg.VecPhysical { return p.v.vec(h) }
func (p *pool) tmp(h int) reg.VecPhysical { return p.v.vec(2 + h) }
func (p *pool) won(h int) reg.VecPhysical { return p.v.vec(4 + h) }
func (p *pool) num() reg.VecPhysical      { return p.v.vec(6) }
func (p *pool) numRow() reg.VecPhysical   { return p.v.vec(7) }
func (p *pool) one() reg.VecPhysical      { return p.v.vec(8) }
func (p *pool) idRow() reg.VecPhysical    { return p.v.vec(9) }
func (p *pool) scale() reg.VecPhysical    { return p.v.vec(10) }
func (p *pool) mask() reg.VecPhysical     { return p.v.vec(11) }

func (p *pool) halves(do func(h, disp int)) {
	for h := range p.v.halves {
		do(h, h*p.v.bytes())
	}
}

// newPool opens a kernel. Numbered kernels know the number of each tap.
func newPool(v isa, t *table, kernel, doc string, numbered bool) *pool {
	p := &pool{v: v, t: t, a: v.begin(kernel+"AVX", doc), tap: GP64()}
	p.dst, p.src, p.index = p.a.get(poolDst), p.a.get(poolSrc), p.a.get(poolIndex)
	if numbered {
		p.splat(p.a.mem(poolIDRow), p.idRow())
		one := GP32()
		MOVL(U32(1), one)
		p.splatReg(one, p.one())
	}
	return p
}

func (p *pool) splat(m Mem, to reg.VecPhysical) { VPBROADCASTD(m, to) }

func (p *pool) splatReg(r reg.GPVirtual, to reg.VecPhysical) {
	if p.v.wide() {
		VPBROADCASTD(r, to)
		return
	}
	VMOVD(r, to.AsX())
	VPBROADCASTD(to.AsX(), to)
}

// windows visits all windows: before and after run once for each, tap for each of its taps.
func (p *pool) windows(numbered bool, before, tap, after func()) {
	row, rows, cols, step := GP64(), GP64(), GP64(), p.a.get(poolSrcPixel)
	countdown("window", p.a.get(poolPixels), func() {
		if numbered {
			p.splat(p.a.mem(poolID), p.numRow())
		}
		before()
		MOVQ(p.src, row)
		MOVQ(p.a.mem(poolRows), rows)
		countdown("row", rows, func() {
			MOVQ(row, p.tap)
			MOVQ(p.a.mem(poolCols), cols)
			if numbered {
				VMOVAPS(p.numRow(), p.num())
			}
			countdown("tap", cols, func() {
				tap()
				ADDQ(p.a.mem(poolColStep), p.tap)
				if numbered {
					VPADDD(p.one(), p.num(), p.num())
				}
			})
			ADDQ(p.a.mem(poolRowStep), row)
			if numbered {
				VPADDD(p.idRow(), p.numRow(), p.numRow())
			}
		})
		after()
		ADDQ(step, p.src)
		ADDQ(Imm(pixelBytes), p.dst)
		ADDQ(Imm(16), p.index)
	})
	end()
}

func (p *pool) store() {
	p.halves(func(h, disp int) { VMOVUPS(p.acc(h), at(p.dst, disp)) })
}

func poolKernels(v isa, t *table) {
	maxKernel(v, t)
	maxIndexKernel(v, t)
	avgKernel(v, t)
	maxBackKernel(v, t)
	avgBackKernel(v, t)
}

func maxKernel(v isa, t *table) {
	p := newPool(v, t, "poolMax", "takes the maximum of each window.", false)
	p.windows(false, func() {
		p.halves(func(h, disp int) { VMOVUPS(at(p.src, disp), p.acc(h)) })
	}, func() {
		p.halves(func(h, disp int) {
			VMOVUPS(at(p.tap, disp), p.tmp(h))
			VMAXPS(p.acc(h), p.tmp(h), p.acc(h))
		})
	}, p.store)
}

func maxIndexKernel(v isa, t *table) {
	p := newPool(v, t, "poolMaxIndex", "takes the maximum of each window and notes its tap.", true)
	p.windows(true, func() {
		p.halves(func(h, disp int) {
			VMOVUPS(at(p.src, disp), p.acc(h))
			VMOVAPS(p.numRow(), p.won(h))
		})
	}, func() {
		p.halves(func(h, disp int) {
			VMOVUPS(at(p.tap, disp), p.tmp(h))
			if v.wide() {
				VCMPPS(Imm(greater), p.acc(h), p.tmp(h), reg.K1)
				VMOVAPS(p.num(), reg.K1, p.won(h))
			} else {
				VCMPPS(Imm(greater), p.acc(h), p.tmp(h), p.mask())
				VBLENDVPS(p.mask(), p.num(), p.won(h), p.won(h))
			}
			VMAXPS(p.acc(h), p.tmp(h), p.acc(h))
		})
	}, func() {
		p.store()
		p.narrow()
	})
}

// narrow stores the numbers of the taps as bytes.
func (p *pool) narrow() {
	if p.v.wide() {
		VPMOVDB(p.won(0), at(p.index, 0))
		return
	}
	x, y := p.tmp(0), p.tmp(1)
	VPACKUSDW(p.won(1), p.won(0), x)
	VPERMQ(Imm(0xd8), x, x)
	VEXTRACTI128(Imm(1), x, y.AsX())
	VPACKUSWB(y.AsX(), x.AsX(), x.AsX())
	VMOVDQU(x.AsX(), at(p.index, 0))
}

func avgKernel(v isa, t *table) {
	p := newPool(v, t, "poolAvg", "takes the scaled sum of each window.", false)
	VBROADCASTSS(p.a.mem(poolScale), p.scale())
	p.windows(false, func() {
		p.halves(func(h, _ int) { VMOVUPS(t.float(0), p.acc(h)) })
	}, func() {
		p.halves(func(h, disp int) { VADDPS(at(p.tap, disp), p.acc(h), p.acc(h)) })
	}, func() {
		p.halves(func(h, _ int) { VMULPS(p.scale(), p.acc(h), p.acc(h)) })
		p.store()
	})
}

func maxBackKernel(v isa, t *table) {
	p := newPool(v, t, "poolMaxBack", "adds each gradient to the tap that won.", true)
	p.windows(true, func() {
		p.halves(func(h, disp int) {
			VMOVUPS(at(p.dst, disp), p.acc(h))
			VPMOVZXBD(at(p.index, 8*h), p.won(h))
		})
	}, func() {
		p.halves(func(h, disp int) {
			x := p.tmp(h)
			VMOVUPS(at(p.tap, disp), x)
			if v.wide() {
				VPCMPEQD(p.num(), p.won(h), reg.K1)
				VADDPS(p.acc(h), x, reg.K1, x)
			} else {
				VPCMPEQD(p.num(), p.won(h), p.mask())
				VADDPS(p.acc(h), x, v.vec(12))
				VBLENDVPS(p.mask(), v.vec(12), x, x)
			}
			VMOVUPS(x, at(p.tap, disp))
		})
	}, func() {})
}

func avgBackKernel(v isa, t *table) {
	p := newPool(v, t, "poolAvgBack", "adds each scaled gradient to all taps.", false)
	VBROADCASTSS(p.a.mem(poolScale), p.scale())
	p.windows(false, func() {
		p.halves(func(h, disp int) { VMOVUPS(at(p.dst, disp), p.acc(h)) })
	}, func() {
		p.halves(func(h, disp int) {
			VMOVUPS(at(p.tap, disp), p.tmp(h))
			VFMADD231PS(p.scale(), p.acc(h), p.tmp(h))
			VMOVUPS(p.tmp(h), at(p.tap, disp))
		})
	}, func() {})
}
