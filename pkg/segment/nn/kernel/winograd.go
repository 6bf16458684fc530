package kernel

import (
	"sync/atomic"
	"unsafe"
)

// Winograd's minimal filtering F(m×m, 3×3) computes m×m results of a 3×3 convolution from a tile of
// n×n = (m+2)×(m+2) source pixels with n² multiplications for each pair of channels in place of 9·m²:
// 2.25 times fewer for m = 2, four times fewer for m = 4. Source tiles are transformed, multiplied
// position by position over the channels (n² small convolutions of 1×1), and the products transformed
// to results.
//
// Tiles lie on a grid anchored at result (0, 0), so a result's bits depend on all n×n pixels of its
// tile and on its place in the tile: regions must begin at multiples of m and hold whole tiles.

// sourceLine and resultLine are the one-dimensional transforms, with the points 0, ±1, ∞ for m = 2 and
// 0, ±1, ±2, ∞ for m = 4. Their operations are those of the assembly, one by one.
func sourceLine(m int, d, t *[6]float32) {
	if m == 2 {
		t[0], t[1], t[2], t[3] = d[0]-d[2], d[1]+d[2], d[2]-d[1], d[1]-d[3]
		return
	}
	t[0] = fma(d[2], -5, fma(d[0], 4, d[4]))
	p, q := fma(d[2], -4, d[4]), fma(d[1], -4, d[3])
	t[1], t[2] = p+q, p-q
	p, q = d[4]-d[2], d[3]-d[1]
	t[3], t[4] = fma(q, 2, p), fma(q, -2, p)
	t[5] = fma(d[3], -5, fma(d[1], 4, d[5]))
}

func resultLine(m int, p, y *[6]float32) {
	if m == 2 {
		y[0], y[1] = (p[0]+p[1])+p[2], (p[1]-p[2])-p[3]
		return
	}
	a, b, c, d := p[1]+p[2], p[1]-p[2], p[3]+p[4], p[3]-p[4]
	y[0] = (p[0] + a) + c
	y[1] = fma(d, 2, b)
	y[2] = fma(c, 4, a)
	y[3] = fma(d, 8, b) + p[5]
}

// spreadLine is the adjoint of resultLine.
func spreadLine(m int, x, t *[6]float32) {
	if m == 2 {
		t[0], t[1], t[2], t[3] = x[0], x[0]+x[1], x[0]-x[1], 0-x[1]
		return
	}
	p, q := x[0]+x[2], x[1]+x[3]
	r, s := fma(x[2], 4, x[0]), fma(x[3], 8, x[1]+x[1])
	t[0], t[1], t[2], t[3], t[4], t[5] = x[0], p+q, p-q, r+s, r-s, x[3]
}

// filterLine transforms three weights. Explicit conversions keep compilers from fusing operations.
func filterLine(m int, g0, g1, g2 float64) (u [6]float64) {
	sum := g0 + g2
	if m == 2 {
		u[0], u[1], u[2], u[3] = g0, float64((sum+g1)*0.5), float64((sum-g1)*0.5), g2
		return u
	}
	far, near := float64(g0*(1.0/24))+float64(g2*(1.0/6)), float64(g1*(1.0/12))
	u[0], u[1], u[2] = float64(g0*0.25), float64((sum+g1)*(-1.0/6)), float64((sum-g1)*(-1.0/6))
	u[3], u[4], u[5] = far+near, far-near, g2
	return u
}

// gatherLine is the adjoint of filterLine.
func gatherLine(m int, t *[6]float64) (g0, g1, g2 float64) {
	sum, diff := t[1]+t[2], t[1]-t[2]
	if m == 2 {
		half := float64(sum * 0.5)
		return t[0] + half, float64(diff * 0.5), half + t[3]
	}
	far, near := t[3]+t[4], float64(sum*(1.0/6))
	g0 = float64(t[0]*0.25) - near + float64(far*(1.0/24))
	g1 = float64((t[3]-t[4])*(1.0/12)) - float64(diff*(1.0/6))
	return g0, g1, float64(far*(1.0/6)) - near + t[5]
}

// weightArgs is what a kernel needs to transform the weights of 16 lanes, or to gather their gradients.
// Its layout is known to the assembly; steps are in bytes from one vector to the next.
type weightArgs struct {
	src, dst         unsafe.Pointer
	srcStep, dstStep int64
}

// winogradArgs is what a transform kernel needs for a run of tiles of one row and block. Its layout is
// known to the assembly; strides are in bytes.
type winogradArgs struct {
	src, dst unsafe.Pointer
	row      int64 // of source pixels, or of results
	plane    int64 // from one position of the transformed tile to the next
	tiles    int64
	bias     unsafe.Pointer
	add      unsafe.Pointer // residual of the results, or nil
	addRow   int64
	lo, hi   float32
}

// winoTask runs one batch. Each thread takes chunks of tiles, in turn, and works in its own memory.
type winoTask struct {
	*sweepTask
	scratch  []float32
	m, n     int
	across   int // tiles in a row
	perImage int // tiles of an image
	tiles    int // of all images
	chunk    int // tiles of a chunk
	next     atomic.Int64
}

var winoTasks pool[winoTask]

// productArgs is what a kernel needs to multiply a run of transformed tiles, for all their positions,
// with the weights of one group. Its layout is known to the assembly; strides are in bytes.
type productArgs struct {
	src, w, dst        unsafe.Pointer
	positions          int64
	srcPlane, dstPlane int64 // from one position to the next
	whole, last        int64 // source blocks before the last, and its channels
	srcBlock, dstBlock int64
	tiles              int64
	lanes              int64 // from one channel's weights to the next
}

// winoMemory is the floats of a thread's memory for a chunk: transformed sources, then products of a
// group. Planes have an odd number of lines, so that those of one tile fall into different sets of the
// cache.
func (sw *sweep) winoMemory(chunk int) (sourcePlane, resultPlane, total int) {
	sourcePlane = (blocksOf(sw.in)*chunk | 1) * Block
	resultPlane = (2*chunk | 1) * Block
	n := sw.tile + 2
	return sourcePlane, resultPlane, n * n * (sourcePlane + resultPlane)
}

// winoTiles counts the tiles of all images.
func (sw *sweep) winoTiles(dst *Tensor) int {
	return dst.N * ((dst.H + sw.tile - 1) / sw.tile) * ((dst.W + sw.tile - 1) / sw.tile)
}

// winoChunk chooses the tiles of a chunk: as many as keep the transformed sources in a core's cache,
// but enough for each weight that is loaded; and as many chunks for each thread.
func (sw *sweep) winoChunk(dst *Tensor, threads int) int {
	n := sw.tile + 2
	tiles := sw.winoTiles(dst)
	most := max(winoLeast, winoBytes/(4*n*n*(blocksOf(sw.in)+2)*Block)/winoStep*winoStep)
	chunks := (tiles + most - 1) / most
	if rest := chunks % threads; rest != 0 && chunks < 8*threads {
		chunks += threads - rest
	}
	return max(1, (tiles+chunks-1)/chunks)
}

const (
	winoStep  = 14 // pixels of the widest tile
	winoLeast = 14
	winoBytes = 384 << 10
)

func (sw *sweep) winoScratch(dst *Tensor, threads int) int {
	threads = max(threads, 1)
	_, _, memory := sw.winoMemory(sw.winoChunk(dst, threads))
	return memory*threads + lineFloats
}

// lineFloats is the floats of a line of the cache. Vectors that straddle two lines cost double.
const lineFloats = 16

// onLine drops what lies before the first line of the cache.
func onLine(s []float32) []float32 {
	off := int(uintptr(unsafe.Pointer(&s[0]))/4) % lineFloats
	return s[(lineFloats-off)%lineFloats:]
}

// runWinograd computes all images of a prepared task.
func (sw *sweep) runWinograd(s *sweepTask, src Tensor, w Work) {
	threads := w.Team.Threads()
	if need := sw.winoScratch(&s.dst, threads); len(w.Scratch) < need {
		fail("%d floats of scratch, want %d", len(w.Scratch), need)
	}
	t := winoTasks.take()
	t.sweepTask = s
	t.src = src
	t.layOut(onLine(w.Scratch))
	t.chunk = sw.winoChunk(&s.dst, threads)
	t.next.Store(0)
	w.Team.Do(threads, t)
	t.sweepTask, t.scratch = nil, nil
	winoTasks.give(t)
}

// layOut lays the grid of tiles over the results.
func (t *winoTask) layOut(scratch []float32) {
	t.scratch, t.m, t.n = scratch, t.sw.tile, t.sw.tile+2
	t.across = (t.dst.W + t.m - 1) / t.m
	t.perImage = t.across * ((t.dst.H + t.m - 1) / t.m)
	t.tiles = t.sw.winoTiles(&t.dst)
}

// Item works through chunks in the memory of one thread.
func (t *winoTask) Item(thread int) {
	_, _, memory := t.sw.winoMemory(t.chunk)
	c := winoChunk{winoTask: t, memory: t.scratch[thread*memory:][:memory]}
	for {
		first := int(t.next.Add(1)-1) * t.chunk
		if first >= t.tiles {
			return
		}
		c.compute(first, min(t.chunk, t.tiles-first))
	}
}
