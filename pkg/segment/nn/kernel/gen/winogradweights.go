package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// weights is a transform kernel of 3×3 weights or of their gradients, in float64, 16 lanes of float32
// in and out. Registers 0 to 5 are the operands of a line, 6 to 11 its results, then temporaries.
type weights struct {
	v     isa
	t     *table
	m, n  int
	local reg.GPVirtual
}

func (w *weights) in(i int) reg.VecPhysical  { return w.v.vec(i) }
func (w *weights) out(i int) reg.VecPhysical { return w.v.vec(6 + i) }
func (w *weights) aux(i int) reg.VecPhysical { return w.v.vec(12 + i) }

func (w *weights) add(x, y, z reg.VecPhysical) { VADDPD(y, x, z) }
func (w *weights) sub(x, y, z reg.VecPhysical) { VSUBPD(y, x, z) }

// mul leaves x·c in z.
func (w *weights) mul(x reg.VecPhysical, c float64, z reg.VecPhysical) {
	VMULPD(w.t.double(c), x, z)
}

// filter transforms three weights, as winograd.go has it.
func (w *weights) filter() {
	g, u, sum, p := w.in, w.out, w.aux(0), w.aux(1)
	w.add(g(0), g(2), sum)
	if w.m == 2 {
		VMOVAPD(g(0), u(0))
		w.add(sum, g(1), u(1))
		w.mul(u(1), 0.5, u(1))
		w.sub(sum, g(1), u(2))
		w.mul(u(2), 0.5, u(2))
		VMOVAPD(g(2), u(3))
		return
	}
	w.mul(g(0), 0.25, u(0))
	w.add(sum, g(1), u(1))
	w.mul(u(1), -1.0/6, u(1))
	w.sub(sum, g(1), u(2))
	w.mul(u(2), -1.0/6, u(2))
	w.mul(g(0), 1.0/24, sum)
	w.mul(g(2), 1.0/6, p)
	w.add(sum, p, sum)
	w.mul(g(1), 1.0/12, p)
	w.add(sum, p, u(3))
	w.sub(sum, p, u(4))
	VMOVAPD(g(2), u(5))
}

// gather is the adjoint of filter.
func (w *weights) gather() {
	t, g, sum, diff := w.in, w.out, w.aux(0), w.aux(1)
	w.add(t(1), t(2), sum)
	w.sub(t(1), t(2), diff)
	if w.m == 2 {
		w.mul(sum, 0.5, sum)
		w.add(t(0), sum, g(0))
		w.mul(diff, 0.5, g(1))
		w.add(sum, t(3), g(2))
		return
	}
	far, x := w.aux(2), w.aux(3)
	w.add(t(3), t(4), far)
	w.mul(sum, 1.0/6, sum)
	w.mul(t(0), 0.25, g(0))
	w.sub(g(0), sum, g(0))
	w.mul(far, 1.0/24, x)
	w.add(g(0), x, g(0))
	w.sub(t(3), t(4), g(1))
	w.mul(g(1), 1.0/12, g(1))
	w.mul(diff, 1.0/6, x)
	w.sub(g(1), x, g(1))
	w.mul(far, 1.0/6, g(2))
	w.sub(g(2), sum, g(2))
	w.add(g(2), t(5), g(2))
}

func weightKernels(v isa, t *table) {
	for _, m := range []int{2, 4} {
		w := &weights{v: v, t: t, m: m, n: m + 2}
		w.kernel("winogradFilter", "transforms 3×3 weights of 16 lanes.", 3, w.n, w.filter)
		w.kernel("winogradGather", "gathers sums of 16 lanes to 3×3 weights.", w.n, 3, w.gather)
	}
}

// kernel transforms k×k vectors, which lie a step apart, to r×r vectors: columns first, then rows.
func (w *weights) kernel(kernel, doc string, k, r int, line func()) {
	v := w.v
	a := v.begin(name("%s%dAVX", kernel, w.m), doc)
	buffer := AllocLocal(k*r*v.bytes() + pixelBytes)
	w.local = GP64()
	LEAQ(buffer, w.local)
	ADDQ(Imm(pixelBytes-1), w.local)
	ANDQ(I8(-pixelBytes), w.local)
	local := func(i, j int) Mem { return at(w.local, (i*k+j)*v.bytes()) }
	src, dst, srcStep, dstStep, parts := a.get(0), a.get(8), a.get(16), a.get(24), GP64()
	x, row := GP64(), GP64()
	MOVQ(U32(2*v.halves), parts)
	IMUL3Q(U8(k), srcStep, row)
	from := GP64()
	countdown("part", parts, func() {
		MOVQ(src, x)
		for j := range k {
			MOVQ(x, from)
			for i := range k {
				VCVTPS2PD(at(from, 0), w.in(i))
				ADDQ(row, from)
			}
			line()
			for i := range r {
				VMOVAPD(w.out(i), local(i, j))
			}
			ADDQ(srcStep, x)
		}
		MOVQ(dst, x)
		for i := range r {
			for j := range k {
				VMOVAPD(local(i, j), w.in(j))
			}
			line()
			for j := range r {
				w.store(w.out(j), at(x, 0))
				ADDQ(dstStep, x)
			}
		}
		ADDQ(Imm(uint64(v.bytes()/2)), src)
		ADDQ(Imm(uint64(v.bytes()/2)), dst)
	})
	end()
}

// store rounds to float32.
func (w *weights) store(r reg.VecPhysical, m Mem) {
	if w.v.wide() {
		VCVTPD2PS(r, r.AsY())
		VMOVUPS(r.AsY(), m)
	} else {
		VCVTPD2PSY(r, r.AsX())
		VMOVUPS(r.AsX(), m)
	}
}
