package kernel

import "sync/atomic"

// bands deals the rows of a result out: each thread takes some at a time, in turn, and works on them in its own memory.
type bands struct {
	rows, height, perImage, images int
	next                           atomic.Int64
}

// cut begins anew, with the images of dst.
func (b *bands) cut(dst *Tensor, threads int) {
	b.rows, b.height, b.images = dst.H, dst.H, dst.N
	if threads > 1 {
		b.height = max(chainBand, (dst.H+4*threads-1)/(4*threads))
	}
	b.perImage = (dst.H + b.height - 1) / b.height
	b.next.Store(0)
}

// take is the next band, rows from..to-1 of an image, if there is one.
func (b *bands) take() (image, from, to int, ok bool) {
	i := int(b.next.Add(1) - 1)
	from = i % b.perImage * b.height
	return i / b.perImage, from, min(b.rows, from+b.height), i < b.perImage*b.images
}

// slot is the row of a ring in which a row of the image lies.
func slot(row, ring int) int { return (row%ring + ring) % ring }

// scratchOf is the floats of scratch with so many for each thread.
func scratchOf(perThread, threads int) int { return perThread*max(threads, 1) + lineFloats }

// memory is the scratch of a call that wants so many floats for each thread, from the first line of the cache on.
func (w *Work) memory(perThread int) []float32 {
	if need := scratchOf(perThread, w.Team.Threads()); len(w.Scratch) < need {
		fail("%d floats of scratch, want %d", len(w.Scratch), need)
	}
	return onLine(w.Scratch)
}
