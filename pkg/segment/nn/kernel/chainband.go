package kernel

// chainTask runs one batch through a chain.
type chainTask struct {
	bands
	c        *Chain
	plan     chainPlan
	dst, src Tensor
	workers  []chainWorker
}

var chainTasks pool[chainTask]

// chainWorker is the three convolutions of one thread, with its rows between them.
type chainWorker struct {
	task                 *chainTask
	widen, depth, narrow sweepTask
	wide                 Tensor // a ring of rows; row 0 of the image lies in row 0
	from, to             int    // source rows that have been widened
}

// prepare lays out the memory of a worker. Buffers hold one image: their image stride is 0.
func (w *chainWorker) prepare(t *chainTask, e *ChainEpilogues, memory []float32) {
	p, c := &t.plan, t.c
	w.task = t
	thin := Tensor{
		Data: memory[p.wide:], N: t.dst.N, C: c.depth.Shape.Out, H: t.dst.H, W: t.dst.W,
		RowStride: p.thinRow, BlockStride: p.thinPlane,
	}
	source := t.src
	if c.widen != nil {
		w.wide = Tensor{
			Data: memory[:p.wide], Off: p.margin.left * Block, N: t.src.N, C: c.depth.Shape.In, H: t.src.H, W: t.src.W,
			RowStride: p.wideRow, BlockStride: p.widePlane,
		}
		clear(w.wide.Data) // the margins stay zero
		w.widen.prepare(c.widen.sw, c.widen.packed, w.wide, t.src, e.Widen)
		w.widen.src, w.widen.taps = t.src, append(w.widen.taps[:0], 0)
		source = w.wide
	}
	w.depth.prepare(c.depth.sw, c.depth.packed, thin, source, e.Depth)
	w.depth.src = source
	w.depth.ringTaps(p.ring, c.widen != nil)
	w.narrow.prepare(c.narrow.sw, c.narrow.packed, t.dst, thin, e.Narrow)
	w.narrow.src, w.narrow.taps = thin, append(w.narrow.taps[:0], 0)
}

// release lets go of the caller's memory.
func (t *chainTask) release() {
	for i := range t.workers {
		w := &t.workers[i]
		w.wide = Tensor{}
		for _, s := range []*sweepTask{&w.widen, &w.depth, &w.narrow} {
			s.release()
		}
	}
	t.dst, t.src = Tensor{}, Tensor{}
	chainTasks.give(t)
}

// ringTaps are the byte offsets of the taps for each row of a ring at which the first tap may lie; in a
// plain image they are the same for all rows.
func (t *sweepTask) ringTaps(ring int, wraps bool) {
	p := &t.sw.phases[0]
	t.taps = t.taps[:0]
	for first := range ring {
		for _, tp := range p.taps {
			row := tp.dy - p.y0
			if wraps {
				row = slot(first+row, ring)
			}
			t.taps = append(t.taps, 4*int64(row*t.src.RowStride+(tp.dx-p.x0)*Block))
		}
		if !wraps {
			return
		}
	}
}

// Item works through bands in the memory of one thread.
func (t *chainTask) Item(thread int) {
	w := &t.workers[thread]
	for {
		image, from, to, ok := t.take()
		if !ok {
			return
		}
		w.band(image, from, to)
	}
}

// band computes rows a..b-1 of one image.
func (w *chainWorker) band(image, a, b int) {
	w.widen.image, w.depth.image, w.narrow.image = image, image, image
	w.from, w.to = 0, 0
	for y := a; y < b; y += w.task.plan.rows {
		rows := min(w.task.plan.rows, b-y)
		if w.task.c.widen != nil {
			w.fill(y, rows)
		}
		w.filter(y, rows)
		w.project(y, rows)
	}
}

// slot is the row of the ring in which a row of the image lies.
func (w *chainWorker) slot(row int) int { return slot(row, w.task.plan.ring) }

// fill widens the source rows of some rows of results, but for those that lie in the ring already.
func (w *chainWorker) fill(y, rows int) {
	sw := w.task.c.depth.sw
	first := y*sw.stepY + sw.phases[0].y0
	last := first + (rows-1)*sw.stepY + w.task.plan.span
	if w.to > w.from {
		first = max(first, w.to)
	}
	w.from, w.to = first, last
	for row := first; row < last; row++ {
		if row < 0 || row >= w.task.src.H {
			w.clear(w.slot(row))
		}
	}
	from, to := max(first, 0), min(last, w.task.src.H)
	for i := range w.widen.sw.groups {
		w.widen.sweepRows(&w.widen.sw.groups[i], from, to, 0, func(row int) {
			w.widen.dst.Off = w.wide.Off + (w.slot(row)-row)*w.wide.RowStride
		})
	}
}

// clear zeroes a row of the ring: padding above and below the image.
func (w *chainWorker) clear(slot int) {
	for b := range w.task.plan.blocks {
		clear(w.wide.Data[b*w.wide.BlockStride+slot*w.wide.RowStride:][:w.wide.RowStride])
	}
}

// filter computes some rows of the depthwise convolution.
func (w *chainWorker) filter(y, rows int) {
	t := &w.depth
	p, taps := &t.sw.phases[0], 0
	for r := y; r < y+rows; r++ {
		first := r*t.sw.stepY + p.y0
		t.dst.Off = -y * t.dst.RowStride
		if w.task.c.widen != nil {
			taps = w.slot(first) * len(p.taps)
			t.src.Off = w.wide.Off - first*w.wide.RowStride
		}
		for i := range t.sw.groups {
			t.sweepRows(&t.sw.groups[i], r, r+1, taps, nil)
		}
	}
}

// project computes some rows of the result.
func (w *chainWorker) project(y, rows int) {
	t := &w.narrow
	t.src.Off = -y * t.src.RowStride
	for i := range t.sw.groups {
		t.sweepRows(&t.sw.groups[i], y, y+rows, 0, nil)
	}
}

// sweepRows computes rows of one group of output channels, by the taps from an index on. Before each row
// it calls place, if there is one.
func (t *sweepTask) sweepRows(g *group, from, to, taps int, place func(row int)) {
	p := &t.sw.phases[0]
	a := t.args(p, g, taps)
	for row := from; row < to; row++ {
		if place != nil {
			place(row)
		}
		t.row(a, p, g, row, t.dst.W)
		if t.late {
			t.activate(strip{row: row, rows: 1}, g)
		}
	}
}
