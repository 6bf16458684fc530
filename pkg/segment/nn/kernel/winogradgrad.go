package kernel

import "unsafe"

// The gradient of Winograd's algorithm by its weights: the adjoint of each of its steps. Gradients of
// results are spread to the positions of their tiles; for each position, source and gradient are
// multiplied and summed over all tiles; the sums are gathered to the weights. That takes as many
// multiplications as the forward pass.
//
// Tiles are taken in chunks, in order, through all images. A chunk is summed in registers and added to
// the sums so far. Its length depends on the shape alone, and threads share out positions and groups,
// never a sum.

// winoGradTask is the work of one gradient. Its stages run one after the other for each chunk.
type winoGradTask struct {
	winoTask
	stage                   func(t *winoGradTask, item int)
	first, count            int // tiles of the chunk
	sources, spread, sums   []float32
	sourcePlane, spreadPart int // floats from one position to the next
	slices                  int // items of a block in the first stage
	dw                      []float32
	shape                   ConvShape
	own                     sweepTask
}

var winoGradTasks pool[winoGradTask]

const (
	winoGradBytes = 1 << 20
	winoGradLeast = 64
	winoGradMost  = 256
)

// winoGradChunk is the tiles of a chunk.
func (sw *sweep) winoGradChunk(ddst *Tensor) int {
	n, in, out := sw.tile+2, blocksOf(sw.in), blocksOf(sw.out)
	most := winoGradBytes / (4 * n * n * (in + out) * Block) // keeps transformed tiles close
	most = max(most, in*out*Block/(in+out), winoGradLeast)   // passes seldom over the sums
	most = min(most, winoGradMost)
	tiles := sw.winoTiles(ddst)
	chunks := (tiles + most - 1) / most
	return (tiles + chunks - 1) / chunks
}

// winoGradMemory is the floats of transformed sources, of spread gradients and of sums.
func (sw *sweep) winoGradMemory(ddst *Tensor) (sources, spread, sums int) {
	chunk, positions := sw.winoGradChunk(ddst), (sw.tile+2)*(sw.tile+2)
	sources = positions * (blocksOf(sw.in)*chunk | 1) * Block
	spread = positions * (blocksOf(sw.out)*chunk | 1) * Block
	return sources, spread, positions * blocksOf(sw.in) * blocksOf(sw.out) * Block * Block
}

func (sw *sweep) winoGradScratch(ddst *Tensor) int {
	sources, spread, sums := sw.winoGradMemory(ddst)
	return sources + spread + sums + lineFloats
}

func (g *Gradient) winograd(dw []float32, src, ddst Tensor, w Work) {
	if need := g.sw.winoGradScratch(&ddst); len(w.Scratch) < need {
		fail("%d floats of scratch, want %d", len(w.Scratch), need)
	}
	t := winoGradTasks.take()
	t.own.sw, t.own.src, t.own.dst, t.own.isa = g.sw, src, ddst, Variant()
	t.sweepTask, t.dw, t.shape = &t.own, dw, g.Shape
	t.split(w.Scratch)
	clear(t.sums)
	for t.first = 0; t.first < t.tiles; t.first += t.chunk {
		t.count = min(t.chunk, t.tiles-t.first)
		t.both(w.Team)
	}
	t.stage = (*winoGradTask).gather
	w.Team.Do(len(g.sw.groups)*blocksOf(g.sw.in), t)
	t.own.src, t.own.dst, t.scratch = Tensor{}, Tensor{}, nil
	t.sources, t.spread, t.sums, t.dw = nil, nil, nil, nil
	winoGradTasks.give(t)
}

// split lays the grid and divides the scratch.
func (t *winoGradTask) split(scratch []float32) {
	t.layOut(onLine(scratch))
	t.chunk = t.sw.winoGradChunk(&t.dst)
	sources, spread, sums := t.sw.winoGradMemory(&t.dst)
	t.sources, t.spread, t.sums = t.scratch[:sources], t.scratch[sources:][:spread], t.scratch[sources+spread:][:sums]
	t.sourcePlane, t.spreadPart = sources/(t.n*t.n), spread/(t.n*t.n)
}

// both transforms a chunk, then multiplies it.
func (t *winoGradTask) both(team *Team) {
	t.slices = min(t.count, team.Threads())
	t.stage = (*winoGradTask).transform
	team.Do((blocksOf(t.sw.in)+blocksOf(t.sw.out))*t.slices, t)
	t.stage = (*winoGradTask).multiply
	team.Do(t.n*t.n*len(t.sw.groups), t)
}

func (t *winoGradTask) Item(item int) { t.stage(t, item) }

// transform does some tiles of one block of sources or gradients.
func (t *winoGradTask) transform(item int) {
	c := winoChunk{winoTask: &t.winoTask}
	block, slice := item/t.slices, item%t.slices
	x0, x1 := t.count*slice/t.slices, t.count*(slice+1)/t.slices
	if in := blocksOf(t.sw.in); block >= in {
		block -= in
		c.spread(block, t.first+x0, x1-x0, t.spread[(block*t.chunk+x0)*Block:], t.spreadPart)
		return
	}
	c.sources(block, t.first+x0, x1-x0, t.sources[(block*t.chunk+x0)*Block:], t.sourcePlane)
}

// spread spreads the tiles of one block of gradients.
func (c *winoChunk) spread(block, first, tiles int, to []float32, plane int) {
	d := &c.dst
	a := winogradArgs{plane: 4 * int64(plane)}
	whole := func(ty, tx int) bool { return (ty+1)*c.m <= d.H && (tx+1)*c.m <= d.W }
	c.runs(first, tiles, whole, func(at place) {
		y, x := at.ty*c.m, at.tx*c.m
		if at.whole {
			a.src, a.row = pixel(d, at.image, block, y, x), 4*int64(d.RowStride)
		} else {
			c.fill(d, at.image, block, y, x, c.m)
			a.src, a.row = unsafe.Pointer(&c.patch[0]), int64(4*Block*c.m)
		}
		a.dst, a.tiles = unsafe.Pointer(&to[at.tile*Block]), int64(at.run)
		winogradSpread(c.isa, c.m, &a)
	})
}

// multiply adds the products of one position and group of the chunk.
func (t *winoGradTask) multiply(item int) {
	k, g := item/len(t.sw.groups), &t.sw.groups[item%len(t.sw.groups)]
	a := gradArgs{
		d:    unsafe.Pointer(&t.spread[k*t.spreadPart+g.block*t.chunk*Block]),
		rows: 1, pixels: int64(t.count), srcPixel: 4 * Block, dBlock: 4 * int64(t.chunk*Block),
	}
	for b := 0; b <= g.whole; b++ {
		a.channels = Block
		if b == g.whole {
			a.channels = int64(g.last)
		}
		a.src = unsafe.Pointer(&t.sources[k*t.sourcePlane+b*t.chunk*Block])
		a.acc = unsafe.Pointer(&t.sums[t.sumsOf(k, g, b)])
		convGrad(t.isa, g.blocks, &a)
	}
}

// sumsOf is where the sums of a position, a group and a source block begin.
func (t *winoGradTask) sumsOf(k int, g *group, b int) int {
	in, out := blocksOf(t.sw.in), blocksOf(t.sw.out)
	return (k*in*out + g.block*in + b*g.blocks) * Block * Block
}

// gather turns the sums of a group and a source block into gradients of weights.
func (t *winoGradTask) gather(item int) {
	in := blocksOf(t.sw.in)
	g, b := &t.sw.groups[item/in], item%in
	first := t.sumsOf(0, g, b)
	step := t.sumsOf(1, g, b) - first
	var weights [9][Block]float32
	a := weightArgs{dst: unsafe.Pointer(&weights), srcStep: 4 * int64(step), dstStep: 4 * Block}
	for i := b * Block; i < min(t.sw.in, (b+1)*Block); i++ {
		for block := range g.blocks {
			a.src = unsafe.Pointer(&t.sums[first+(block*Block+i%Block)*Block])
			winogradGather(t.isa, t.m, &a)
			o := (g.block + block) * Block
			for lane := range min(Block, t.sw.out-o) {
				dw := t.dw[((o+lane)*t.shape.In+i)*9:][:9]
				for k := range dw {
					dw[k] = weights[k][lane]
				}
			}
		}
	}
}
