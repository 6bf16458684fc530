package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of winogradArgs.
const (
	winoSrc = 8 * iota
	winoDst
	winoRow
	winoPlane
	winoTiles
	winoBias
	winoAdd
	winoAddRow
	winoLo
	winoHi = winoLo + 4
)

// winograd is a transform kernel of F(m×m, 3×3): tiles of n×n = (m+2)×(m+2) source pixels, or of n×n
// products. Registers 0 to 5 are the operands of a line, 6 to 11 its results, then temporaries.
type winograd struct {
	v    isa
	t    *table
	a    args
	m, n int
	tmp  reg.GPVirtual // n×n vectors between the passes, aligned to a line of the cache
}

func (w *winograd) in(i int) reg.VecPhysical  { return w.v.vec(i) }
func (w *winograd) out(i int) reg.VecPhysical { return w.v.vec(6 + i) }
func (w *winograd) aux(i int) reg.VecPhysical { return w.v.vec(12 + i) }

// add, sub and fma leave x+y, x−y and x·c+y in z, which may be y, or x for add and sub.
func (w *winograd) add(x, y, z reg.VecPhysical) { VADDPS(y, x, z) }
func (w *winograd) sub(x, y, z reg.VecPhysical) { VSUBPS(y, x, z) }
func (w *winograd) fma(x reg.VecPhysical, c float64, y, z reg.VecPhysical) {
	if y != z {
		VMOVAPS(y, z)
	}
	VFMADD231PS(w.factor(c), x, z)
}

// factors are the constants of the transforms.
var factors = []float64{2, -2, 4, -4, -5, 8}

// factor is a constant, in a register where there are enough.
func (w *winograd) factor(c float64) Op {
	if !w.v.wide() {
		return w.t.float(c)
	}
	return zmm[26+slices.Index(factors, c)]
}

// source transforms a line of source pixels, as winograd.go has it.
func (w *winograd) source() {
	d, t := w.in, w.out
	if w.m == 2 {
		w.sub(d(0), d(2), t(0))
		w.add(d(1), d(2), t(1))
		w.sub(d(2), d(1), t(2))
		w.sub(d(1), d(3), t(3))
		return
	}
	p, q := w.aux(0), w.aux(1)
	w.fma(d(0), 4, d(4), t(0))
	w.fma(d(2), -5, t(0), t(0))
	w.fma(d(2), -4, d(4), p)
	w.fma(d(1), -4, d(3), q)
	w.add(p, q, t(1))
	w.sub(p, q, t(2))
	w.sub(d(4), d(2), p)
	w.sub(d(3), d(1), q)
	w.fma(q, 2, p, t(3))
	w.fma(q, -2, p, t(4))
	w.fma(d(1), 4, d(5), t(5))
	w.fma(d(3), -5, t(5), t(5))
}

// result transforms a line of products, as winograd.go has it.
func (w *winograd) result() {
	m, y := w.in, w.out
	if w.m == 2 {
		w.add(m(0), m(1), y(0))
		w.add(y(0), m(2), y(0))
		w.sub(m(1), m(2), y(1))
		w.sub(y(1), m(3), y(1))
		return
	}
	a, b, c, d := w.aux(0), w.aux(1), w.out(4), w.out(5)
	w.add(m(1), m(2), a)
	w.sub(m(1), m(2), b)
	w.add(m(3), m(4), c)
	w.sub(m(3), m(4), d)
	w.add(m(0), a, y(0))
	w.add(y(0), c, y(0))
	w.fma(d, 2, b, y(1))
	w.fma(c, 4, a, y(2))
	w.fma(d, 8, b, y(3))
	w.add(y(3), m(5), y(3))
}

// spread is the adjoint of result: m gradients to n, as winograd.go has it.
func (w *winograd) spread() {
	x, t := w.in, w.out
	if w.m == 2 {
		VMOVAPS(x(0), t(0))
		w.add(x(0), x(1), t(1))
		w.sub(x(0), x(1), t(2))
		clear512(w.v, t(3))
		w.sub(t(3), x(1), t(3))
		return
	}
	p, q, r, s := w.aux(0), w.aux(1), w.in(4), w.in(5)
	w.add(x(0), x(2), p)
	w.add(x(1), x(3), q)
	w.fma(x(2), 4, x(0), r)
	w.add(x(1), x(1), s)
	w.fma(x(3), 8, s, s)
	VMOVAPS(x(0), t(0))
	w.add(p, q, t(1))
	w.sub(p, q, t(2))
	w.add(r, s, t(3))
	w.sub(r, s, t(4))
	VMOVAPS(x(3), t(5))
}

func winogradKernels(v isa, t *table) {
	for _, m := range []int{2, 4} {
		spreadKernel(v, t, m)
		sourceKernel(v, t, m)
		resultKernel(v, t, m)
	}
}

func newWinograd(v isa, t *table, m int, kernel, doc string) *winograd {
	w := &winograd{v: v, t: t, m: m, n: m + 2, a: v.begin(name("%s%dAVX", kernel, m), doc)}
	local := AllocLocal(w.n*w.n*v.bytes() + pixelBytes)
	w.tmp = GP64()
	LEAQ(local, w.tmp)
	ADDQ(Imm(pixelBytes-1), w.tmp)
	ANDQ(I8(-pixelBytes), w.tmp)
	if v.wide() {
		for i, c := range factors {
			VMOVUPS(t.float(c), zmm[26+i])
		}
	}
	return w
}

// local is the place of row i, column j between the two passes.
func (w *winograd) local(i, j int) Mem { return at(w.tmp, (i*w.n+j)*w.v.bytes()) }

func sourceKernel(v isa, t *table, m int) {
	w := newWinograd(v, t, m, "winogradSource", "transforms tiles of source pixels.")
	w.toPlanes(w.n, w.source)
}

func spreadKernel(v isa, t *table, m int) {
	w := newWinograd(v, t, m, "winogradSpread", "spreads tiles of gradients.")
	w.toPlanes(m, w.spread)
}

// toPlanes transforms k×k pixels to n×n positions in planes: columns first, then rows.
func (w *winograd) toPlanes(k int, line func()) {
	v, m := w.v, w.m
	src, dst, plane, row := w.a.get(winoSrc), w.a.get(winoDst), w.a.get(winoPlane), w.a.get(winoRow)
	x, to := GP64(), GP64()
	countdown("tile", w.a.get(winoTiles), func() {
		for h := range v.halves {
			for j := range k {
				LEAQ(at(src, j*pixelBytes+h*v.bytes()), x)
				for i := range k {
					VMOVUPS(at(x, 0), w.in(i))
					if i < k-1 {
						ADDQ(row, x)
					}
				}
				line()
				for i := range w.n {
					VMOVUPS(w.out(i), w.local(i, j))
				}
			}
			LEAQ(at(dst, h*v.bytes()), to)
			for i := range w.n {
				for j := range k {
					VMOVUPS(w.local(i, j), w.in(j))
				}
				line()
				for j := range w.n {
					VMOVUPS(w.out(j), at(to, 0))
					ADDQ(plane, to)
				}
			}
		}
		ADDQ(U32(m*pixelBytes), src)
		ADDQ(Imm(pixelBytes), dst)
	})
	end()
}

func resultKernel(v isa, t *table, m int) {
	w := newWinograd(v, t, m, "winogradResult", "transforms products to tiles of results.")
	src, dst, plane, row := w.a.get(winoSrc), w.a.get(winoDst), w.a.get(winoPlane), w.a.get(winoRow)
	add, bias := w.a.get(winoAdd), w.a.get(winoBias)
	x, to, from := GP64(), GP64(), GP64()
	countdown("tile", w.a.get(winoTiles), func() {
		for h := range v.halves {
			LEAQ(at(src, h*v.bytes()), x)
			w.columns(x, plane)
			LEAQ(at(dst, h*v.bytes()), to)
			LEAQ(at(add, h*v.bytes()), from)
			for i := range m {
				for j := range w.n {
					VMOVUPS(w.local(i, j), w.in(j))
				}
				w.result()
				w.finish(i, h, bias, add, from)
				for j := range m {
					VMOVUPS(w.out(j), at(to, j*pixelBytes))
				}
				ADDQ(row, to)
				ADDQ(w.a.mem(winoAddRow), from)
			}
		}
		ADDQ(Imm(pixelBytes), src)
		ADDQ(U32(m*pixelBytes), dst)
		next := name("noadd")
		TESTQ(add, add)
		JE(LabelRef(next))
		ADDQ(U32(m*pixelBytes), add)
		Label(next)
	})
	end()
}

// columns transforms the columns of products, which lie a plane apart.
func (w *winograd) columns(x, plane reg.GPVirtual) {
	line := GP64() // from one row of products to the next
	IMUL3Q(U8(w.n), plane, line)
	from := GP64()
	for j := range w.n {
		MOVQ(x, from)
		for i := range w.n {
			VMOVUPS(at(from, 0), w.in(i))
			if i < w.n-1 {
				ADDQ(line, from)
			}
		}
		w.result()
		for i := range w.m {
			VMOVUPS(w.out(i), w.local(i, j))
		}
		ADDQ(plane, x)
	}
}

// finish adds the bias and the residual to a row of results and clamps them.
func (w *winograd) finish(i, h int, bias, add, from reg.GPVirtual) {
	clamp := name("clamp%d%d", i, h)
	b := w.aux(0)
	VMOVUPS(at(bias, h*w.v.bytes()), b)
	for j := range w.m {
		w.add(w.out(j), b, w.out(j))
	}
	TESTQ(add, add)
	JE(LabelRef(clamp))
	for j := range w.m {
		VADDPS(at(from, j*pixelBytes), w.out(j), w.out(j))
	}
	Label(clamp)
	lo, hi := w.aux(0), w.aux(1)
	VBROADCASTSS(w.a.mem(winoLo), lo)
	VBROADCASTSS(w.a.mem(winoHi), hi)
	for j := range w.m {
		VMAXPS(w.out(j), lo, w.out(j))
		VMINPS(w.out(j), hi, w.out(j))
	}
}
