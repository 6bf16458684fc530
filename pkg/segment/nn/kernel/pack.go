package kernel

import "unsafe"

// pack arranges weights of a convolution (Out, In/Groups, KH, KW) in the order in which the kernels
// read them: for each phase and group, source block by source block, tap by tap, channel by channel,
// with the group's output channels side by side. Lanes without a channel are zero. Backward says that
// the sweep runs from the convolution's output to its input.
func (sw *sweep) pack(packed []float32, s ConvShape, w []float32, backward bool) {
	if !(len(w) == s.Weights()) {
		fail("%d weights for %+v", len(w), s)
	}
	at := &weightIndex{s: s, taps: s.KH * s.KW, ipg: s.In / s.Groups, opg: s.Out / s.Groups, backward: backward}
	for i := range sw.phases {
		p := &sw.phases[i]
		for j := range sw.groups {
			g := &sw.groups[j]
			dst := packed[sw.weightsOf(p, g):]
			switch {
			case sw.depthwise:
				packDepthwise(dst, w, at, p, g)
			case sw.tile > 0:
				sw.packTiles(dst, w, at, p, g)
			default:
				sw.packGroup(dst, w, at, p, g)
			}
		}
	}
}

func (sw *sweep) packGroup(dst, w []float32, at *weightIndex, p *phase, g *group) {
	lanes := g.blocks * Block
	for b := 0; b <= g.whole; b++ {
		channels := Block
		if b == g.whole {
			channels = g.last
		}
		for _, t := range p.taps {
			for c := range channels {
				in := (g.from+b)*Block + c
				for lane := range lanes {
					dst[lane] = 0
					if k, ok := at.of(g.block*Block+lane, in); ok {
						dst[lane] = w[k+t.k]
					}
				}
				dst = dst[lanes:]
			}
		}
	}
}

// packTiles transforms the weights of each pair of channels and lays them position by position.
func (sw *sweep) packTiles(dst, w []float32, at *weightIndex, p *phase, g *group) {
	var weights [9][Block]float32
	isa, row := Variant(), g.blocks*Block
	a := weightArgs{src: unsafe.Pointer(&weights), srcStep: 4 * Block, dstStep: int64(4 * g.inputs() * row)}
	for in := range g.inputs() {
		for b := range g.blocks {
			for lane := range Block {
				k, ok := at.of((g.block+b)*Block+lane, in)
				for _, t := range p.taps {
					v := &weights[(t.dy-p.y0)*3+t.dx-p.x0][lane]
					if *v = 0; ok {
						*v = w[k+t.k]
					}
				}
			}
			a.dst = unsafe.Pointer(&dst[in*row+b*Block])
			winogradFilter(isa, sw.tile, &a)
		}
	}
}

func packDepthwise(dst, w []float32, at *weightIndex, p *phase, g *group) {
	for _, t := range p.taps {
		for lane := range Block {
			dst[lane] = 0
			if c := g.block*Block + lane; c < at.s.Out {
				dst[lane] = w[c*at.taps+t.k]
			}
		}
		dst = dst[Block:]
	}
}

// weightIndex finds weights by the sweep's channels.
type weightIndex struct {
	s              ConvShape
	taps, ipg, opg int
	backward       bool
}

// of is the index of the first tap between an output and an input channel of the sweep, if they meet.
func (a *weightIndex) of(out, in int) (int, bool) {
	if a.backward {
		out, in = in, out
	}
	if out >= a.s.Out || in >= a.s.In {
		return 0, false
	}
	if a.s.Groups == 1 {
		return (out*a.ipg + in) * a.taps, true
	}
	if out/a.opg != in/a.ipg {
		return 0, false
	}
	return (out*a.ipg + in%a.ipg) * a.taps, true
}
