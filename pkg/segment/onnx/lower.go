package onnx

import (
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Lower makes the network for one input size. A batch is always one image: engines batch by
// themselves. The outputs are N×C×H×W, whatever layout the file has.
//
// Resizes to a computed size become resizes by a factor where the factor is a whole number, so that a
// network lowered at an aligned size is the same at every other aligned size.
func (m *Model) Lower(input net.Shape) (*net.Net, error) {
	l := &lowerer{
		m: m, net: &net.Net{Name: m.graph.name}, values: map[string]value{},
		budget: m.limits.Elements,
	}
	if err := l.constants(); err != nil {
		return nil, err
	}
	if err := l.input(input); err != nil {
		return nil, err
	}
	for i := range m.graph.nodes {
		if err := l.node(i); err != nil {
			return nil, err
		}
	}
	if err := l.outputs(); err != nil {
		return nil, err
	}
	return l.net, l.net.Validate()
}

// lowerer walks the graph once.
type lowerer struct {
	m      *Model
	net    *net.Net
	shapes []net.Shape // of the nodes of net
	values map[string]value
	budget int64 // elements of constants that may still be computed
}

// value is what a name of the graph stands for: a constant, or an activation.
type value struct {
	known bool
	konst *array
	node  int
	dims  []int   // as the file sees it, with a batch of 1
	order [4]base // how the axes of the activation lie in the file's memory
}

func constant(a array) value { return value{known: true, konst: &a} }

func (l *lowerer) constants() error {
	for _, t := range l.m.graph.initializers {
		if t.strings {
			continue // class names and the like, which no layer reads
		}
		a, err := t.array()
		if err != nil {
			return err
		}
		l.values[t.name] = constant(a)
		l.budget += 4 * t.size
	}
	return nil
}

// Input describes the image. A model with several inputs, or none, is refused.
func (m *Model) Input() (Input, error) {
	known := map[string]bool{}
	for _, t := range m.graph.initializers {
		known[t.name] = true
	}
	var images []valueInfo
	for _, v := range m.graph.inputs {
		if !known[v.name] {
			images = append(images, v)
		}
	}
	if len(images) != 1 {
		return Input{}, &UnsupportedError{"graph", fmt.Sprintf("%d inputs", len(images)), "only models of one image are understood"}
	}
	return describe(images[0])
}

func describe(v valueInfo) (Input, error) {
	where := fmt.Sprintf("input %q", v.name)
	if v.elem != typeFloat {
		return Input{}, &UnsupportedError{where, fmt.Sprintf("element type %d", v.elem), "export the model with a float32 input"}
	}
	if len(v.dims) != 4 {
		return Input{}, &UnsupportedError{where, fmt.Sprintf("%d dimensions", len(v.dims)), "only images (N×C×H×W or N×H×W×C) are understood"}
	}
	d := func(i int) int { return int(max(0, min(v.dims[i], 1<<30))) }
	in := Input{Name: v.name, Channels: d(1), Height: d(2), Width: d(3)}
	// Channels come last if only the last dimension looks like a number of channels.
	if few := func(n int) bool { return n >= 1 && n <= 32 }; !few(d(1)) && few(d(3)) {
		in = Input{Name: v.name, Channels: d(3), Height: d(1), Width: d(2), ChannelsLast: true}
	}
	return in, nil
}

func (l *lowerer) input(s net.Shape) error {
	in, err := l.m.Input()
	if err != nil {
		return err
	}
	where := fmt.Sprintf("input %q", in.Name)
	if in.Channels > 0 && in.Channels != s.C {
		return &UnsupportedError{where, fmt.Sprintf("takes %d channels, the image has %d", in.Channels, s.C), ""}
	}
	if (in.Height > 0 && in.Height != s.H) || (in.Width > 0 && in.Width != s.W) {
		return &UnsupportedError{where, fmt.Sprintf("takes %d×%d pixels, not %d×%d", in.Height, in.Width, s.H, s.W), "export the model with dynamic height and width, or use its size"}
	}
	if s.C < 1 || s.H < 1 || s.W < 1 || s.C > 1<<12 || s.H > 1<<20 || s.W > 1<<20 {
		return &UnsupportedError{where, fmt.Sprintf("an image of %d×%d×%d", s.C, s.H, s.W), ""}
	}
	l.net.Nodes = []net.Node{{Name: in.Name, Op: &net.Input{Channels: s.C}}}
	l.shapes = []net.Shape{s}
	v := value{known: true, dims: []int{1, s.C, s.H, s.W}, order: nchw}
	if in.ChannelsLast {
		v.dims, v.order = []int{1, s.H, s.W, s.C}, nhwc
	}
	l.values[in.Name] = v
	return nil
}

func (l *lowerer) node(i int) error {
	n := &l.m.graph.nodes[i]
	c := &call{l: l, n: n, where: fmt.Sprintf("node %d %q (%s)", i, n.name, n.op)}
	if n.domain != "" && n.domain != "ai.onnx" {
		return c.unsupported("export the model without runtime-specific optimisations", "operator set %q", n.domain)
	}
	for _, name := range n.in {
		v, ok := l.values[name]
		if !ok && name != "" {
			return c.broken("reads %q, which nothing before it makes", name)
		}
		c.in = append(c.in, v)
	}
	out, err := c.run()
	if err != nil {
		return err
	}
	for k, name := range n.out {
		if name == "" {
			continue
		}
		if _, taken := l.values[name]; taken {
			return c.broken("makes %q a second time", name)
		}
		if k < len(out) {
			l.values[name] = out[k]
		}
	}
	return nil
}

func (l *lowerer) outputs() error {
	if len(l.m.graph.outputs) == 0 {
		return &FormatError{"graph", "has no output"}
	}
	for _, o := range l.m.graph.outputs {
		v, ok := l.values[o.name]
		where := fmt.Sprintf("output %q", o.name)
		if !ok {
			return &FormatError{where, "nothing makes it"}
		}
		if v.konst != nil {
			return &UnsupportedError{where, "is a constant", "export the layer that predicts"}
		}
		l.net.Outputs = append(l.net.Outputs, v.node)
	}
	return nil
}

// add appends a node to the network and returns its index.
func (c *call) add(op net.Op, in ...int) (int, error) {
	l := c.l
	args := make([]net.Shape, len(in))
	for k, j := range in {
		args[k] = l.shapes[j]
	}
	s, err := net.ShapeOf(op, args)
	if err != nil {
		return 0, fmt.Errorf("onnx: %s: %w", c.where, err)
	}
	if len(l.net.Nodes) >= 4*l.m.limits.Nodes {
		return 0, c.unsupported("", "the network is larger than %d nodes", 4*l.m.limits.Nodes)
	}
	l.net.Nodes = append(l.net.Nodes, net.Node{Name: c.name(), In: slices.Clone(in), Op: op})
	l.shapes = append(l.shapes, s)
	return len(l.net.Nodes) - 1, nil
}

func (c *call) name() string {
	if c.n.name == "" && len(c.n.out) > 0 {
		return c.n.out[0]
	}
	return c.n.name
}
