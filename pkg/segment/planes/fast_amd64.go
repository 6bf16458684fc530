package planes

import (
	"os"

	"golang.org/x/sys/cpu"
)

// fast says that the assembly is used. The name of the networks' kernels that may be asked for switches it off too.
var fast = cpu.X86.HasAVX2 && os.Getenv("SLIDEMILL_KERNEL") != "generic"

// levelsFast is levelsPlain for the first values, as many as it returns.
func levelsFast(dst []uint8, src []float32) (done int) {
	steps := len(dst) / step
	if !fast || steps == 0 {
		return 0
	}
	return step * (steps - levelsAVX2(&dst[0], &src[:len(dst)][0], steps))
}

// splitFast is splitPlain for the first pixels, as many as it returns.
func splitFast(red, green, blue []float32, row []uint8, norm *Norm) (done int) {
	steps := len(red) / splitStep
	if !fast || steps == 0 {
		return 0
	}
	n := steps * splitStep
	_, _, _ = green[n-1], blue[n-1], row[4*n-1]
	splitAVX2(&red[0], &green[0], &blue[0], &row[0], &norm[0][0], steps)
	return n
}
