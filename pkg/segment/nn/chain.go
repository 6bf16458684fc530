package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// chainTask is the body of an inverted residual, or a depthwise convolution with the pointwise one after
// it, as one operator with an optional residual (its second input).
type chainTask struct {
	chain               *kernel.Chain
	widen               bool
	depth               kernel.ConvShape
	out                 int // channels
	convolutions        kernel.ChainEpilogues
	source              int // node of the network that the chain reads
	widenNode, thinNode int // nodes of the network that are computed inside; −1 for none
}

func (t *chainTask) String() string {
	return fmt.Sprintf("chain of convolutions (widened first: %t), depthwise %+v, pointwise to %d channels then %v", t.widen, t.depth, t.out, t.convolutions.Narrow.Act)
}

// border: a chain that widens first pads its own rows.
func (t *chainTask) border(i int) int {
	if i > 0 || t.widen {
		return 0
	}
	return forwardBorder(t.depth)
}

// overwrites: the sum may replace the residual, never the source.
func (t *chainTask) overwrites() []int { return []int{1} }

func (t *chainTask) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.chain.Scratch(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *chainTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	e := t.convolutions
	if len(in) > 1 {
		e.Narrow.Add = &in[1].(*act).view
	}
	t.chain.Forward(out.(*act).view, in[0].(*act).view, e, g.work())
	return nil
}

// findChains joins each pointwise convolution to the depthwise one before it that it alone reads, and to
// the pointwise one before that, where the size makes it pay.
func (b *inferBuilder) findChains() {
	b.chains = map[int]*chainTask{}
	for i := range b.e.net.Nodes {
		t := b.chainTo(i)
		if t == nil {
			continue
		}
		b.chains[i] = t
		b.inner[t.thinNode] = true
		if t.widen {
			b.inner[t.widenNode] = true
		}
	}
}

// chainTo is the chain that ends in a node, or nil.
func (b *inferBuilder) chainTo(i int) *chainTask {
	narrow, ok := b.e.net.Nodes[i].Op.(*net.Conv)
	if !ok {
		return nil
	}
	thin := b.e.net.Nodes[i].In[0]
	depth, ok := b.onlyRead(thin)
	if !ok {
		return nil
	}
	t := &chainTask{depth: b.e.filters[thin].Shape, out: b.shapes[i].C, thinNode: thin, source: b.e.net.Nodes[thin].In[0], widenNode: -1}
	t.convolutions.Depth, t.convolutions.Narrow = epilogue(depth), epilogue(narrow)
	if wide, ok := b.onlyRead(t.source); ok {
		if t.chain, t.widen = kernel.NewChain(b.e.filters[t.source], b.e.filters[thin], b.e.filters[i]); t.widen {
			t.convolutions.Widen = epilogue(wide)
			t.widenNode, t.source = t.source, b.e.net.Nodes[t.source].In[0]
		}
	}
	if !t.widen {
		if t.chain, ok = kernel.NewChain(nil, b.e.filters[thin], b.e.filters[i]); !ok || max(t.depth.PadT, t.depth.PadL, t.depth.PadB, t.depth.PadR) > widestBorder {
			return nil
		}
	}
	if in := b.shapes[b.e.net.Nodes[thin].In[0]]; !t.chain.Pays(in.H, in.W) {
		return nil
	}
	return t
}

// onlyRead is the convolution of a node with a single reader, which computes nothing else afterwards.
func (b *inferBuilder) onlyRead(i int) (*net.Conv, bool) {
	c, ok := b.e.net.Nodes[i].Op.(*net.Conv)
	return c, ok && b.reads[i] == 1 && b.later[i] == 0
}

func epilogue(c *net.Conv) kernel.Epilogue { return kernel.Epilogue{Bias: data(c.Bias), Act: c.Act} }
