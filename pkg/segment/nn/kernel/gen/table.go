package main

import (
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// table holds vectors of constants, one constant in all 16 lanes.
type table struct {
	base    Mem
	index   map[uint32]int
	doubles Mem
}

// doubleConstants are what the transforms of weights need, in 8 lanes of float64.
var doubleConstants = []float64{0.5, 0.25, -1.0 / 6, 1.0 / 6, 1.0 / 24, 1.0 / 12}

// constants are what the kernels need of the table; they are those of exp.go and generic_rows.go.
var constants = []uint32{
	f32(0), f32(1), f32(0.5), f32(-3), f32(3), f32(1.0 / 6), f32(1.0 / 3), f32(math.Inf(-1)), 1 << 31, 127,
	f32(expMin), f32(expMax), f32(expLog2E), f32(expRound), f32(-expLn2Hi), f32(-expLn2Lo),
	f32(1.0 / 720), f32(1.0 / 120), f32(1.0 / 24),
	f32(2), f32(-2), f32(4), f32(-4), f32(-5), f32(8),
}

const (
	expMin   = -87.3
	expMax   = 88.3
	expLog2E = 1.44269504088896341
	expRound = 12582912.0
	expLn2Hi = 0.693359375
	expLn2Lo = -2.12194440e-4
)

var expPoly = []float64{1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1}

const f32NegInf = 0xff800000

func f32(v float64) uint32 { return math.Float32bits(float32(v)) }

func newTable() *table {
	t := &table{base: GLOBL("constants", RODATA|NOPTR), index: map[uint32]int{}}
	for i, c := range constants {
		t.index[c] = i
		for lane := range 16 {
			DATA(i*pixelBytes+4*lane, U32(c))
		}
	}
	t.doubles = GLOBL("doubles", RODATA|NOPTR)
	for i, c := range doubleConstants {
		for lane := range 8 {
			DATA(i*pixelBytes+8*lane, U64(math.Float64bits(c)))
		}
	}
	return t
}

// double is the vector of a number in float64.
func (t *table) double(v float64) Mem {
	return t.doubles.Offset(slices.Index(doubleConstants, v) * pixelBytes)
}

// bits is the vector of a bit pattern.
func (t *table) bits(c uint32) Mem {
	i, ok := t.index[c]
	if !ok {
		panic("constant missing from the table")
	}
	return t.base.Offset(i * pixelBytes)
}

// float is the vector of a number.
func (t *table) float(v float64) Mem { return t.bits(f32(v)) }
