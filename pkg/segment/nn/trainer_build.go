package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// trainBuilder turns a network into a graph with a loss and gradients.
type trainBuilder struct {
	t       *Trainer
	shapes  []net.Shape
	values  []*gorgonia.Node // the value of each network node
	learned []bool           // it depends on a parameter
	merged  []bool           // a ReLU that the batch norm before it computes
	live    []bool           // the output depends on it: nothing else can be trained
	reads   []int            // live readers of each node's value
	forks   map[*gorgonia.Node]*forkState
	weights gorgonia.Nodes
}

// forkState hands out the handles of one value.
type forkState struct {
	f    *fork
	last *gorgonia.Node
}

func (b *trainBuilder) build() error {
	t := b.t
	first, ok := t.net.Nodes[0].Op.(*net.Input)
	if !ok {
		return fmt.Errorf("node 0 is not the input")
	}
	var err error
	if b.shapes, err = t.net.Shapes(net.Shape{C: first.Channels, H: t.cfg.H, W: t.cfg.W}); err != nil {
		return err
	}
	b.prepare()
	for i := range t.net.Nodes {
		if !b.live[i] && i > 0 {
			continue
		}
		if b.values[i], err = b.node(i); err != nil {
			return fmt.Errorf("node %d %q (%s): %w", i, t.net.Nodes[i].Name, net.OpName(t.net.Nodes[i].Op), err)
		}
	}
	return b.differentiate()
}

// prepare counts readers and finds the ReLUs that follow a batch norm directly.
func (b *trainBuilder) prepare() {
	nodes := b.t.net.Nodes
	b.values, b.learned = make([]*gorgonia.Node, len(nodes)), make([]bool, len(nodes))
	b.merged, b.reads = make([]bool, len(nodes)), make([]int, len(nodes))
	b.forks = map[*gorgonia.Node]*forkState{}
	b.countReads()
	for i, n := range nodes {
		a, ok := n.Op.(*net.Activation)
		if !ok || a.Act.Kind != net.ReLU || !b.live[i] || b.reads[n.In[0]] != 1 {
			continue
		}
		_, b.merged[i] = nodes[n.In[0]].Op.(*net.BatchNorm)
	}
}

// countReads goes backwards from the output.
func (b *trainBuilder) countReads() {
	nodes, output := b.t.net.Nodes, b.t.net.Outputs[0]
	b.live = make([]bool, len(nodes))
	b.live[output] = true
	b.reads[output]++
	for i := len(nodes) - 1; i >= 0; i-- {
		if !b.live[i] {
			continue
		}
		for _, j := range nodes[i].In {
			b.live[j] = true
			b.reads[j]++
		}
	}
}

func (b *trainBuilder) dims(i int) dims {
	s := b.shapes[i]
	return dims{b.t.cfg.Batch, s.C, s.H, s.W}
}

// node adds the operators of one network node.
func (b *trainBuilder) node(i int) (*gorgonia.Node, error) {
	n := &b.t.net.Nodes[i]
	for _, j := range n.In {
		b.learned[i] = b.learned[i] || b.learned[j]
	}
	switch op := n.Op.(type) {
	case *net.Input:
		node, image, err := b.t.g.input("image", b.dims(i))
		b.t.image = image
		return node, err
	case *net.Conv:
		return b.conv(i, op)
	case *net.ConvTranspose:
		return b.convTranspose(i, op)
	case *net.BatchNorm:
		return b.norm(i, op)
	case *net.Affine:
		return b.affine(i, op)
	}
	if b.merged[i] {
		return b.values[n.In[0]], nil
	}
	in, err := b.readAll(n.In)
	if err != nil {
		return nil, err
	}
	return b.t.g.add(n.Op, b.dims(i), in)
}

// conv adds a convolution whose weight and bias are parameters.
func (b *trainBuilder) conv(i int, c *net.Conv) (*gorgonia.Node, error) {
	wantData := b.learned[i]
	in, err := b.inputs(i, c.Weight, c.Bias)
	if err != nil {
		return nil, err
	}
	out, err := b.t.g.apply(newTrainConv(c, b.t.cfg.Tile, wantData), b.dims(i), in...)
	return b.activate(i, out, err, c.Act)
}

// convTranspose adds a transposed convolution whose weight and bias are parameters.
func (b *trainBuilder) convTranspose(i int, c *net.ConvTranspose) (*gorgonia.Node, error) {
	wantData := b.learned[i]
	in, err := b.inputs(i, c.Weight, c.Bias)
	if err != nil {
		return nil, err
	}
	out, err := b.t.g.apply(newTrainTranspose(c, wantData), b.dims(i), in...)
	return b.activate(i, out, err, c.Act)
}

// affine adds a constant scale and shift, for example of the image.
func (b *trainBuilder) affine(i int, a *net.Affine) (*gorgonia.Node, error) {
	x, err := b.read(b.t.net.Nodes[i].In[0])
	if err != nil {
		return nil, err
	}
	plain := *a
	plain.Act = net.Act{}
	out, err := b.t.g.apply(newAffine(&plain), b.dims(i), x)
	return b.activate(i, out, err, a.Act)
}

// activate adds an activation behind a node unless it is the identity.
func (b *trainBuilder) activate(i int, n *gorgonia.Node, err error, act net.Act) (*gorgonia.Node, error) {
	if err != nil || act.Kind == net.Identity {
		return n, err
	}
	return b.t.g.add(&net.Activation{Act: act}, b.dims(i), gorgonia.Nodes{n})
}

// inputs reads the node's activation and declares its weight and optional bias.
func (b *trainBuilder) inputs(i int, weight, bias *net.Tensor) (gorgonia.Nodes, error) {
	x, err := b.read(b.t.net.Nodes[i].In[0])
	if err != nil {
		return nil, err
	}
	w, err := b.param(i, "weight", weight, true)
	if err != nil || bias == nil {
		return gorgonia.Nodes{x, w}, err
	}
	v, err := b.param(i, "bias", bias, false)
	return gorgonia.Nodes{x, w, v}, err
}

// norm adds a batch norm with the ReLU after it.
func (b *trainBuilder) norm(i int, n *net.BatchNorm) (*gorgonia.Node, error) {
	x, err := b.read(b.t.net.Nodes[i].In[0])
	if err != nil {
		return nil, err
	}
	scale, err := b.param(i, "scale", n.Scale, false)
	if err != nil {
		return nil, err
	}
	bias, err := b.param(i, "bias", n.Bias, false)
	if err != nil {
		return nil, err
	}
	var act net.Act
	if r := b.reader(i); b.merged[r] {
		act = b.t.net.Nodes[r].Op.(*net.Activation).Act
	}
	t := newNorm(b.dims(i), n, act, float64(b.t.cfg.BNMomentum))
	b.stat(i, "mean", n.Mean)
	b.stat(i, "var", n.Var)
	return b.t.g.apply(t, b.dims(i), x, scale, bias)
}

// reader is the first live node that reads node i, or node 0.
func (b *trainBuilder) reader(i int) int {
	for k := i + 1; k < len(b.t.net.Nodes); k++ {
		if !b.live[k] {
			continue
		}
		for _, j := range b.t.net.Nodes[k].In {
			if j == i {
				return k
			}
		}
	}
	return 0
}

// param declares a trained tensor: the graph reads it where it lies in the network.
func (b *trainBuilder) param(i int, kind string, v *net.Tensor, decay bool) (*gorgonia.Node, error) {
	name := b.paramName(i, kind)
	node, err := b.t.g.param(name, v.Shape, v.Data)
	if err != nil {
		return nil, err
	}
	b.learned[i] = true
	b.weights = append(b.weights, node)
	b.t.params = append(b.t.params, Param{Name: name, Shape: v.Shape, Data: v.Data, Decay: decay})
	return node, nil
}

func (b *trainBuilder) stat(i int, kind string, v *net.Tensor) {
	b.t.stats = append(b.t.stats, Param{Name: b.paramName(i, kind), Shape: v.Shape, Data: v.Data, Stat: true})
}

// paramName is unique through the node's index, and says its name for people.
func (b *trainBuilder) paramName(i int, kind string) string {
	return fmt.Sprintf("%03d.%s.%s", i, b.t.net.Nodes[i].Name, kind)
}

// read is a handle on the value of node j for one more reader.
func (b *trainBuilder) read(j int) (*gorgonia.Node, error) {
	v := b.values[j]
	if b.reads[j] == 1 {
		return v, nil
	}
	a, err := actOf(v)
	if err != nil {
		return nil, err
	}
	s, ok := b.forks[v]
	if !ok {
		s = &forkState{f: &fork{}}
		b.forks[v] = s
		s.last, err = b.t.g.apply(&mainHandle{s.f}, a.dims, v)
		return s.last, err
	}
	s.last, err = b.t.g.apply(&sideHandle{f: s.f}, a.dims, v, s.last)
	return s.last, err
}

func (b *trainBuilder) readAll(in []int) (gorgonia.Nodes, error) {
	var nodes gorgonia.Nodes
	for _, j := range in {
		n, err := b.read(j)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// differentiate adds the loss and the gradients of all parameters.
func (b *trainBuilder) differentiate() error {
	t, o := b.t, b.t.net.Outputs[0]
	d := b.dims(o)
	if d.h != t.cfg.H || d.w != t.cfg.W {
		return fmt.Errorf("logits are %d×%d for an image of %d×%d: the network must end at the image's size", d.h, d.w, t.cfg.H, t.cfg.W)
	}
	if len(b.weights) == 0 {
		return fmt.Errorf("the network has nothing to train")
	}
	var err error
	if t.loss, err = newLoss(d, t.cfg.DiceWeight); err != nil {
		return err
	}
	logits, err := b.read(o)
	if err != nil {
		return err
	}
	t.target, t.weight = make([]float32, d.n*d.c*d.h*d.w), make([]float32, d.n*d.h*d.w)
	target, err := t.g.param("target", tensor.Shape{d.n, d.c, d.h, d.w}, t.target)
	if err != nil {
		return err
	}
	weight, err := t.g.param("pixel weight", tensor.Shape{d.n, d.h, d.w}, t.weight)
	if err != nil {
		return err
	}
	loss, err := t.g.applyScalar(t.loss, logits, target, weight)
	if err != nil {
		return err
	}
	if _, err := gorgonia.Grad(loss, b.weights...); err != nil {
		return fmt.Errorf("differentiate: %w", err)
	}
	t.model = gorgonia.NodesToValueGrads(b.weights)
	return nil
}
