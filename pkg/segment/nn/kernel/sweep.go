package kernel

import "fmt"

// A sweep is a convolution-like pass as pure geometry: every output pixel is a sum over taps of source
// pixels. Convolutions have one phase. Transposed convolutions and the gradients of strided ones have
// one phase per remainder of the output coordinate by the stride; within a phase, neighbouring outputs
// read neighbouring sources, so that one kernel serves all.
type sweep struct {
	in, out      int
	stepY, stepX int // source pixels from one position to the next
	outY, outX   int // output pixels from one position to the next
	depthwise    bool
	tile         int // of Winograd's minimal filtering, or 0
	phases       []phase
	groups       []group
	floats       int // of packed weights
}

// phase is the positions (oy + i·outY, ox + j·outX) of the output.
type phase struct {
	oy, ox int
	taps   []tap
	y0, x0 int // least dy and dx of the taps: one of the taps, as they form a grid
	first  int // packed weights of this phase begin here
}

// settle finds the origin of the taps.
func (p *phase) settle() {
	for i, t := range p.taps {
		if i == 0 {
			p.y0, p.x0 = t.dy, t.dx
		}
		p.y0, p.x0 = min(p.y0, t.dy), min(p.x0, t.dx)
	}
}

// tap is a source pixel relative to the one at the position, and its index in the kernel.
type tap struct {
	dy, dx int
	k      int // kh·KW + kw
}

// group is one or two neighbouring blocks of output channels with the source blocks that they read.
type group struct {
	block, blocks int // output blocks
	from, whole   int // first source block; number of blocks before the last
	last          int // channels in the last source block, 1..Block
	first         int // weights per tap of the groups before this one
}

// inputs is the number of source channels that a group reads.
func (g *group) inputs() int { return g.whole*Block + g.last }

func blocksOf(channels int) int { return (channels + Block - 1) / Block }

// convSweep is the sweep of a convolution.
func convSweep(s ConvShape) *sweep {
	sw := &sweep{in: s.In, out: s.Out, stepY: s.SH, stepX: s.SW, outY: 1, outX: 1, depthwise: s.depthwise(), tile: s.Tile}
	p := phase{}
	for kh := range s.KH {
		for kw := range s.KW {
			p.taps = append(p.taps, tap{kh*s.DH - s.PadT, kw*s.DW - s.PadL, kh*s.KW + kw})
		}
	}
	p.settle()
	sw.phases = []phase{p}
	sw.lay(s.Groups)
	return sw
}

// transposeSweep is the adjoint of a convolution: from its output's channels back to its input's.
func transposeSweep(s ConvShape) *sweep {
	sw := &sweep{in: s.Out, out: s.In, stepY: 1, stepX: 1, outY: s.SH, outX: s.SW, depthwise: s.depthwise(), tile: s.Tile}
	for oy := range s.SH {
		for ox := range s.SW {
			sw.phases = append(sw.phases, transposePhase(s, oy, ox))
		}
	}
	sw.lay(s.Groups)
	return sw
}

func transposePhase(s ConvShape, oy, ox int) phase {
	p := phase{oy: oy, ox: ox}
	for kh := range s.KH {
		y := oy + s.PadT - kh*s.DH
		for kw := range s.KW {
			x := ox + s.PadL - kw*s.DW
			if y%s.SH == 0 && x%s.SW == 0 {
				p.taps = append(p.taps, tap{y / s.SH, x / s.SW, kh*s.KW + kw})
			}
		}
	}
	p.settle()
	return p
}

// lay cuts the output channels into groups and places the packed weights.
func (sw *sweep) lay(groups int) {
	perTap := 0
	for b := 0; b < blocksOf(sw.out); {
		g := group{block: b, blocks: 1, first: perTap}
		switch {
		case sw.depthwise:
			perTap += Block
		case groups == 1:
			g.blocks = min(2, blocksOf(sw.out)-b)
			g.whole = blocksOf(sw.in) - 1
			g.last = sw.in - g.whole*Block
			perTap += g.inputs() * g.blocks * Block
		default:
			g.span(groups, sw.in, sw.out)
			perTap += g.inputs() * Block
		}
		sw.groups = append(sw.groups, g)
		b += g.blocks
	}
	for i := range sw.phases {
		sw.phases[i].first = sw.floats
		sw.floats += perTap * sw.positions(&sw.phases[i])
	}
}

// span finds the source blocks that the convolution groups of one output block read.
func (g *group) span(groups, in, out int) {
	ipg, opg := in/groups, out/groups
	lo, hi := g.block*Block, min((g.block+1)*Block, out)
	c0, c1 := lo/opg*ipg, ((hi-1)/opg+1)*ipg
	g.from = c0 / Block
	g.whole = (c1-1)/Block - g.from
	g.last = c1 - (g.from+g.whole)*Block
}

// weightsOf is where the weights of a phase and group begin.
func (sw *sweep) weightsOf(p *phase, g *group) int { return p.first + g.first*sw.positions(p) }

// positions is the number of weights for each pair of channels: one for each tap, or for each place in
// a transformed tile.
func (sw *sweep) positions(p *phase) int {
	if sw.tile > 0 {
		return (sw.tile + 2) * (sw.tile + 2)
	}
	return len(p.taps)
}

// rows and cols count the positions of a phase in an output of h×w.
func (sw *sweep) rows(p *phase, h int) int { return max(0, (h-p.oy+sw.outY-1)/sw.outY) }
func (sw *sweep) cols(p *phase, w int) int { return max(0, (w-p.ox+sw.outX-1)/sw.outX) }

// margin is how many pixels beyond each side of a source the taps of an output reach.
type margin struct{ top, left, bottom, right int }

func (m margin) within(border int) bool {
	return m.top <= border && m.left <= border && m.bottom <= border && m.right <= border
}

// reach finds the margin for an output of dst's size from a source of src's size.
func (sw *sweep) reach(dst, src *Tensor) margin {
	var m margin
	for i := range sw.phases {
		p := &sw.phases[i]
		rows, cols := sw.rows(p, dst.H), sw.cols(p, dst.W)
		if rows == 0 || cols == 0 {
			continue
		}
		for _, t := range p.taps {
			m.top = max(m.top, -t.dy)
			m.left = max(m.left, -t.dx)
			m.bottom = max(m.bottom, (rows-1)*sw.stepY+t.dy-(src.H-1))
			m.right = max(m.right, (cols-1)*sw.stepX+t.dx-(src.W-1))
		}
	}
	return m
}

// scratch is the floats that a run needs: one padded image where the source's border is too narrow, or
// what the threads need for transformed tiles.
func (sw *sweep) scratch(dst, src *Tensor, threads int) int {
	if sw.tile > 0 {
		return sw.winoScratch(dst, threads)
	}
	m := sw.reach(dst, src)
	if m.within(src.Border) {
		return 0
	}
	return src.Blocks() * (src.H + m.top + m.bottom) * (src.W + m.left + m.right) * Block
}

// fail panics on a caller's broken invariant: packages above validate what comes from outside.
func fail(format string, args ...any) { panic("kernel: " + fmt.Sprintf(format, args...)) }
