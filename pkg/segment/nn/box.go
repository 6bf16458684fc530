package nn

import "github.com/slidemill/slidemill/pkg/segment/nn/kernel"

// box is a copy of c channels, h rows and w columns between two activations, from and to any place.
type box struct {
	dst, src         kernel.Tensor
	dstC, dstY, dstX int
	srcC, srcY, srcX int
	c, h, w          int
}

// copy copies the box. Lanes of the destination beyond its channels become zero if the box reaches
// its last channel.
func (b *box) copy(team *kernel.Team) {
	team.Do(b.dst.N*b.h, b)
}

func (b *box) Item(i int) { b.row(i/b.h, i%b.h) }

// row copies one row of all channels.
func (b *box) row(n, y int) {
	aligned := b.dstC%kernel.Block == 0 && b.srcC%kernel.Block == 0
	for c := 0; c < b.c; {
		left := b.c - c
		to, from := b.pixels(&b.dst, n, b.dstC+c, b.dstY+y, b.dstX), b.pixels(&b.src, n, b.srcC+c, b.srcY+y, b.srcX)
		if aligned && left >= kernel.Block {
			copy(to, from)
			c += kernel.Block
			continue
		}
		lane, source := (b.dstC+c)%kernel.Block, (b.srcC+c)%kernel.Block
		count := min(left, kernel.Block-lane, kernel.Block-source)
		last := b.dstC+c+count == b.dst.C
		copyLanes(to[lane:], from[source:], count, b.w)
		if last {
			clearLanes(to, b.dst.C%kernel.Block, b.w)
		}
		c += count
	}
}

// pixels is a row of w pixels of the block that holds channel c.
func (b *box) pixels(t *kernel.Tensor, n, c, y, x int) []float32 {
	return t.Data[t.Off+n*t.ImageStride+c/kernel.Block*t.BlockStride+y*t.RowStride+x*kernel.Block:][:b.w*kernel.Block]
}

// copyLanes copies the first lanes of each pixel. Half a block, which is most of what straddles blocks,
// goes without a call for each pixel.
func copyLanes(to, from []float32, count, pixels int) {
	const half = kernel.Block / 2
	if count == half {
		for p := 0; p < pixels*kernel.Block; p += kernel.Block {
			*(*[half]float32)(to[p:]) = *(*[half]float32)(from[p:])
		}
		return
	}
	for x := range pixels {
		copy(to[x*kernel.Block:][:count], from[x*kernel.Block:])
	}
}

// clearLanes zeroes the lanes from first on; 0 means that the block is full.
func clearLanes(row []float32, first, pixels int) {
	if first == 0 {
		return
	}
	const half = kernel.Block / 2
	if first == half {
		for p := half; p < pixels*kernel.Block; p += kernel.Block {
			*(*[half]float32)(row[p:]) = [half]float32{}
		}
		return
	}
	for x := range pixels {
		clear(row[x*kernel.Block+first : (x+1)*kernel.Block])
	}
}
