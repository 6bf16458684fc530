package kernel

import "unsafe"

// Window is the geometry of a pooling. The destination's size says how many windows there are; each
// must touch at least one pixel.
type Window struct {
	KH, KW, SH, SW, DH, DW int
	PadT, PadL, PadB, PadR int
	CountPad               bool // average: padding counts in the divisor
}

// IndexLen is the length of the index that PoolMax keeps for its gradient.
func IndexLen(dst Tensor) int { return dst.N * dst.Blocks() * dst.H * dst.W * Block }

type poolOp uint8

const (
	poolMax poolOp = iota
	poolAvg
	poolMaxBack
	poolAvgBack
)

// poolArgs is what a pooling kernel needs for a run of windows of one row: rows×cols taps, the first at
// src. Its layout is known to the assembly; strides are in bytes. For the gradients src is the gradient
// by the source, to which they add, and dst the gradient by the result.
type poolArgs struct {
	dst, src, index  unsafe.Pointer
	pixels, srcPixel int64
	rows, cols       int64
	rowStep, colStep int64
	id, idRow        int64 // number of the first tap, and from one row of taps to the next
	scale            float32
}

type poolTask struct {
	op       poolOp
	isa      ISA
	w        Window
	dst, src Tensor
	index    []uint8
	strips   int
}

var poolTasks pool[poolTask]

// PoolMax takes the maximum of each window. If index is not nil it holds IndexLen elements and notes
// the winning taps; the window then has at most 256.
func PoolMax(dst, src Tensor, w Window, index []uint8, team *Team) {
	if index != nil && (len(index) != IndexLen(dst) || w.KH*w.KW > 256) {
		fail("index of %d for a pooling %+v to %d×%d×%d×%d", len(index), w, dst.N, dst.C, dst.H, dst.W)
	}
	runPool(poolMax, dst, src, w, index, team)
}

// PoolAvg takes the mean of each window.
func PoolAvg(dst, src Tensor, w Window, team *Team) { runPool(poolAvg, dst, src, w, nil, team) }

// PoolMaxBackward overwrites dsrc with the gradient, given the index that PoolMax kept.
func PoolMaxBackward(dsrc, ddst Tensor, w Window, index []uint8, team *Team) {
	if len(index) != IndexLen(ddst) || w.KH*w.KW > 256 {
		fail("index of %d for a pooling %+v to %d×%d×%d×%d", len(index), w, ddst.N, ddst.C, ddst.H, ddst.W)
	}
	runPool(poolMaxBack, ddst, dsrc, w, index, team)
}

// PoolAvgBackward overwrites dsrc with the gradient.
func PoolAvgBackward(dsrc, ddst Tensor, w Window, team *Team) {
	runPool(poolAvgBack, ddst, dsrc, w, nil, team)
}

func runPool(op poolOp, dst, src Tensor, w Window, index []uint8, team *Team) {
	requireTensor(&dst)
	requireTensor(&src)
	checkWindows(&dst, &src, w)
	t := poolTasks.take()
	t.op, t.dst, t.src, t.w, t.index, t.isa, t.strips = op, dst, src, w, index, Variant(), 1
	if op == poolMax || op == poolAvg {
		t.strips = (dst.H*dst.W + stripPixels - 1) / stripPixels
	}
	team.Do(dst.N*dst.Blocks()*t.strips, t)
	t.dst, t.src, t.index = Tensor{}, Tensor{}, nil
	poolTasks.give(t)
}

func checkWindows(dst, src *Tensor, w Window) {
	positive := w.KH > 0 && w.KW > 0 && w.SH > 0 && w.SW > 0 && w.DH > 0 && w.DW > 0 && w.PadT >= 0 && w.PadL >= 0 && w.PadB >= 0 && w.PadR >= 0
	if !positive || dst.N != src.N || dst.C != src.C {
		fail("pooling %+v of %d×%d×%d×%d to %d×%d×%d×%d", w, src.N, src.C, src.H, src.W, dst.N, dst.C, dst.H, dst.W)
	}
	for _, o := range [...]int{0, dst.H - 1} {
		if a, b := inside(o*w.SH-w.PadT, w.KH, w.DH, src.H); a >= b {
			fail("pooling %+v: window row %d touches none of %d rows", w, o, src.H)
		}
	}
	for _, o := range [...]int{0, dst.W - 1} {
		if a, b := inside(o*w.SW-w.PadL, w.KW, w.DW, src.W); a >= b {
			fail("pooling %+v: window column %d touches none of %d columns", w, o, src.W)
		}
	}
}

// inside gives the taps from..to-1 of a window at start that lie in 0..n-1.
func inside(start, k, dilation, n int) (from, to int) {
	if start < 0 {
		from = (-start + dilation - 1) / dilation
	}
	to = k
	if last := start + (k-1)*dilation; last >= n {
		to = k - (last-n+dilation)/dilation
	}
	return from, to
}

func (t *poolTask) Item(item int) {
	plane, strip := item/t.strips, item%t.strips
	n, b := plane/t.dst.Blocks(), plane%t.dst.Blocks()
	if t.op == poolMaxBack || t.op == poolAvgBack {
		t.zero(n, b)
	}
	for y := t.dst.H * strip / t.strips; y < t.dst.H*(strip+1)/t.strips; y++ {
		t.row(n, b, y)
	}
}

func (t *poolTask) zero(n, b int) {
	for y := range t.src.H {
		clear(floatsAt(pixel(&t.src, n, b, y, 0), int64(t.src.W*Block)))
	}
}

// row pools one row: windows at the left and right edges one by one, those between in one run.
func (t *poolTask) row(n, b, y int) {
	for x := 0; x < t.dst.W; {
		from, to := inside(x*t.w.SW-t.w.PadL, t.w.KW, t.w.DW, t.src.W)
		run := 1
		if from == 0 && to == t.w.KW {
			last := t.src.W - 1 - (t.w.KW-1)*t.w.DW // greatest start of a whole window
			run = min(t.dst.W, (last+t.w.PadL)/t.w.SW+1) - x
		}
		t.windows(n, b, y, x, run, from, to)
		x += run
	}
}

// windows pools run windows from column x on, all with the columns from..to-1 of their taps.
func (t *poolTask) windows(n, b, y, x, run, from, to int) {
	w := &t.w
	top := y*w.SH - w.PadT
	r0, r1 := inside(top, w.KH, w.DH, t.src.H)
	a := poolArgs{
		dst: pixel(&t.dst, n, b, y, x), src: pixel(&t.src, n, b, top+r0*w.DH, x*w.SW-w.PadL+from*w.DW),
		pixels: int64(run), srcPixel: 4 * int64(w.SW*Block),
		rows: int64(r1 - r0), cols: int64(to - from),
		rowStep: 4 * int64(w.DH*t.src.RowStride), colStep: 4 * int64(w.DW*Block),
		id: int64(r0*w.KW + from), idRow: int64(w.KW),
	}
	if t.index != nil {
		a.index = unsafe.Pointer(&t.index[(((n*t.dst.Blocks()+b)*t.dst.H+y)*t.dst.W+x)*Block])
	}
	if t.op == poolAvg || t.op == poolAvgBack {
		a.scale = 1 / float32(t.divisor(x, y, int(a.rows*a.cols)))
	}
	poolRow(t.isa, t.op, &a)
}

// divisor counts the pixels of a window; with CountPad also those in the padding, but never beyond it.
func (t *poolTask) divisor(x, y, touched int) int {
	if !t.w.CountPad {
		return touched
	}
	_, rows := inside(y*t.w.SH, t.w.KH, t.w.DH, t.src.H+t.w.PadT+t.w.PadB)
	_, cols := inside(x*t.w.SW, t.w.KW, t.w.DW, t.src.W+t.w.PadL+t.w.PadR)
	return rows * cols
}
