package grey

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
