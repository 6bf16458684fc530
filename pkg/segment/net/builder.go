package net

import "math/rand/v2"

// Builder appends nodes to a network and initialises their weights. Each node has its own stream of
// random numbers, so that changing one layer leaves the others' weights as they were.
type Builder struct {
	net      *Net
	channels []int // of each node
	seed     uint64
}

// NewBuilder starts a network with its input as node 0.
func NewBuilder(name string, channels int, seed uint64) *Builder {
	n := &Net{Name: name, Nodes: []Node{{Name: "input", Op: &Input{Channels: channels}}}}
	return &Builder{net: n, channels: []int{channels}, seed: seed}
}

// Channels is the number of channels of a node.
func (b *Builder) Channels(node int) int { return b.channels[node] }

// Done names the outputs and hands the network over.
func (b *Builder) Done(outputs ...int) *Net {
	b.net.Outputs = outputs
	return b.net
}

// Add appends a node and returns its index.
func (b *Builder) Add(name string, op Op, in ...int) int {
	b.net.Nodes = append(b.net.Nodes, Node{Name: name, In: in, Op: op})
	b.channels = append(b.channels, b.channelsOf(op, in))
	return len(b.net.Nodes) - 1
}

func (b *Builder) channelsOf(op Op, in []int) int {
	switch op := op.(type) {
	case *Conv:
		return op.Weight.Shape[0]
	case *ConvTranspose:
		return op.Weight.Shape[1] * op.Groups
	case *Slice:
		return sliceEnd(op.C1, b.channels[in[0]]) - op.C0
	case *Concat:
		c := 0
		for _, j := range in {
			c += b.channels[j]
		}
		return c
	}
	return b.channels[in[0]]
}

func (b *Builder) rng() *rand.Rand {
	return rand.New(rand.NewPCG(b.seed, uint64(len(b.net.Nodes))))
}

// ConvConfig describes a square convolution that keeps the size but for its stride.
type ConvConfig struct {
	Out      int
	Kernel   int
	Stride   int // 1
	Dilation int // 1
	Groups   int // 1; the input's channels for depthwise
	Bias     bool
}

func (c ConvConfig) withDefaults() ConvConfig {
	c.Stride, c.Dilation, c.Groups = max(c.Stride, 1), max(c.Dilation, 1), max(c.Groups, 1)
	return c
}

// Conv appends a convolution with "same" padding.
func (b *Builder) Conv(name string, x int, c ConvConfig) int {
	c = c.withDefaults()
	in := b.channels[x] / c.Groups
	p := (c.Kernel - 1) * c.Dilation / 2
	op := &Conv{
		Weight: heNormal(b.rng(), in*c.Kernel*c.Kernel, c.Out, in, c.Kernel, c.Kernel),
		Stride: Pair{c.Stride, c.Stride}, Dilation: Pair{c.Dilation, c.Dilation},
		Pad: Padding{p, p, p, p}, Groups: c.Groups,
	}
	if c.Bias {
		op.Bias = vector(c.Out)
	}
	return b.Add(name, op, x)
}

// ConvTranspose appends a transposed convolution without padding.
func (b *Builder) ConvTranspose(name string, x int, c ConvConfig) int {
	c = c.withDefaults()
	out := c.Out / c.Groups
	op := &ConvTranspose{
		Weight: heNormal(b.rng(), b.channels[x]/c.Groups*c.Kernel*c.Kernel/(c.Stride*c.Stride), b.channels[x], out, c.Kernel, c.Kernel),
		Stride: Pair{c.Stride, c.Stride}, Dilation: Pair{c.Dilation, c.Dilation}, Groups: c.Groups,
	}
	if c.Bias {
		op.Bias = vector(c.Out)
	}
	return b.Add(name, op, x)
}

// BatchNorm appends a batch norm that changes nothing yet.
func (b *Builder) BatchNorm(name string, x int) int {
	c := b.channels[x]
	op := &BatchNorm{Scale: vector(c), Bias: vector(c), Mean: vector(c), Var: vector(c), Epsilon: 1e-5}
	for i := range c {
		op.Scale.Data[i], op.Var.Data[i] = 1, 1
	}
	return b.Add(name, op, x)
}

// ConvNormReLU appends a convolution without bias, its batch norm and its ReLU.
func (b *Builder) ConvNormReLU(name string, x int, c ConvConfig) int {
	c.Bias = false
	x = b.Conv(name+".conv", x, c)
	x = b.BatchNorm(name+".norm", x)
	return b.Add(name+".relu", &Activation{Act{Kind: ReLU}}, x)
}

// Fuse gives the node the activation, as Fold does. Only convolutions, affine and binary operations
// have a place for one.
func (b *Builder) Fuse(node int, a Act) {
	if act := actOf(b.net.Nodes[node].Op); act != nil {
		*act = a
	}
}
