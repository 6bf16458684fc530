package kernel

import (
	"fmt"
	"runtime"
	"testing"
)

func TestZZMore(t *testing.T) {
	runtime.LockOSThread()
	for _, l := range []struct{ in, out, size int }{{32, 16, 256}, {64, 32, 128}, {128, 64, 64}, {256, 128, 32}, {512, 256, 32}} {
		s := TransposeShape{In: l.in, Out: l.out, KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1, Groups: 1}
		src, dst := empty(1, l.in, l.size, l.size, 1), empty(1, l.out, 2*l.size, 2*l.size, 1)
		f := PackTranspose(s, make([]float32, l.in*l.out*4))
		fl := float64(s.FLOPs(l.size, l.size)) / 1e9
		tm := bestCPU(20, func() { f.Forward(dst, src, Epilogue{}, Work{Threads: 1}) })
		g := PackTransposeBackward(s, make([]float32, l.in*l.out*4))
		tb := bestCPU(20, func() { g.Forward(src, dst, Epilogue{}, Work{Threads: 1}) })
		fmt.Printf("transpose %d-%d@%d: %.1f GF/s %.2f ms   back %.1f\n", l.in, l.out, l.size, fl/tm, tm*1e3, fl/tb)
	}
	src, dst, half := empty(1, 16, 512, 512, 1), empty(1, 16, 512, 512, 1), empty(1, 16, 256, 256, 1)
	mb := float64(512*512*64) / 1e9
	show := func(what string, f func()) {
		tm := bestCPU(20, f)
		fmt.Printf("%-20s %.2f ms  %.1f GB/s of source\n", what, tm*1e3, mb/tm)
	}
	pair := Window{KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1}
	index := make([]uint8, IndexLen(half))
	show("pool", func() { PoolMax(half, src, pair, nil, 1) })
	show("pool index", func() { PoolMax(half, src, pair, index, 1) })
	show("pool back", func() { PoolMaxBackward(src, half, pair, index, 1) })
	show("relu", func() { Activate(dst, src, Act{Kind: actReLU}, 1) })
	show("relu in place", func() { Activate(src, src, Act{Kind: actReLU}, 1) })
	show("sigmoid in place", func() { Activate(src, src, Act{Kind: actSigmoid}, 1) })
	show("add", func() { AddTo(dst, src, dst, 1) })
	show("sums", func() { s := make([]float64, 16); ChannelSums(src, s, s, 1) })
	show("combine", func() { Combine(dst, src, dst, nil, nil, nil, 1) })
	show("softmax", func() { Softmax(dst, src, 1) })
	y := NearestAxis(256, 512, 2, 0, 0)
	show("nearest", func() { ResizeNearest(dst, half, y, y, 1) })
	l := LinearAxis(256, 512, 2, 0)
	show("linear", func() { ResizeLinear(dst, half, l, l, 1) })
	show("linear back", func() { ResizeLinearBackward(half, dst, l, l, 1) })
	src3 := empty(1, 3, 512, 512, 1)
	flat := make([]float32, 3*512*512)
	show("from nchw 3", func() { FromNCHW(src3, flat, 1) })
	show("to nchw 3", func() { ToNCHW(flat, src3, 1) })
}
