package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of dotsArgs.
const (
	dotsA = 8 * iota
	dotsB
	dotsOut
	dotsPixels
)

// dotsKernel adds a and a·b of each lane in float64.
func dotsKernel(v isa) {
	a := v.begin("dotsAVX", "adds a and a·b of each lane in float64.")
	parts := 2 * v.halves // vectors of float64 in a block
	sum := func(i int) reg.VecPhysical { return v.vec(i) }
	dot := func(i int) reg.VecPhysical { return v.vec(parts + i) }
	x, y, out := a.get(dotsA), a.get(dotsB), a.get(dotsOut)
	place := func(i int) Mem { return at(out, i*v.bytes()) }
	for i := range 2 * parts {
		VMOVUPD(place(i), v.vec(i))
	}
	countdown("pixel", a.get(dotsPixels), func() {
		for i := range parts {
			p, q := v.vec(2*parts), v.vec(2*parts+1)
			VCVTPS2PD(at(x, i*v.bytes()/2), p)
			VCVTPS2PD(at(y, i*v.bytes()/2), q)
			VADDPD(p, sum(i), sum(i))
			VFMADD231PD(p, q, dot(i))
		}
		ADDQ(Imm(pixelBytes), x)
		ADDQ(Imm(pixelBytes), y)
	})
	for i := range 2 * parts {
		VMOVUPD(v.vec(i), place(i))
	}
	end()
}
