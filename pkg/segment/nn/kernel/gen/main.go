// Command gen writes the assembly of package kernel, for AVX-512 and for AVX2 with FMA, by avo. Run it
// by go generate in the package above; a test of pkg proves that the committed output is current. Each
// kernel is written once over vectors of either width, so that both do the same steps in the same order.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	t := newTable()
	for _, v := range []isa{{"512", 1}, {"2", 2}} {
		convKernels(v)
		depthKernels(v)
		gradKernels(v)
		rowKernels(v, t)
		dotsKernel(v)
		poolKernels(v, t)
		resizeKernels(v)
		softmaxKernel(v, t)
		peakKernel(v)
		winogradKernels(v, t)
		productKernels(v)
		weightKernels(v, t)
	}
	pauseKernel()
	Generate()
}

// isa is a vector width. A block of 16 channels is one register of AVX-512 and two of AVX2.
type isa struct {
	name   string
	halves int
}

const pixelBytes = 64

func (v isa) wide() bool { return v.halves == 1 }

// bytes is the length of a vector.
func (v isa) bytes() int { return pixelBytes / v.halves }

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

// vec is vector register i.
func (v isa) vec(i int) reg.VecPhysical {
	if v.wide() {
		return zmm[i]
	}
	return ymm[i]
}

// begin opens a kernel that takes one record of arguments.
func (v isa) begin(name, doc string) args {
	TEXT(name+v.name, 0, "func(a *byte)")
	Pragma("noescape")
	Doc(name + v.name + " " + doc)
	return args{Load(Param("a"), GP64())}
}

// end closes a path of a kernel.
func end() {
	VZEROUPPER()
	RET()
}

// args is a record of arguments in memory.
type args struct{ base reg.Register }

// mem is the field at an offset; the kernels' records begin with fields of 8 bytes.
func (a args) mem(offset int) Mem { return Mem{Base: a.base, Disp: offset} }

// get loads a field of 8 bytes.
func (a args) get(offset int) reg.GPVirtual {
	r := GP64()
	MOVQ(a.mem(offset), r)
	return r
}

func at(base reg.Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

// countdown repeats a body n times, n > 0.
func countdown(label string, n reg.GPVirtual, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNZ(LabelRef(label))
}

// choose jumps to label(i) for the i in 1..most that r holds, the greatest first.
func choose(r reg.GPVirtual, most int, label func(int) string) {
	for i := most; i >= 1; i-- {
		CMPQ(r, U8(i))
		JE(LabelRef(label(i)))
	}
	RET()
}

func name(format string, a ...any) string { return fmt.Sprintf(format, a...) }
