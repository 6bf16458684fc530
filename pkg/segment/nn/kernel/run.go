package kernel

import (
	"math"
	"unsafe"
)

// sweepTask runs a sweep over one batch. Records are reused with their buffers.
type sweepTask struct {
	sw       *sweep
	packed   []float32
	dst, src Tensor
	e        Epilogue
	image    int  // of dst; in src it is image-srcImage
	srcImage int  // images of dst before the first of src: not 0 where src is a padded copy of one image
	late     bool // the activation is a pass of its own after the sum
	lo, hi   float32
	isa      ISA
	bias     []float32 // padded to whole blocks
	taps     []int64   // byte offsets of all phases, one after the other
	strips   []strip
}

// strip is an item of work before it is multiplied by the groups: some rows of one phase.
type strip struct{ phase, taps, row, rows int }

var sweepTasks pool[sweepTask]

// run computes dst. Every output element is bias + Σ over source blocks, taps and channels, in this
// order, by fused multiply-adds; then the residual and the activation.
func (sw *sweep) run(packed []float32, dst, src Tensor, e Epilogue, w Work) {
	requireTensor(&dst)
	requireTensor(&src)
	if !(dst.N == src.N) {
		fail("%d images into %d", src.N, dst.N)
	}
	if !(src.C == sw.in && dst.C == sw.out) {
		fail("channels %d → %d, want %d → %d", src.C, dst.C, sw.in, sw.out)
	}
	if !(e.Bias == nil || len(e.Bias) == sw.out) {
		fail("%d biases for %d channels", len(e.Bias), sw.out)
	}
	if e.Add != nil {
		requireTensor(e.Add)
		requireSame(&dst, e.Add)
	}
	t := sweepTasks.take()
	t.prepare(sw, packed, dst, src, e)
	if m := sw.reach(&dst, &src); sw.tile > 0 {
		sw.runWinograd(t, src, w)
	} else if m.within(src.Border) {
		t.each(src, 0, dst.N, w.Team)
	} else {
		need := sw.scratch(&dst, &src, w.Team.Threads())
		if !(len(w.Scratch) >= need) {
			fail("%d floats of scratch, want %d", len(w.Scratch), need)
		}
		for n := range dst.N {
			t.each(padded(w.Scratch[:need], src, n, m, w.Team), n, 1, w.Team)
		}
	}
	if t.late && (sw.tile > 0 || sw.outX*sw.outY > 1) {
		Activate(dst, dst, e.Act, w.Team)
	}
	t.release()
	sweepTasks.give(t)
}

func (t *sweepTask) prepare(sw *sweep, packed []float32, dst, src Tensor, e Epilogue) {
	t.sw, t.packed, t.dst, t.e, t.isa = sw, packed, dst, e, Variant()
	t.lo, t.hi, t.late = clampOf(e.Act)
	t.bias = grow(t.bias, dst.Blocks()*Block)
	clear(t.bias[copy(t.bias, e.Bias):])
}

// release lets go of the caller's memory.
func (t *sweepTask) release() {
	t.src, t.dst, t.e, t.packed = Tensor{}, Tensor{}, Epilogue{}, nil
}

var inf = float32(math.Inf(1))

// clampOf gives the bounds for activations that the kernels apply in registers; late says that the
// activation needs a pass of its own. A clamp that excludes 0 does, for it would fill the empty lanes.
func clampOf(a Act) (lo, hi float32, late bool) {
	switch {
	case a.Kind == actIdentity:
		return -inf, inf, false
	case a.Kind == actReLU:
		return 0, inf, false
	case a.Kind == actClip && a.Alpha <= 0 && a.Beta >= 0:
		return a.Alpha, a.Beta, false
	}
	return -inf, inf, true
}

// each sweeps images first..first+n-1 of dst from src, whose image 0 is image first.
func (t *sweepTask) each(src Tensor, first, n int, team *Team) {
	t.src, t.srcImage = src, first
	t.cut(team.Threads())
	for i := range n {
		t.image = first + i
		team.Do(len(t.strips)*len(t.sw.groups), t)
	}
}

// cut divides the rows into strips whose sources stay in a core's cache while all groups of output
// channels and all phases pass over them, and small enough to share between threads.
func (t *sweepTask) cut(threads int) {
	t.taps, t.strips = t.taps[:0], t.strips[:0]
	for i := range t.sw.phases {
		p := &t.sw.phases[i]
		for _, tp := range p.taps {
			t.taps = append(t.taps, 4*int64((tp.dy-p.y0)*t.src.RowStride+(tp.dx-p.x0)*Block))
		}
	}
	rows := t.sw.rows(&t.sw.phases[0], t.dst.H) // no phase has more
	rowBytes := 4 * t.src.W * Block * t.src.Blocks() * t.sw.stepY
	height := max(2, 256<<10/rowBytes)
	if threads > 1 {
		height = min(height, max(1, rows*len(t.sw.groups)*len(t.sw.phases)/(4*threads)))
	}
	for y := 0; y < rows; y += height {
		t.addStrips(y, height)
	}
}

// addStrips adds the rows from y on of every phase.
func (t *sweepTask) addStrips(y, height int) {
	taps := 0
	for i := range t.sw.phases {
		p := &t.sw.phases[i]
		if rows := t.sw.rows(p, t.dst.H); y < rows && t.sw.cols(p, t.dst.W) > 0 {
			t.strips = append(t.strips, strip{i, taps, y, min(height, rows-y)})
		}
		taps += len(p.taps)
	}
}

// Item computes one strip of one group of output channels.
func (t *sweepTask) Item(item int) {
	s := t.strips[item/len(t.sw.groups)]
	g := &t.sw.groups[item%len(t.sw.groups)]
	p := &t.sw.phases[s.phase]
	a := t.args(p, g, s.taps)
	cols := t.sw.cols(p, t.dst.W)
	for y := s.row; y < s.row+s.rows; y++ {
		t.row(a, p, g, y, cols)
	}
	if t.late && t.sw.outX*t.sw.outY == 1 {
		t.activate(s, g)
	}
}

func (t *sweepTask) args(p *phase, g *group, taps int) tileArgs {
	a := tileArgs{
		bias: unsafe.Pointer(&t.bias[g.block*Block]), ntaps: int64(len(p.taps)),
		whole: int64(g.whole), last: int64(g.last), srcBlock: 4 * int64(t.src.BlockStride),
		srcPixel: 4 * int64(Block*t.sw.stepX),
		dstPixel: 4 * int64(Block*t.sw.outX), dstBlock: 4 * int64(t.dst.BlockStride),
		lo: t.lo, hi: t.hi, lanes: int64(g.blocks * Block * 4),
	}
	if len(p.taps) > 0 {
		a.taps, a.w = unsafe.Pointer(&t.taps[taps]), unsafe.Pointer(&t.packed[t.sw.weightsOf(p, g)])
	}
	if t.e.Add != nil {
		a.addPixel, a.addBlock = a.dstPixel, 4*int64(t.e.Add.BlockStride)
	}
	return a
}

// row computes one row of a phase. Rows are cut into tiles of nearly equal width: no tile is so narrow
// that the latency of its sums shows.
func (t *sweepTask) row(a tileArgs, p *phase, g *group, y, cols int) {
	from := g.from
	if t.sw.depthwise {
		from = g.block
	}
	var src unsafe.Pointer // stays nil where no taps read it
	if len(p.taps) > 0 {
		src = pixel(&t.src, t.image-t.srcImage, from, y*t.sw.stepY+p.y0, p.x0)
	}
	dst := pixel(&t.dst, t.image, g.block, p.oy+y*t.sw.outY, p.ox)
	var add unsafe.Pointer
	if t.e.Add != nil {
		add = pixel(t.e.Add, t.image, g.block, p.oy+y*t.sw.outY, p.ox)
	}
	blocks := g.blocks
	if t.sw.depthwise {
		blocks = 2 // half as wide keeps the units busy: they wait for memory
	}
	widest := widestTile(t.isa, t.sw.stepX, blocks)
	tiles := (cols + widest - 1) / widest
	wide := cols % tiles // tiles that are one pixel wider than the others
	x := 0
	for _, run := range [2]struct{ tiles, width int }{{wide, cols/tiles + 1}, {tiles - wide, cols / tiles}} {
		if run.tiles == 0 {
			continue
		}
		a.pixels, a.repeat = int64(run.width), int64(run.tiles)
		t.run(a, g, src, dst, add, x)
		x += run.tiles * run.width
	}
}

// run computes tiles of one width from column x of a row on.
func (t *sweepTask) run(a tileArgs, g *group, src, dst, add unsafe.Pointer, x int) {
	if src != nil {
		a.src = unsafe.Add(src, 4*Block*x*t.sw.stepX)
	}
	a.dst = unsafe.Add(dst, int(a.dstPixel)*x)
	if add != nil {
		a.add = unsafe.Add(add, int(a.addPixel)*x)
	}
	if t.sw.depthwise {
		depthTile(t.isa, t.sw.stepX, &a)
	} else {
		convTile(t.isa, t.sw.stepX, g.blocks, &a)
	}
}

// activate applies an activation to the rows of a strip while they are still in cache.
func (t *sweepTask) activate(s strip, g *group) {
	for b := g.block; b < g.block+g.blocks; b++ {
		for y := s.row; y < s.row+s.rows; y++ {
			row := pixel(&t.dst, t.image, b, y, 0)
			actRow(t.isa, &rowArgs{dst: row, a: row, pixels: int64(t.dst.W), mask: laneMask(t.dst.C - b*Block)}, t.e.Act)
		}
	}
}

// padded copies image n of src into scratch, surrounded by zeros.
func padded(scratch []float32, src Tensor, n int, m margin, team *Team) Tensor {
	row := (src.W + m.left + m.right) * Block
	out := Tensor{
		Data: scratch, Off: m.top*row + m.left*Block, N: 1, C: src.C, H: src.H, W: src.W,
		RowStride: row, BlockStride: (src.H + m.top + m.bottom) * row, Border: 0,
	}
	out.ImageStride = len(scratch)
	t := padTasks.take()
	t.dst, t.src, t.image, t.m = out, src, n, m
	team.Do(src.Blocks(), t)
	t.dst, t.src = Tensor{}, Tensor{}
	padTasks.give(t)
	return out
}

type padTask struct {
	dst, src Tensor
	image    int
	m        margin
}

var padTasks pool[padTask]

// Item pads one plane.
func (t *padTask) Item(block int) {
	plane := t.dst.Data[block*t.dst.BlockStride:][:t.dst.BlockStride]
	clear(plane[:t.dst.Off])
	for y := range t.src.H {
		to := t.dst.Off + y*t.dst.RowStride
		from := t.src.Off + t.image*t.src.ImageStride + block*t.src.BlockStride + y*t.src.RowStride
		end := to + copy(plane[to:to+t.src.W*Block], t.src.Data[from:from+t.src.W*Block])
		clear(plane[end:min(end+(t.m.left+t.m.right)*Block, len(plane))])
	}
	clear(plane[t.dst.Off+t.src.H*t.dst.RowStride-t.m.left*Block:])
}
