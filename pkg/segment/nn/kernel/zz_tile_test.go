package kernel

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func cpuNow() float64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return float64(ts.Sec) + float64(ts.Nsec)*1e-9
}

func bestCPU(n int, f func()) float64 {
	best := 1e9
	for range n {
		s := cpuNow()
		f()
		best = min(best, cpuNow()-s)
	}
	return best
}

func TestZZLayers(t *testing.T) {
	runtime.LockOSThread()
	fmt.Printf("peak %.0f\n", PeakGFLOPS(1))
	want := os.Getenv("ZZ")
	for _, c := range benchCases() {
		if !strings.Contains(c.name, want) {
			continue
		}
		fl := float64(c.s.FLOPs(c.size, c.size)) / 1e9
		n := 20
		fmt.Printf("%-20s", c.name)
		for _, tile := range []int{0, 2, 4} {
			if tile > 0 && c.s.Fast(tile).Tile == 0 {
				continue
			}
			s := c
			s.s.Tile = tile
			src, dst := s.tensors()
			f := Pack(s.s, make([]float32, s.s.Weights()))
			e := Epilogue{Bias: make([]float32, s.s.Out), Act: Act{Kind: actReLU}}
			w := Work{Threads: 1, Scratch: make([]float32, f.ScratchForward(dst, src, 1))}
			fmt.Printf("  fwd%d %6.1f", tile, fl/bestCPU(n, func() { f.Forward(dst, src, e, w) }))
			b := PackBackward(s.s, make([]float32, s.s.Weights()))
			w = Work{Threads: 1, Scratch: make([]float32, b.Scratch(src, dst, 1))}
			fmt.Printf("  bwd%d %6.1f", tile, fl/bestCPU(n, func() { b.BackwardData(src, dst, w) }))
		}
		src, dst := c.tensors()
		g := NewGradient(c.s)
		dw := make([]float32, c.s.Weights())
		w := Work{Threads: 1, Scratch: make([]float32, g.Scratch(src, dst, 1))}
		fmt.Printf("  dw %6.1f", fl/bestCPU(n, func() { g.Backward(dw, nil, src, dst, w) }))
		f := Pack(c.s, dw)
		fmt.Printf("  pack %.2fms\n", 1e3*bestCPU(3, func() { f.Repack(dw) }))
	}
}
