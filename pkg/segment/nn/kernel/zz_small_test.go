package kernel

import (
	"fmt"
	"runtime"
	"testing"
)

func TestZZSmall(t *testing.T) {
	runtime.LockOSThread()
	for _, c := range []benchCase{{"16-16@64", conv3(16, 16), 64}, {"16-16@256", conv3(16, 16), 256}, {"32-32@64", conv3(32, 32), 64}, {"64-64@64", conv3(64, 64), 64}} {
		fmt.Printf("%-10s", c.name)
		for _, tile := range []int{0, 2, 4} {
			c.s.Tile = tile
			src, dst := c.tensors()
			f := Pack(c.s, make([]float32, c.s.Weights()))
			e := Epilogue{Bias: make([]float32, c.s.Out), Act: Act{Kind: actReLU}}
			w := Work{Threads: 1, Scratch: make([]float32, f.ScratchForward(dst, src, 1))}
			fl := float64(c.s.FLOPs(c.size, c.size)) / 1e9
			fmt.Printf(" fwd%d %.0f", tile, fl/bestCPU(50, func() { f.Forward(dst, src, e, w) }))
			if tile > 0 {
				task := &winoTask{sweepTask: &sweepTask{}}
				task.prepare(f.sw, f.packed, dst, src, e)
				task.src, task.scratch, task.m, task.n = src, w.Scratch, tile, tile+2
				task.across = (dst.W + tile - 1) / tile
				task.tiles = task.across * task.across
				task.chunk = f.sw.winoChunk(&dst, 1)
				_, _, memory := f.sw.winoMemory(task.chunk)
				ch := winoChunk{winoTask: task, memory: task.scratch[:memory]}
				sp, rp, _ := f.sw.winoMemory(task.chunk)
				products := ch.memory[ch.n*ch.n*sp:]
				n := min(task.chunk, task.tiles)
				ns := func(f func()) float64 { return bestCPU(200, f) * 1e9 / float64(n) }
				fmt.Printf(" [chunk %d src %.0f mul %.0f res %.0f ns/tile]", n,
					ns(func() { ch.sources(0, 0, n, ch.memory, sp) })*float64(src.Blocks()),
					ns(func() { ch.multiply(&f.sw.groups[0], n, products, sp, rp) })*float64(len(f.sw.groups)),
					ns(func() { ch.results(0, 0, n, products, rp) })*float64(dst.Blocks()))
			}
		}
		fmt.Println()
	}
}
