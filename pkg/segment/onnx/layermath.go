package onnx

import (
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

func binaryKind(op string) net.BinaryKind {
	return map[string]net.BinaryKind{"Add": net.Add, "Sum": net.Add, "Sub": net.Sub, "Mul": net.Mul, "Div": net.Div}[op]
}

func lowerBinary(c *call) ([]value, error) {
	if len(c.in) != 2 || !c.has(0) || !c.has(1) {
		return nil, c.broken("needs two inputs")
	}
	return one(c.binary(binaryKind(c.n.op), c.in[0], c.in[1]))
}

func lowerSum(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, c.broken("adds nothing")
	}
	v := c.in[0]
	for k, next := range c.in[1:] {
		if !next.known {
			return nil, c.broken("input %d is missing", k+1)
		}
		var err error
		if v, err = c.binary(net.Add, v, next); err != nil {
			return nil, err
		}
	}
	return []value{v}, nil
}

// binary combines two values of which at least one is an activation.
func (c *call) binary(kind net.BinaryKind, a, b value) (value, error) {
	switch {
	case a.konst == nil && b.konst == nil:
		return c.combineImages(kind, a, b)
	case b.konst != nil && a.konst == nil:
		return c.withConstant(kind, a, *b.konst)
	case a.konst != nil && b.konst == nil:
		return c.fromConstant(kind, *a.konst, b)
	}
	return value{}, c.unsupported("", "combines two constants")
}

// withConstant is image ∘ constant.
func (c *call) withConstant(kind net.BinaryKind, v value, a array) (value, error) {
	t, err := c.perChannel(v, a)
	if err != nil {
		return v, err
	}
	switch kind {
	case net.Add:
		return c.pointwise(&net.Affine{Bias: t}, v)
	case net.Sub:
		return c.pointwise(&net.Affine{Bias: mapped(t, func(x float32) float32 { return -x })}, v)
	case net.Mul:
		return c.pointwise(&net.Affine{Scale: t}, v)
	}
	return c.pointwise(&net.Affine{Scale: mapped(t, func(x float32) float32 { return 1 / x })}, v)
}

// fromConstant is constant ∘ image.
func (c *call) fromConstant(kind net.BinaryKind, a array, v value) (value, error) {
	t, err := c.perChannel(v, a)
	if err != nil {
		return v, err
	}
	switch kind {
	case net.Add:
		return c.pointwise(&net.Affine{Bias: t}, v)
	case net.Sub:
		return c.pointwise(&net.Affine{Scale: mapped(t, func(float32) float32 { return -1 }), Bias: t}, v)
	case net.Mul:
		return c.pointwise(&net.Affine{Scale: t}, v)
	}
	return v, c.unsupported("", "divides a constant by an image")
}

func mapped(t *net.Tensor, f func(float32) float32) *net.Tensor {
	out := &net.Tensor{Shape: t.Shape, Data: make([]float32, len(t.Data))}
	for k, v := range t.Data {
		out.Data[k] = f(v)
	}
	return out
}

// perChannel spreads a constant over the channels of v. It must not vary from pixel to pixel.
func (c *call) perChannel(v value, a array) (*net.Tensor, error) {
	steps, ok := broadcastSteps(a.dims, v.dims)
	channels, dim := c.l.shapes[v.node].C, c.l.channelDim(v)
	if a.size() == 0 {
		return nil, c.broken("combines with an empty constant")
	}
	if err := c.spend(a.dims); err != nil { // it is looked through, by every node that reads it
		return nil, err
	}
	t := &net.Tensor{Shape: []int{channels}, Data: make([]float32, channels)}
	if uniform(a) && (ok || a.size() == 1 && len(a.dims) <= len(v.dims)) {
		for k := range channels {
			t.Data[k] = a.at(0)
		}
		return t, nil
	}
	for i := range steps {
		ok = ok && (steps[i] == 0 || i == dim || v.dims[i] == 1)
	}
	if !ok || dim < 0 {
		return nil, c.unsupported("", "combines an image of %v with a constant of %v; only one value per channel is understood", v.dims, a.dims)
	}
	for k := range channels {
		t.Data[k] = a.at(k * steps[dim])
	}
	return t, nil
}

func uniform(a array) bool {
	for k := range a.size() {
		if a.at(k) != a.at(0) {
			return false
		}
	}
	return true
}

// combineImages combines two activations, which may be broadcast: over pixels as the network does,
// over channels through a convolution with ones, which is exact.
func (c *call) combineImages(kind net.BinaryKind, a, b value) (value, error) {
	l := c.l
	alike := slices.Equal(a.dims, b.dims) && l.shapes[a.node] == l.shapes[b.node] &&
		slices.Equal(l.solid(a, a.order), l.solid(b, b.order))
	if alike {
		node, err := c.add(&net.Binary{Kind: kind}, a.node, b.node)
		return l.same(node, a, nil), err
	}
	pa, okA := l.axesOf(a)
	pb, okB := l.axesOf(b)
	if !okA || !okB || !slices.Equal(pa, pb) {
		return a, c.unsupported("", "combines images of %v and %v in different layouts", a.dims, b.dims)
	}
	na, err := c.spreadChannels(a.node, l.shapes[b.node].C)
	if err != nil {
		return a, err
	}
	nb, err := c.spreadChannels(b.node, l.shapes[a.node].C)
	if err != nil {
		return a, err
	}
	node, err := c.add(&net.Binary{Kind: kind}, na, nb)
	if err != nil {
		return a, err
	}
	return l.same(node, a, pa), nil
}

func (c *call) spreadChannels(node, channels int) (int, error) {
	if c.l.shapes[node].C != 1 || channels == 1 {
		return node, nil
	}
	w := &net.Tensor{Shape: []int{channels, 1, 1, 1}, Data: slices.Repeat([]float32{1}, channels)}
	return c.add(conv1(w, nil), node)
}

func lowerClip(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	lo, hi := c.float("min", float32(math.Inf(-1))), c.float("max", float32(math.Inf(1)))
	for k, bound := range []*float32{&lo, &hi} {
		if !c.has(k + 1) {
			continue
		}
		a, err := c.constant(k + 1)
		if err != nil {
			return nil, err
		}
		if a.size() != 1 {
			return nil, c.broken("a bound of %d values", a.size())
		}
		*bound = a.at(0)
	}
	return one(c.clip(v, lo, hi))
}

func (c *call) clip(v value, lo, hi float32) (value, error) {
	switch inf := math.IsInf(float64(hi), 1) || hi == math.MaxFloat32; {
	case inf && lo == 0:
		return c.pointwise(&net.Activation{Act: net.Act{Kind: net.ReLU}}, v)
	case inf && (math.IsInf(float64(lo), -1) || lo == -math.MaxFloat32):
		return v, nil
	}
	return c.pointwise(&net.Activation{Act: net.Act{Kind: net.Clip, Alpha: lo, Beta: hi}}, v)
}

// lowerMinMax understands bounds that are numbers.
func lowerMinMax(c *call) ([]value, error) {
	if len(c.in) != 2 || !c.has(0) || !c.has(1) {
		return nil, c.unsupported("", "of %d inputs; only an image and a number are understood", len(c.in))
	}
	v, bound := c.in[0], c.in[1].konst
	if bound == nil {
		v, bound = c.in[1], c.in[0].konst
	}
	if bound == nil || bound.size() != 1 {
		return nil, c.unsupported("", "of two images; only an image and a number are understood")
	}
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	if c.n.op == "Max" {
		lo = bound.at(0)
	} else {
		hi = bound.at(0)
	}
	return one(c.clip(v, lo, hi))
}

func lowerNeg(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	return one(c.withConstant(net.Mul, v, array{dims: []int{}, f: []float32{-1}}))
}

func lowerPow(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	e, err := c.constant(1)
	if err != nil {
		return nil, err
	}
	if e.size() != 1 || e.at(0) != 2 {
		return nil, c.unsupported("", "only squares are understood")
	}
	return one(c.combineImages(net.Mul, v, v))
}

// lowerPRelu splits x into its positive and its negative part, unless one slope serves all channels.
func lowerPRelu(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	slope, err := c.constant(1)
	if err != nil {
		return nil, err
	}
	if err := c.spend(slope.dims); err != nil {
		return nil, err
	}
	if slope.size() > 0 && uniform(slope) {
		return one(c.pointwise(&net.Activation{Act: net.Act{Kind: net.LeakyReLU, Alpha: slope.at(0)}}, v))
	}
	t, err := c.perChannel(v, slope)
	if err != nil {
		return nil, err
	}
	positive, err := c.pointwise(&net.Activation{Act: net.Act{Kind: net.ReLU}}, v)
	if err != nil {
		return nil, err
	}
	negative, err := c.pointwise(&net.Activation{Act: net.Act{Kind: net.Clip, Alpha: float32(math.Inf(-1))}}, v)
	if err != nil {
		return nil, err
	}
	if negative, err = c.pointwise(&net.Affine{Scale: t}, negative); err != nil {
		return nil, err
	}
	return one(c.combineImages(net.Add, positive, negative))
}

// lowerTanh is 2·sigmoid(2x) − 1.
func lowerTanh(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	channels := c.l.shapes[v.node].C
	all := func(x float32) *net.Tensor {
		return &net.Tensor{Shape: []int{channels}, Data: slices.Repeat([]float32{x}, channels)}
	}
	for _, op := range []net.Op{
		&net.Affine{Scale: all(2)}, &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, &net.Affine{Scale: all(2), Bias: all(-1)},
	} {
		if v, err = c.pointwise(op, v); err != nil {
			return nil, err
		}
	}
	return []value{v}, nil
}
