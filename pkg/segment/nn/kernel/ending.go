package kernel

import (
	"image"
	"unsafe"
)

// Ending is what comes last in a network, done row by row for who wants the rows: an enlargement, a scale and shift for each
// channel, and a softmax, each of which may be missing. Their results lie nowhere as a whole: in memory they would be a
// network's largest, a few channels in blocks of 16. The bits are those of ResizeLinear, ScaleShift and Softmax. The zero
// value does nothing.
type Ending struct {
	Y, X         Axis // of a linear resize, or empty
	Affine       bool
	Scale, Shift []float32 // of the affine operation; nil is 1, nil is 0
	Softmax      bool
}

// None reports whether nothing is to be done.
func (e *Ending) None() bool { return len(e.Y.Lo) == 0 && !e.Affine && !e.Softmax }

// size is that of the results.
func (e *Ending) size(src *Tensor) (w, h int) {
	if len(e.Y.Lo) == 0 {
		return src.W, src.H
	}
	return len(e.X.Lo), len(e.Y.Lo)
}

// ending is an Ending over the columns of a rectangle. Records are reused with their buffers.
type ending struct {
	Ending
	isa    ISA
	src    Tensor
	left   int       // first column of the results
	lo, hi []int64   // byte offsets of the source pixels of each result in a row; empty without a resize
	p, q   []float32 // scale and shift of each lane
}

// over prepares the rows of a rectangle of the results.
func (o *ending) over(e Ending, src Tensor, rect image.Rectangle) {
	if src.C > Block {
		fail("an ending of %d channels", src.C)
	}
	o.Ending, o.isa, o.src, o.left = e, Variant(), src, rect.Min.X
	o.p, o.q = padChannels(o.p, e.Scale, src.C, 1), padChannels(o.q, e.Shift, src.C, 0)
	o.lo, o.hi = o.lo[:0], o.hi[:0]
	if len(e.Y.Lo) == 0 {
		return
	}
	e.Y.check(src.H, len(e.Y.Lo), true)
	e.X.check(src.W, len(e.X.Lo), true)
	for x := rect.Min.X; x < rect.Max.X; x++ {
		o.lo, o.hi = append(o.lo, 4*Block*int64(e.X.Lo[x])), append(o.hi, 4*Block*int64(e.X.Hi[x]))
	}
}

// release lets go of the caller's memory.
func (o *ending) release() { o.Ending, o.src = Ending{}, Tensor{} }

// row computes the pixels of row y of the results, all lanes.
func (o *ending) row(lanes []float32, y int) {
	pixels, mask := int64(len(lanes)/Block), laneMask(o.src.C)
	dst := unsafe.Pointer(&lanes[0])
	var from unsafe.Pointer
	if len(o.lo) == 0 {
		from = pixel(&o.src, 0, 0, y, o.left)
	} else {
		lerpRow(o.isa, &resizeArgs{
			dst: dst, r0: pixel(&o.src, 0, 0, o.Y.Lo[y], 0), r1: pixel(&o.src, 0, 0, o.Y.Hi[y], 0), wy: o.Y.Frac[y],
			lo: unsafe.Pointer(&o.lo[0]), hi: unsafe.Pointer(&o.hi[0]), frac: unsafe.Pointer(&o.X.Frac[o.left]), pixels: pixels,
		})
		from = dst
	}
	if o.Affine {
		plainRow(o.isa, opScaleShift, &rowArgs{dst: dst, a: from, pixels: pixels, mask: mask, p: channelLanes(o.p, 0), q: channelLanes(o.q, 0)})
		from = dst
	}
	if o.Softmax {
		softmaxRow(o.isa, &softmaxArgs{dst: dst, src: from, blocks: 1, pixels: pixels, mask: mask})
	}
}
