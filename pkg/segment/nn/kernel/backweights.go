package kernel

import "unsafe"

// BackwardWeights sums, for every weight, the products of source and gradient over all positions. The
// positions are cut into chunks that fit the nearest cache; each chunk is summed in float32 registers
// and added to the sums so far, which keeps the rounding error small over millions of positions. The
// chunks, and the bands of rows that different threads sum, depend on the shape alone.
const (
	chunkPixels = 256
	gradItems   = 8 // at least so many independent items, if the image has enough rows
)

// gradPlan cuts the positions of a gradient.
type gradPlan struct {
	sw             *sweep
	taps           int
	height, width  int // of a chunk
	rows, cols     int // of the gradient by the output
	bands, bandLen int // bands of rows, rows of a band
	groups, inputs int // groups of output channels; source blocks of each (at most)
	m              margin
	pad            int // floats of a padded image
}

func planGrad(s ConvShape, sw *sweep, src, ddst *Tensor) gradPlan {
	g := gradPlan{sw: sw, taps: s.KH * s.KW, rows: ddst.H, cols: ddst.W, groups: len(sw.groups)}
	pieces := max(1, (g.cols+chunkPixels/2)/chunkPixels)
	g.width = (g.cols + pieces - 1) / pieces
	g.height = max(1, chunkPixels/g.width)
	g.bands = min((gradItems+g.groups-1)/g.groups, (g.rows+g.height-1)/g.height)
	g.bandLen = (g.rows + g.bands - 1) / g.bands
	for _, gr := range sw.groups {
		g.inputs = max(g.inputs, gr.whole+1)
	}
	if g.m = sw.reach(ddst, src); !g.m.within(src.Border) {
		g.pad = sw.scratch(ddst, src, 1)
	}
	return g
}

// sums is the floats of the sums of one band and group of output channels.
func (g *gradPlan) sums() int {
	if g.sw.depthwise {
		return g.taps * Block
	}
	return g.inputs * g.taps * 2 * Block * Block
}

func (g *gradPlan) scratch() int { return g.pad + g.bands*g.groups*g.sums() }

// Gradient computes the gradient of a convolution by its weights. It is immutable.
type Gradient struct {
	Shape ConvShape
	sw    *sweep
}

// NewGradient prepares the gradient of a convolution by its weights.
func NewGradient(s ConvShape) *Gradient {
	requireShape(s.Validate())
	return &Gradient{Shape: s, sw: convSweep(s)}
}

// Scratch is the floats of scratch that Backward needs.
func (g *Gradient) Scratch(src, ddst Tensor, threads int) int {
	if g.sw.tile > 0 {
		return g.sw.winoGradScratch(&ddst)
	}
	p := planGrad(g.Shape, g.sw, &src, &ddst)
	return p.scratch()
}

// Backward overwrites dw, laid out (Out, In/Groups, KH, KW), and db unless it is nil, with the gradients
// by weights and bias, given the source and the gradient by the output.
//
// # Memory
//
// The scratch holds the sums, at most gradItems times the weights for layers with few of them and once
// the weights else, and one padded image where src's border is too narrow. With tiles it holds 4 times
// the weights (1.8 times for tiles of 2) and one chunk of transformed tiles, a few megabytes.
func (g *Gradient) Backward(dw, db []float32, src, ddst Tensor, w Work) {
	g.check(dw, &src, &ddst)
	if g.sw.tile > 0 {
		g.winograd(dw, src, ddst, w)
	} else {
		g.direct(dw, src, ddst, w)
	}
	if db != nil {
		channelTotals(db, ddst, w.Team)
	}
}

func (g *Gradient) direct(dw []float32, src, ddst Tensor, w Work) {
	t := gradTasks.take()
	t.plan = planGrad(g.Shape, g.sw, &src, &ddst)
	if len(w.Scratch) < t.plan.scratch() {
		fail("%d floats of scratch, want %d", len(w.Scratch), t.plan.scratch())
	}
	t.s, t.dw, t.src, t.ddst, t.isa = g.Shape, dw, src, ddst, Variant()
	t.acc = w.Scratch[t.plan.pad:t.plan.scratch()]
	clear(t.acc)
	for n := range src.N {
		t.image, t.srcImage = n, n
		if t.plan.pad > 0 {
			t.src, t.srcImage = padded(w.Scratch[:t.plan.pad], src, n, t.plan.m, w.Team), 0
		}
		t.offsets()
		t.collect = false
		w.Team.Do(t.plan.bands*t.plan.groups, t)
	}
	t.collect = true
	w.Team.Do(t.plan.groups, t)
	t.src, t.ddst, t.acc, t.dw = Tensor{}, Tensor{}, nil, nil
	gradTasks.give(t)
}

func (g *Gradient) check(dw []float32, src, ddst *Tensor) {
	requireTensor(src)
	requireTensor(ddst)
	s := g.Shape
	oh, ow := s.OutSize(src.H, src.W)
	if ddst.H != oh || ddst.W != ow || src.N != ddst.N || src.C != s.In || ddst.C != s.Out {
		fail("gradient %d×%d×%d×%d of source %d×%d×%d×%d by %+v", ddst.N, ddst.C, ddst.H, ddst.W, src.N, src.C, src.H, src.W, s)
	}
	if len(dw) != s.Weights() {
		fail("%d weights for %+v", len(dw), s)
	}
}

// ScratchBackwardWeights is the floats of scratch that BackwardWeights needs.
func ScratchBackwardWeights(s ConvShape, src, ddst Tensor, threads int) int {
	return NewGradient(s).Scratch(src, ddst, threads)
}

// BackwardWeights is Gradient.Backward for a shape that is used once.
func BackwardWeights(s ConvShape, dw, db []float32, src, ddst Tensor, w Work) {
	NewGradient(s).Backward(dw, db, src, ddst, w)
}

// gradTask sums the gradient of one image into the sums of each band and block.
type gradTask struct {
	s         ConvShape
	plan      gradPlan
	dw, acc   []float32
	src, ddst Tensor
	image     int // of ddst
	srcImage  int // of src
	isa       ISA
	taps      []int // floats from the first tap's source to each tap's
	collect   bool  // sum up the bands and write dw
}

var gradTasks pool[gradTask]

func (t *gradTask) offsets() {
	p := &t.plan.sw.phases[0]
	t.taps = t.taps[:0]
	for _, tp := range p.taps {
		t.taps = append(t.taps, (tp.dy-p.y0)*t.src.RowStride+(tp.dx-p.x0)*Block)
	}
}

func (t *gradTask) Item(item int) {
	if t.collect {
		t.write(item)
		return
	}
	band, g := item/t.plan.groups, &t.plan.sw.groups[item%t.plan.groups]
	acc := t.acc[item*t.plan.sums():][:t.plan.sums()]
	end := min(t.plan.rows, (band+1)*t.plan.bandLen)
	for y := band * t.plan.bandLen; y < end; y += t.plan.height {
		for x := 0; x < t.plan.cols; x += t.plan.width {
			h, w := min(t.plan.height, end-y), min(t.plan.width, t.plan.cols-x)
			t.chunk(acc, g, gradArgs{
				d:    pixel(&t.ddst, t.image, g.block, y, x),
				rows: int64(h), pixels: int64(w),
				srcRow: 4 * int64(t.s.SH*t.src.RowStride), srcPixel: 4 * int64(t.s.SW*Block),
				dRow: 4 * int64(t.ddst.RowStride), dBlock: 4 * int64(t.ddst.BlockStride),
			}, y, x)
		}
	}
}

// chunk adds the products of one chunk, for every source block and tap of a group of output channels.
func (t *gradTask) chunk(acc []float32, g *group, a gradArgs, y, x int) {
	p := &t.plan.sw.phases[0]
	if t.plan.sw.depthwise {
		src := pixel(&t.src, t.srcImage, g.block, y*t.s.SH+p.y0, x*t.s.SW+p.x0)
		for k, tap := range t.taps {
			a.src, a.acc = unsafe.Add(src, 4*tap), unsafe.Pointer(&acc[k*Block])
			depthGrad(t.isa, &a)
		}
		return
	}
	for b := 0; b <= g.whole; b++ {
		a.channels = Block
		if b == g.whole {
			a.channels = int64(g.last)
		}
		src := pixel(&t.src, t.srcImage, g.from+b, y*t.s.SH+p.y0, x*t.s.SW+p.x0)
		for k, tap := range t.taps {
			a.src, a.acc = unsafe.Add(src, 4*tap), unsafe.Pointer(&acc[(b*t.plan.taps+k)*g.blocks*Block*Block])
			convGrad(t.isa, g.blocks, &a)
		}
	}
}

// write sums the bands of one group in order and stores them as weights lie.
func (t *gradTask) write(item int) {
	size := t.plan.sums()
	total := t.acc[item*size:][:size]
	for band := 1; band < t.plan.bands; band++ {
		for i, v := range t.acc[(band*t.plan.groups+item)*size:][:size] {
			total[i] += v
		}
	}
	g := &t.plan.sw.groups[item]
	for o := g.block * Block; o < min(t.s.Out, (g.block+g.blocks)*Block); o++ {
		t.writeOutput(total, g, o)
	}
}

// writeOutput stores the gradients of the weights of one output channel.
func (t *gradTask) writeOutput(total []float32, g *group, o int) {
	ipg, opg := t.s.In/t.s.Groups, t.s.Out/t.s.Groups
	block, lane, taps := o/Block-g.block, o%Block, t.plan.taps
	for i := range ipg {
		dw := t.dw[(o*ipg+i)*taps:][:taps]
		if t.plan.sw.depthwise {
			for k := range dw {
				dw[k] = total[k*Block+lane]
			}
			continue
		}
		in := o/opg*ipg + i - g.from*Block
		for k := range dw {
			dw[k] = total[(((in/Block*taps+k)*g.blocks+block)*Block+in%Block)*Block+lane]
		}
	}
}
