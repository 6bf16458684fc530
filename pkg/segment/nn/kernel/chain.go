package kernel

// Chain is the body of an inverted residual: an optional pointwise convolution that widens, a depthwise
// one, and a pointwise one that narrows. It computes some rows of all three before it goes on, so that
// the wide activations stay in a core's cache; in memory they would cost more time than the arithmetic.
// Each convolution is done by its own filter's kernels in their order, so that the bits of the result
// are those of the three done one after the other. A Chain is immutable.
type Chain struct{ widen, depth, narrow *Filter }

// ChainEpilogues are what follows the sums of the convolutions. Only the last may add a residual.
type ChainEpilogues struct{ Widen, Depth, Narrow Epilogue }

// NewChain joins filters, the first of which may be nil. It reports false for shapes that are no chain.
func NewChain(widen, depth, narrow *Filter) (*Chain, bool) {
	d, n := depth.Shape, narrow.Shape
	ok := d.depthwise() && n.pointwise() && d.Out == n.In
	if widen != nil {
		ok = ok && widen.Shape.pointwise() && widen.Shape.Out == d.In
	}
	return &Chain{widen, depth, narrow}, ok
}

// pointwise reports whether each result is a sum over the channels of one source pixel.
func (s ConvShape) pointwise() bool {
	return s.KH*s.KW*s.SH*s.SW*s.Groups == 1 && s.PadT+s.PadL+s.PadB+s.PadR == 0
}

// Pays reports whether a source of h×w is worth it: where the wide activations stay in the cache anyway,
// a chain only reads weights more often. It depends on the shape alone.
func (c *Chain) Pays(h, w int) bool {
	return 4*c.depth.Shape.In*h*w >= chainLeast
}

const (
	chainLeast = 1 << 20   // bytes of wide activations
	chainBytes = 192 << 10 // of the rows that a thread keeps
	chainRows  = 16        // of the result at a time, at most
	chainBand  = 8         // rows that a thread takes at least: widened rows are shared by neighbours
)

// chainPlan is the sizes of a thread's memory, in floats and rows.
type chainPlan struct {
	blocks              int    // of the wide activations
	rows                int    // of the result that are computed together
	span                int    // source rows of one row of the depthwise convolution
	ring                int    // widened rows that are kept
	margin              margin // of the depthwise convolution
	wideRow, widePlane  int
	thinRow, thinPlane  int
	wide, thin, perTeam int // floats of a thread: widened rows, rows between, both
}

func (c *Chain) plan(dst, src *Tensor) chainPlan {
	s := c.depth.Shape
	p := chainPlan{blocks: blocksOf(s.In), span: (s.KH-1)*s.DH + 1, margin: c.depth.sw.reach(dst, src)}
	p.thinRow = dst.W * Block
	if c.widen != nil {
		p.wideRow = (src.W + p.margin.left + p.margin.right) * Block
	}
	perBlock := chainBytes / 4 / p.blocks
	for p.rows = min(chainRows, dst.H); p.rows > 1; p.rows-- {
		if p.ringOf(s)*p.wideRow+p.rows*p.thinRow <= perBlock {
			break
		}
	}
	p.ring = p.ringOf(s)
	// One more line, so that the planes of a pixel fall into different sets of the cache.
	p.widePlane, p.thinPlane = p.ring*p.wideRow+Block, p.rows*p.thinRow+Block
	if c.widen != nil {
		p.wide = p.blocks * p.widePlane
	}
	p.thin = p.blocks * p.thinPlane
	p.perTeam = p.wide + p.thin
	return p
}

// ringOf is the source rows of p.rows results.
func (p *chainPlan) ringOf(s ConvShape) int { return (p.rows-1)*s.SH + p.span }

// Scratch is the floats of scratch that Forward needs with so many threads.
//
// # Memory
//
// About chainBytes (192 KiB) for each thread, more only where the rows of a single result need it.
func (c *Chain) Scratch(dst, src Tensor, threads int) int {
	p := c.plan(&dst, &src)
	return scratchOf(p.perTeam, threads)
}

// Forward computes dst from src. The residual may be src, or dst where that is not src. Without a first
// convolution src's border must be as wide as the padding of the depthwise one.
func (c *Chain) Forward(dst, src Tensor, e ChainEpilogues, w Work) {
	c.check(&dst, &src, &e)
	t := chainTasks.take()
	t.c, t.dst, t.src, t.plan = c, dst, src, c.plan(&dst, &src)
	threads, memory := w.Team.Threads(), w.memory(t.plan.perTeam)
	t.cut(&dst, threads)
	t.workers = grow(t.workers, threads)
	for i := range t.workers {
		t.workers[i].prepare(t, &e, memory[i*t.plan.perTeam:][:t.plan.perTeam])
	}
	w.Team.Do(threads, t)
	t.release()
}

func (c *Chain) check(dst, src *Tensor, e *ChainEpilogues) {
	requireTensor(dst)
	requireTensor(src)
	oh, ow := c.depth.Shape.OutSize(src.H, src.W)
	first := c.depth
	if c.widen != nil {
		first = c.widen
	}
	if dst.N != src.N || src.C != first.Shape.In || dst.C != c.narrow.Shape.Out || dst.H != oh || dst.W != ow {
		fail("chain from %d×%d×%d×%d to %d×%d×%d×%d", src.N, src.C, src.H, src.W, dst.N, dst.C, dst.H, dst.W)
	}
	if m := c.depth.sw.reach(dst, src); c.widen == nil && !m.within(src.Border) {
		fail("border of %d is too narrow for a depthwise convolution %+v", src.Border, c.depth.Shape)
	}
	if e.Widen.Add != nil || e.Depth.Add != nil {
		fail("a residual inside a chain")
	}
	if e.Narrow.Add != nil {
		requireTensor(e.Narrow.Add)
		requireSame(dst, e.Narrow.Add)
	}
	c.depth.requireBias(e.Depth.Bias)
	c.narrow.requireBias(e.Narrow.Bias)
	if c.widen != nil {
		c.widen.requireBias(e.Widen.Bias)
	}
}

func (f *Filter) requireBias(b []float32) {
	if b != nil && len(b) != f.Shape.Out {
		fail("%d biases for %d channels", len(b), f.Shape.Out)
	}
}
