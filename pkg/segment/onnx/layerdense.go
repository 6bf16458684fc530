package onnx

import (
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// lowerGemm makes a fully connected layer a convolution whose kernel is the whole plane.
func lowerGemm(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	w, err := c.tensor(1, 2)
	if err != nil {
		return nil, err
	}
	if c.int("transA", 0) != 0 || len(v.dims) != 2 {
		return nil, c.unsupported("", "multiplies an image of dimensions %v", v.dims)
	}
	m := array{dims: w.Shape, f: w.Data}
	if c.int("transB", 0) == 0 {
		if err := c.spend(m.dims); err != nil {
			return nil, err
		}
		m = m.transposed([]int{1, 0})
	}
	bias, err := c.gemmBias(m.dims[0])
	if err != nil {
		return nil, err
	}
	if alpha := c.float("alpha", 1); alpha != 1 {
		if err := c.spend(m.dims); err != nil {
			return nil, err
		}
		m = array{dims: m.dims, f: scaledBy(m.f, alpha)}
	}
	return c.dense(v, m, bias)
}

func scaledBy(v []float32, by float32) []float32 {
	out := make([]float32, len(v))
	for k := range v {
		out[k] = v[k] * by
	}
	return out
}

func (c *call) gemmBias(outputs int) (*net.Tensor, error) {
	if !c.has(2) {
		return nil, nil
	}
	a, err := c.constant(2)
	if err != nil {
		return nil, err
	}
	steps, ok := broadcastSteps(a.dims, []int{1, outputs})
	if !ok || !a.isFloat() {
		return nil, c.broken("its bias has dimensions %v for %d outputs", a.dims, outputs)
	}
	bias := &net.Tensor{Shape: []int{outputs}, Data: make([]float32, outputs)}
	for k := range outputs {
		bias.Data[k] = a.f[k*steps[1]] * c.float("beta", 1)
	}
	return bias, nil
}

// dense multiplies a flattened image with m, [outputs, inputs].
func (c *call) dense(v value, m array, bias *net.Tensor) ([]value, error) {
	sizes := c.l.sizesOf(v)
	if v.dims[1] != m.dims[1] || v.dims[0] != 1 || product(sizes[:]) != m.dims[1] {
		return nil, c.broken("multiplies %v with %d inputs", v.dims, m.dims[1])
	}
	if m.size() == 0 {
		return nil, c.broken("has an empty weight")
	}
	dims := []int{m.dims[0]}
	for _, a := range v.order {
		if a != axisN {
			dims = append(dims, sizes[a])
		}
	}
	w := m.reshaped(dims)
	if !slices.Equal(c.l.solid(v, v.order), c.l.solid(v, nchw)) {
		if err := c.spend(dims); err != nil {
			return nil, err
		}
		w = w.transposed(toCHW(v.order))
	}
	w.dims = []int{m.dims[0], sizes[axisC], sizes[axisH], sizes[axisW]}
	node, err := c.add(conv1(&net.Tensor{Shape: w.dims, Data: w.f}, bias), v.node)
	if err != nil {
		return nil, err
	}
	out := c.l.fresh(node)
	out.dims = out.dims[:2]
	return []value{out}, nil
}

// toCHW is the permutation of [outputs, axes in memory order] to [outputs, C, H, W].
func toCHW(order [4]base) []int {
	perm := make([]int, 4)
	at := 1
	for _, a := range order {
		if a != axisN {
			perm[a] = at
			at++
		}
	}
	return perm
}

// conv1 is a convolution without stride or padding.
func conv1(w, bias *net.Tensor) *net.Conv {
	return &net.Conv{Weight: w, Bias: bias, Stride: net.Pair{Y: 1, X: 1}, Dilation: net.Pair{Y: 1, X: 1}, Groups: 1}
}

// lowerMatMul understands a constant matrix on the right of the channels: a 1×1 convolution, or on
// the right of a flattened image.
func lowerMatMul(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	w, err := c.tensor(1, 2)
	if err != nil {
		return nil, err
	}
	if err := c.spend(w.Shape); err != nil {
		return nil, err
	}
	m := array{dims: w.Shape, f: w.Data}.transposed([]int{1, 0})
	if len(v.dims) == 2 {
		return c.dense(v, m, nil)
	}
	last := len(v.dims) - 1
	if last < 0 || c.l.channelDim(v) != last || v.dims[last] != m.dims[1] {
		return nil, c.unsupported("", "multiplies an image of dimensions %v with a matrix of %v", v.dims, w.Shape)
	}
	node, err := c.add(conv1(&net.Tensor{Shape: []int{m.dims[0], m.dims[1], 1, 1}, Data: m.f}, nil), v.node)
	if err != nil {
		return nil, err
	}
	out := c.l.same(node, v, nil)
	out.dims[last] = m.dims[0]
	return []value{out}, nil
}

// lowerDepthToSpace makes a rearrangement a transposed convolution with one weight of 1 per channel.
func lowerDepthToSpace(c *call) ([]value, error) {
	v, err := c.image(0)
	if err != nil {
		return nil, err
	}
	r, channels := int(c.int("blocksize", 0)), c.l.shapes[v.node].C
	if r < 1 || r > 64 || channels%(r*r) != 0 {
		return nil, c.broken("blocks of %d from %d channels", r, channels)
	}
	out := channels / (r * r)
	dims := []int{channels, out, r, r}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	w := &net.Tensor{Shape: dims, Data: make([]float32, product(dims))}
	for i := range channels {
		o, block := i%out, i/out // DCR: block, then channel
		if c.text("mode", "DCR") == "CRD" {
			o, block = i/(r*r), i%(r*r)
		}
		w.Data[(i*out+o)*r*r+block] = 1
	}
	return c.append(&net.ConvTranspose{Weight: w, Stride: net.Pair{Y: r, X: r}, Dilation: net.Pair{Y: 1, X: 1}, Groups: 1}, v.node)
}
