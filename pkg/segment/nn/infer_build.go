package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// inferBuilder turns a folded network into a graph that is only run forwards.
type inferBuilder struct {
	e      *Engine
	g      *graph
	batch  int
	shapes []net.Shape
	image  *act
	values []*gorgonia.Node
	reads  []int
	later  []int // for a convolution that the addition after it computes: that addition, else 0
	chains map[int]*chainTask
	inner  []bool   // nodes that a chain or an ending computes
	ends   []ending // by output
	stem   *stemTask
}

func (b *inferBuilder) build() error {
	nodes := b.e.net.Nodes
	b.values, b.later = make([]*gorgonia.Node, len(nodes)), make([]int, len(nodes))
	b.countReads()
	b.inner = make([]bool, len(nodes))
	b.outlets()
	b.fuseResiduals()
	b.findChains()
	for i, n := range nodes {
		var err error
		if b.values[i], err = b.node(i); err != nil {
			return fmt.Errorf("node %d %q (%s): %w", i, n.Name, net.OpName(n.Op), err)
		}
	}
	for _, end := range b.ends {
		if _, err := b.g.keep(b.values[end.source]); err != nil {
			return err
		}
	}
	return nil
}

// network is what was built.
func (b *inferBuilder) network() *Network {
	n := &Network{g: b.g, in: b.image, stem: b.stem}
	for i, o := range b.e.net.Outputs {
		n.out = append(n.out, outlet{dims: b.dims(o), act: b.g.outputs[i], end: b.ends[i].Ending})
	}
	return n
}

func (b *inferBuilder) countReads() {
	b.reads = make([]int, len(b.e.net.Nodes))
	for _, n := range b.e.net.Nodes {
		for _, j := range n.In {
			b.reads[j]++
		}
	}
	for _, o := range b.e.net.Outputs {
		b.reads[o]++
	}
}

// fuseResiduals lets a convolution add the other operand of the addition that alone reads it.
func (b *inferBuilder) fuseResiduals() {
	for k, n := range b.e.net.Nodes {
		op, ok := n.Op.(*net.Binary)
		if !ok || op.Kind != net.Add || b.shapes[n.In[0]] != b.shapes[n.In[1]] {
			continue
		}
		for _, j := range []int{n.In[1], n.In[0]} {
			c, ok := b.e.net.Nodes[j].Op.(*net.Conv)
			if ok && b.reads[j] == 1 && c.Act.Kind == net.Identity {
				b.later[j] = k
				break
			}
		}
	}
}

func (b *inferBuilder) dims(i int) dims {
	s := b.shapes[i]
	return dims{b.batch, s.C, s.H, s.W}
}

// node adds the operator of one network node; nil for what another operator or an ending computes.
func (b *inferBuilder) node(i int) (*gorgonia.Node, error) {
	if b.later[i] > 0 || b.inner[i] {
		return nil, nil
	}
	n := b.e.net.Nodes[i]
	if op, ok := n.Op.(*net.Binary); ok {
		for k, j := range n.In {
			if b.later[j] == i {
				return b.conv(j, op.Act, b.values[n.In[1-k]])
			}
		}
	}
	in := make(gorgonia.Nodes, len(n.In))
	for k, j := range n.In {
		in[k] = b.values[j]
	}
	switch op := n.Op.(type) {
	case *net.Input:
		node, image, err := b.g.input("image", b.dims(i))
		b.image = image
		if err == nil {
			image.lent = b.stems(i)
		}
		return node, err
	case *net.Conv:
		return b.conv(i, op.Act, nil)
	case *net.ConvTranspose:
		t := &transposeTask{filter: b.e.deconvs[i], bias: data(op.Bias), act: op.Act}
		return b.g.apply(t, b.dims(i), in...)
	}
	return b.g.add(n.Op, b.dims(i), in)
}

// conv adds the convolution of node i with an activation and an optional residual.
func (b *inferBuilder) conv(i int, act net.Act, residual *gorgonia.Node) (*gorgonia.Node, error) {
	n := b.e.net.Nodes[i]
	plain := convTask{filter: b.e.filters[i], bias: data(n.Op.(*net.Conv).Bias), act: act}
	var t task = &plain
	in := gorgonia.Nodes{b.values[n.In[0]]}
	if c := b.chains[i]; c != nil {
		c.convolutions.Narrow.Act = act
		t, in[0] = c, b.values[c.source]
	} else if _, first := b.e.net.Nodes[n.In[0]].Op.(*net.Input); first && b.image.lent {
		b.stem = &stemTask{convTask: plain, in: b.image}
		t = b.stem
	}
	if residual != nil {
		in = append(in, residual)
	}
	return b.g.apply(t, b.dims(i), in...)
}
