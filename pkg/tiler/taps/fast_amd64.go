package taps

import (
	"os"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// fast says that the assembly is used. The name of the networks' kernels that may be asked for switches it off too.
var fast = cpu.X86.HasAVX2 && os.Getenv("SLIDEMILL_KERNEL") != "generic"

// Outputs that a loop of the assembly makes at once.
const (
	acrossStep = 4
	downStep   = 8
)

// acrossArgs and downArgs are what the assembly takes; gen knows their offsets.
type acrossArgs struct {
	dst    *Colour
	line   *uint8
	first  *int32
	weight *int16
	steps  int
}

type downArgs struct {
	dst    *uint8
	rows   [fewTaps]*Colour
	weight *int16
	steps  int
}

// acrossFast is acrossPlain for the first outputs, as many as it returns. What it reads lies in the line: outputs'
// first taps ascend (New), so the last one reaches farthest.
func (t *Table) acrossFast(dst []Colour, line []uint8) (done int) {
	steps := len(dst) / acrossStep
	if !fast || t.stride != fewTaps || steps == 0 {
		return 0
	}
	_ = line[4*(t.end-t.start+beyond)-1]
	acrossAVX2((*byte)(unsafe.Pointer(&acrossArgs{&dst[0], &line[0], &t.first[0], &t.weight[0], steps})))
	return steps * acrossStep
}

// downFast is downPlain for the first pixels, as many as it returns. All rows are as long as the output.
func downFast(dst []uint8, rows [][]Colour, weight []int16) (done int) {
	steps := len(dst) / 4 / downStep
	if !fast || steps == 0 {
		return 0
	}
	a := downArgs{dst: &dst[0], weight: &weight[0], steps: steps}
	for k := range a.rows {
		a.rows[k] = &rows[k][:len(dst)/4][0]
	}
	downAVX2((*byte)(unsafe.Pointer(&a)))
	return steps * downStep
}
