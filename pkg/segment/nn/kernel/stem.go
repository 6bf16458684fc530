package kernel

// Stems reports whether ForwardRows can do the filter's convolution and gains by it: a high or wide kernel would have each
// thread keep many rows, and the place of each of its taps in each of them.
func (f *Filter) Stems() bool {
	s := f.Shape
	return s.In == 3 && s.Groups == 1 && f.sw.tile == 0 && (s.KH-1)*s.DH < stemRows && s.KH*s.KW <= stemTaps
}

const (
	stemRows = 16
	stemTaps = 256
)

// ScratchRows is the floats of scratch that ForwardRows needs with so many threads.
func (f *Filter) ScratchRows(dst Tensor, h, w, threads int) int {
	return scratchOf(f.planStem(&dst, h, w).floats, threads)
}

// ForwardRows computes dst, one image, from a source of h×w pixels that lies nowhere as a whole: fill is asked for its rows as
// they are needed. In the blocked layout an image of three channels takes five times its size, and writing and reading it in
// memory would cost more time than the convolution. Several threads call fill at once; two of them may ask for the same row.
// The bits of the result are those of Forward.
//
// # Memory
//
// For each thread as many rows as the kernel is high, at most stemRows, in the blocked layout: they stay in a core's cache. And
// three plain ones.
func (f *Filter) ForwardRows(dst Tensor, h, w int, fill FillRow, e Epilogue, work Work) {
	requireTensor(&dst)
	oh, ow := f.Shape.OutSize(h, w)
	if !f.Stems() || dst.N != 1 || dst.C != f.Shape.Out || dst.H != oh || dst.W != ow || e.Add != nil {
		fail("convolution of the rows of %d×%d to %d×%d×%d×%d", h, w, dst.N, dst.C, dst.H, dst.W)
	}
	f.requireBias(e.Bias)
	t := stemTasks.take()
	t.f, t.dst, t.h, t.w, t.fill, t.plan = f, dst, h, w, fill, f.planStem(&dst, h, w)
	threads, memory := work.Team.Threads(), work.memory(t.plan.floats)
	t.cut(&dst, threads)
	t.workers = grow(t.workers, threads)
	for i := range t.workers {
		t.workers[i].prepare(t, e, memory[i*t.plan.floats:][:t.plan.floats])
	}
	work.Team.Do(threads, t)
	t.release()
}

// stemPlan is the sizes of a thread's memory.
type stemPlan struct {
	ring   int // source rows that are kept
	margin margin
	row    int // floats of a source row with its margins
	floats int // of all: the ring, then three plain rows
}

func (f *Filter) planStem(dst *Tensor, h, w int) stemPlan {
	s := f.Shape
	p := stemPlan{ring: (s.KH-1)*s.DH + 1, margin: f.sw.reach(dst, &Tensor{H: h, W: w})}
	p.row = (w + p.margin.left + p.margin.right) * Block
	p.floats = (p.ring*p.row + 3*w + Block - 1) / Block * Block
	return p
}

// stemTask runs one image through a stem.
type stemTask struct {
	bands
	f       *Filter
	plan    stemPlan
	dst     Tensor
	h, w    int // of the source
	fill    FillRow
	workers []stemWorker
}

var stemTasks pool[stemTask]

// stemWorker is the convolution of one thread, with its rows of the source.
type stemWorker struct {
	task  *stemTask
	sweep sweepTask
	rows  Tensor // a ring; row 0 of the image lies in row 0
	plain []float32
	to    int // source rows before this one are there, as far as the ring reaches
}

func (w *stemWorker) prepare(t *stemTask, e Epilogue, memory []float32) {
	p, sw := &t.plan, t.f.sw
	w.task = t
	ring := memory[:p.ring*p.row]
	clear(ring) // the margins stay zero
	w.plain = memory[len(ring):][:3*t.w]
	w.rows = Tensor{Data: ring, Off: p.margin.left * Block, N: 1, C: 3, H: t.h, W: t.w, RowStride: p.row}
	w.sweep.prepare(sw, t.f.packed, t.dst, w.rows, e)
	w.sweep.src, w.sweep.srcImage, w.sweep.image = w.rows, 0, 0
	w.sweep.ringTaps(p.ring, true)
}

// release lets go of the caller's memory.
func (t *stemTask) release() {
	for i := range t.workers {
		w := &t.workers[i]
		w.rows, w.plain = Tensor{}, nil
		w.sweep.release()
	}
	t.dst, t.fill = Tensor{}, nil
	stemTasks.give(t)
}

// Item works through bands in the memory of one thread.
func (t *stemTask) Item(thread int) {
	w := &t.workers[thread]
	for {
		_, from, to, ok := t.take() // of the one image
		if !ok {
			return
		}
		w.band(from, to)
	}
}

// band computes rows a..b-1 of the result.
func (w *stemWorker) band(a, b int) {
	s, p := &w.sweep, &w.sweep.sw.phases[0]
	w.to = a*s.sw.stepY + p.y0
	for y := a; y < b; y++ {
		first := y*s.sw.stepY + p.y0
		w.load(max(first, w.to), first+w.task.plan.ring)
		s.src.Off = w.rows.Off - first*w.rows.RowStride
		for i := range s.sw.groups {
			s.sweepRows(&s.sw.groups[i], y, y+1, w.slot(first)*len(p.taps), nil)
		}
	}
}

// load brings source rows from..to-1 into the ring; those beyond the image are padding.
func (w *stemWorker) load(from, to int) {
	for row := from; row < to; row++ {
		lanes := w.rows.Data[w.slot(row)*w.rows.RowStride:][:w.rows.RowStride]
		if row < 0 || row >= w.task.h {
			clear(lanes)
			continue
		}
		fillLanes(lanes[w.rows.Off:], w.plain, row, w.task.fill)
	}
	w.to = max(w.to, to)
}

// slot is the row of the ring in which a row of the image lies.
func (w *stemWorker) slot(row int) int { return slot(row, w.task.plan.ring) }
