package kernel

import (
	"math"
	"unsafe"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Axis maps each output coordinate of one axis to source coordinates: to Lo alone (nearest), or to
// Lo + Frac·(Hi − Lo) (linear).
type Axis struct {
	Lo, Hi []int
	Frac   []float32 // nil for nearest; then Hi is nil too
}

// coordinate is the source coordinate of an output coordinate, in float32 as ONNX Runtime has it.
func coordinate(o, in, out int, scale float64, mode net.CoordMode) float32 {
	x, s := float32(o), float32(scale)
	switch mode {
	case net.PytorchHalfPixel:
		if out == 1 {
			return 0
		}
	case net.AlignCorners:
		if out == 1 {
			return 0
		}
		return float32(x*float32(in-1)) / float32(out-1)
	case net.Asymmetric:
		return x / s
	}
	return float32((x+0.5)/s) - 0.5
}

// NearestAxis is the map of a nearest-neighbour resize. Scale is output by input.
func NearestAxis(in, out int, scale float64, mode net.CoordMode, round net.RoundMode) Axis {
	a := Axis{Lo: make([]int, out)}
	for o := range a.Lo {
		x := float64(coordinate(o, in, out, scale, mode))
		switch round {
		case net.RoundPreferFloor:
			x = math.Ceil(x - 0.5)
		case net.RoundPreferCeil:
			x = math.Floor(x + 0.5)
		case net.Floor:
			x = math.Floor(x)
		case net.Ceil:
			x = math.Ceil(x)
		}
		a.Lo[o] = min(max(int(x), 0), in-1)
	}
	return a
}

// LinearAxis is the map of a linear resize. Scale is output by input.
func LinearAxis(in, out int, scale float64, mode net.CoordMode) Axis {
	a := Axis{Lo: make([]int, out), Hi: make([]int, out), Frac: make([]float32, out)}
	for o := range a.Lo {
		x := min(max(coordinate(o, in, out, scale, mode), 0), float32(in-1))
		a.Lo[o] = int(x)
		a.Hi[o] = min(a.Lo[o]+1, in-1)
		a.Frac[o] = x - float32(a.Lo[o])
	}
	return a
}

// check panics unless the axis maps out coordinates into 0..in-1.
func (a *Axis) check(in, out int, linear bool) {
	if len(a.Lo) != out || linear && (len(a.Hi) != out || len(a.Frac) != out) {
		fail("axis of %d for %d pixels", len(a.Lo), out)
	}
	for i, lo := range a.Lo {
		if lo < 0 || lo >= in || linear && (a.Hi[i] < 0 || a.Hi[i] >= in) {
			fail("axis maps %d outside %d pixels", i, in)
		}
	}
}

// resizeArgs is what a resize kernel needs for one row of results. Its layout is known to the assembly.
type resizeArgs struct {
	dst, r0, r1 unsafe.Pointer // row of results; source rows
	lo, hi      unsafe.Pointer // byte offsets of the source pixels, int64
	frac        unsafe.Pointer // float32 for each result; in scatterRow a weight for each result
	pixels      int64
	wy          float32
}

type resizeTask struct {
	isa              ISA
	dst, src         Tensor // of the forward direction
	y, x             Axis
	linear, backward bool
	lo, hi           []int64
	left, right      []float32 // weights of lo and hi, for the gradient
	height, strips   int
}

var resizeTasks pool[resizeTask]

// ResizeNearest copies to each result the pixel that the axes map it to.
func ResizeNearest(dst, src Tensor, y, x Axis, team *Team) {
	runResize(dst, src, y, x, false, false, team)
}

// ResizeLinear interpolates linearly, along rows first.
func ResizeLinear(dst, src Tensor, y, x Axis, team *Team) {
	runResize(dst, src, y, x, true, false, team)
}

// ResizeNearestBackward overwrites dsrc with the gradient of ResizeNearest.
func ResizeNearestBackward(dsrc, ddst Tensor, y, x Axis, team *Team) {
	runResize(ddst, dsrc, y, x, false, true, team)
}

// ResizeLinearBackward overwrites dsrc with the gradient of ResizeLinear.
func ResizeLinearBackward(dsrc, ddst Tensor, y, x Axis, team *Team) {
	runResize(ddst, dsrc, y, x, true, true, team)
}

func runResize(dst, src Tensor, y, x Axis, linear, backward bool, team *Team) {
	requireTensor(&dst)
	requireTensor(&src)
	if dst.N != src.N || dst.C != src.C {
		fail("resize of %d×%d channels to %d×%d", src.N, src.C, dst.N, dst.C)
	}
	y.check(src.H, dst.H, linear)
	x.check(src.W, dst.W, linear)
	t := resizeTasks.take()
	t.isa, t.dst, t.src, t.y, t.x, t.linear, t.backward = Variant(), dst, src, y, x, linear, backward
	t.prepare()
	t.height, t.strips = dst.H, 1
	if !backward {
		t.height = max(1, stripPixels/dst.W)
		t.strips = (dst.H + t.height - 1) / t.height
	}
	team.Do(dst.N*dst.Blocks()*t.strips, t)
	t.dst, t.src, t.y, t.x = Tensor{}, Tensor{}, Axis{}, Axis{}
	resizeTasks.give(t)
}

func (t *resizeTask) prepare() {
	n := t.dst.W
	t.lo, t.hi, t.left, t.right = grow(t.lo, n), grow(t.hi, n), grow(t.left, n), grow(t.right, n)
	for i := range n {
		t.lo[i], t.left[i] = 4*Block*int64(t.x.Lo[i]), 1
		if t.linear {
			t.hi[i], t.right[i] = 4*Block*int64(t.x.Hi[i]), t.x.Frac[i]
			t.left[i] = 1 - t.x.Frac[i]
		}
	}
}

func (t *resizeTask) Item(item int) {
	plane, strip := item/t.strips, item%t.strips
	n, b := plane/t.dst.Blocks(), plane%t.dst.Blocks()
	if t.backward {
		for y := range t.src.H {
			clear(floatsAt(pixel(&t.src, n, b, y, 0), int64(t.src.W*Block)))
		}
	}
	a := resizeArgs{
		pixels: int64(t.dst.W), lo: unsafe.Pointer(&t.lo[0]), hi: unsafe.Pointer(&t.hi[0]), frac: unsafe.Pointer(&t.right[0]),
	}
	for y := strip * t.height; y < min(t.dst.H, (strip+1)*t.height); y++ {
		a.dst = pixel(&t.dst, n, b, y, 0)
		a.r0 = pixel(&t.src, n, b, t.y.Lo[y], 0)
		if t.linear {
			a.r1, a.wy = pixel(&t.src, n, b, t.y.Hi[y], 0), t.y.Frac[y]
		}
		t.row(a)
	}
}

func (t *resizeTask) row(a resizeArgs) {
	switch {
	case t.backward:
		t.scatter(a)
	case t.linear:
		lerpRow(t.isa, &a)
	default:
		gatherRow(t.isa, &a)
	}
}

// scatter adds the gradient of one row to the source pixels that it was made of.
func (t *resizeTask) scatter(a resizeArgs) {
	rows := [2]unsafe.Pointer{a.r0, a.r1}
	weights := [2]float32{1 - a.wy, a.wy}
	for i, row := range rows {
		if row == nil {
			continue
		}
		a.r0, a.wy = row, weights[i]
		a.lo, a.frac = unsafe.Pointer(&t.lo[0]), unsafe.Pointer(&t.left[0])
		scatterRow(t.isa, &a)
		if t.linear {
			a.lo, a.frac = unsafe.Pointer(&t.hi[0]), unsafe.Pointer(&t.right[0])
			scatterRow(t.isa, &a)
		}
	}
}
