package kernel

import "unsafe"

// winoChunk is the work on some consecutive tiles.
type winoChunk struct {
	*winoTask
	memory []float32
	// patch stands in for the pixels of a tile that sticks out of the image; extra for its residual.
	patch, extra [6 * 6 * Block]float32
}

func (c *winoChunk) compute(first, tiles int) {
	sourcePlane, resultPlane, _ := c.sw.winoMemory(c.chunk)
	products := c.memory[c.n*c.n*sourcePlane:]
	for b := range blocksOf(c.sw.in) {
		c.sources(b, first, tiles, c.memory[b*c.chunk*Block:], sourcePlane)
	}
	for i := range c.sw.groups {
		g := &c.sw.groups[i]
		c.multiply(g, tiles, products, sourcePlane, resultPlane)
		for b := range g.blocks {
			c.results(g.block+b, first, tiles, products[b*c.chunk*Block:], resultPlane)
		}
	}
}

// place is where a run of tiles of one row lies.
type place struct {
	image, ty, tx int
	run           int // tiles
	tile          int // the first one's number in the chunk
	whole         bool
}

// runs visits tiles first..first+tiles-1 in runs that lie in one row and are whole, as the test says
// for a row and column of tiles; others it visits one by one.
func (c *winoChunk) runs(first, tiles int, whole func(ty, tx int) bool, visit func(p place)) {
	for tile := 0; tile < tiles; {
		image, at := (first+tile)/c.perImage, (first+tile)%c.perImage
		p := place{image, at / c.across, at % c.across, 1, tile, false}
		p.whole = whole(p.ty, p.tx)
		for p.whole && tile+p.run < tiles && p.tx+p.run < c.across && whole(p.ty, p.tx+p.run) {
			p.run++
		}
		visit(p)
		tile += p.run
	}
}

// sources transforms the source tiles of one block.
func (c *winoChunk) sources(block, first, tiles int, to []float32, plane int) {
	p, src := &c.sw.phases[0], &c.src
	a := winogradArgs{plane: 4 * int64(plane)}
	whole := func(ty, tx int) bool {
		y, x := ty*c.m+p.y0, tx*c.m+p.x0
		return y >= -src.Border && x >= -src.Border && y+c.n <= src.H+src.Border && x+c.n <= src.W+src.Border
	}
	c.runs(first, tiles, whole, func(at place) {
		y, x := at.ty*c.m+p.y0, at.tx*c.m+p.x0
		if at.whole {
			a.src, a.row = pixel(src, at.image, block, y, x), 4*int64(src.RowStride)
		} else {
			c.fill(src, at.image, block, y, x, c.n)
			a.src, a.row = unsafe.Pointer(&c.patch[0]), int64(4*Block*c.n)
		}
		a.dst, a.tiles = unsafe.Pointer(&to[at.tile*Block]), int64(at.run)
		winogradSource(c.isa, c.m, &a)
	})
}

// fill copies a square of n×n pixels that sticks out of the image into the patch, zero outside.
func (c *winoChunk) fill(src *Tensor, image, block, y, x, n int) {
	clear(c.patch[:])
	from, to := max(x, 0), min(x+n, src.W)
	for i := range n {
		if y+i < 0 || y+i >= src.H || from >= to {
			continue
		}
		row := floatsAt(pixel(src, image, block, y+i, from), int64((to-from)*Block))
		copy(c.patch[(i*n+from-x)*Block:], row)
	}
}

// multiply sums the products of one group over the source channels, for each position of the tiles.
func (c *winoChunk) multiply(g *group, tiles int, products []float32, sourcePlane, resultPlane int) {
	a := productArgs{
		w:         unsafe.Pointer(&c.packed[c.sw.weightsOf(&c.sw.phases[0], g)]),
		positions: int64(c.n * c.n), srcPlane: 4 * int64(sourcePlane), dstPlane: 4 * int64(resultPlane),
		whole: int64(g.whole), last: int64(g.last),
		srcBlock: 4 * int64(c.chunk*Block), dstBlock: 4 * int64(c.chunk*Block), lanes: int64(g.blocks * Block * 4),
	}
	widest := widestTile(c.isa, 1, g.blocks)
	pieces := (tiles + widest - 1) / widest
	for i := range pieces {
		x0, x1 := tiles*i/pieces, tiles*(i+1)/pieces
		a.src, a.dst, a.tiles = unsafe.Pointer(&c.memory[x0*Block]), unsafe.Pointer(&products[x0*Block]), int64(x1-x0)
		multiplyTiles(c.isa, g.blocks, &a)
	}
}

// results transforms the products of one block to results.
func (c *winoChunk) results(block, first, tiles int, from []float32, plane int) {
	a := winogradArgs{plane: 4 * int64(plane), bias: unsafe.Pointer(&c.bias[block*Block]), lo: c.lo, hi: c.hi}
	whole := func(ty, tx int) bool { return (ty+1)*c.m <= c.dst.H && (tx+1)*c.m <= c.dst.W }
	c.runs(first, tiles, whole, func(at place) {
		y, x := at.ty*c.m, at.tx*c.m
		a.src, a.tiles = unsafe.Pointer(&from[at.tile*Block]), int64(at.run)
		if at.whole {
			a.dst, a.row, a.add = pixel(&c.dst, at.image, block, y, x), 4*int64(c.dst.RowStride), nil
			if c.e.Add != nil {
				a.add, a.addRow = pixel(c.e.Add, at.image, block, y, x), 4*int64(c.e.Add.RowStride)
			}
			winogradResult(c.isa, c.m, &a)
			return
		}
		c.partial(a, at.image, block, y, x)
	})
}

// partial computes a tile of results that sticks out of the image.
func (c *winoChunk) partial(a winogradArgs, image, block, y, x int) {
	line := c.m * Block
	a.dst, a.row = unsafe.Pointer(&c.patch[0]), int64(4*line)
	h, w := min(c.m, c.dst.H-y), min(c.m, c.dst.W-x)
	if c.e.Add != nil {
		for i := range h {
			copy(c.extra[i*line:], floatsAt(pixel(c.e.Add, image, block, y+i, x), int64(w*Block)))
		}
		a.add, a.addRow = unsafe.Pointer(&c.extra[0]), a.row
	}
	winogradResult(c.isa, c.m, &a)
	for i := range h {
		copy(floatsAt(pixel(&c.dst, image, block, y+i, x), int64(w*Block)), c.patch[i*line:])
	}
}
