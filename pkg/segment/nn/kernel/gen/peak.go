package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peakSums is the number of independent sums of the peak kernel.
func (v isa) peakSums() int {
	if v.wide() {
		return 24
	}
	return 12
}

// peakKernel multiplies and adds in registers alone: what the units can do at most.
func peakKernel(v isa) {
	TEXT("peakAVX"+v.name, NOSPLIT, "func(rounds int64)")
	Doc(name("peakAVX%s does %d multiply-adds of %d lanes in each round.", v.name, v.peakSums(), v.bytes()/4))
	n := Load(Param("rounds"), GP64())
	for i := range v.peakSums() + 2 {
		clear512(v, v.vec(i))
	}
	Label("round")
	for i := range v.peakSums() {
		VFMADD231PS(v.vec(v.peakSums()), v.vec(v.peakSums()+1), v.vec(i))
	}
	DECQ(n)
	JNZ(LabelRef("round"))
	end()
}

// pauseKernel waits for a moment in a way that leaves the core to its other thread.
func pauseKernel() {
	TEXT("pauses", NOSPLIT, "func(n int64)")
	Doc("pauses executes so many PAUSE instructions, n > 0.")
	n := Load(Param("n"), GP64())
	Label("pause")
	PAUSE()
	DECQ(n)
	JNZ(LabelRef("pause"))
	RET()
}
