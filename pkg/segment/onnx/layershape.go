package onnx

import (
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// seen is a value with other dimensions in the file's eyes; the network does not change.
func seen(v value, dims []int) ([]value, error) {
	v.dims = dims
	return []value{v}, nil
}

func lowerReshape(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.reshapedDims(v.dims)
	if err != nil {
		return nil, err
	}
	return seen(v, dims)
}

func lowerFlatten(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.flattened(v.dims)
	if err != nil {
		return nil, err
	}
	return seen(v, dims)
}

func lowerSqueeze(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.squeezed(v.dims)
	if err != nil {
		return nil, err
	}
	return seen(v, dims)
}

func lowerUnsqueeze(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.unsqueezed(v.dims)
	if err != nil {
		return nil, err
	}
	return seen(v, dims)
}

// lowerTranspose changes the order in which the file sees the axes.
func lowerTranspose(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	perm, err := c.permutation(len(v.dims))
	if err != nil {
		return nil, err
	}
	groups, ok := c.l.groups(v)
	if axes, image := c.l.axesOf(v); image {
		groups, ok = [][]base{{axes[0]}, {axes[1]}, {axes[2]}, {axes[3]}}, true
	}
	if !ok {
		return nil, c.unsupported("", "permutes dimensions %v, which split an axis of the image", v.dims)
	}
	out := value{known: true, node: v.node, dims: make([]int, len(perm))}
	order := make([]base, 0, 4)
	for i, p := range perm {
		out.dims[i] = v.dims[p]
		order = append(order, groups[p]...)
	}
	copy(out.order[:], order)
	return []value{out}, nil
}

func lowerConcat(c *call) ([]value, error) {
	if len(c.in) == 1 {
		return one(c.activation(0))
	}
	first, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.int("axis", 1), 4)
	if err != nil {
		return nil, err
	}
	if axes[axis] != axisC {
		return nil, c.unsupported("", "joins images along dimension %d of %v; only channels can be joined", axis, first.dims)
	}
	nodes := make([]int, len(c.in))
	for k := range c.in {
		v, own, err := c.placed(k)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(own, axes) {
			return nil, c.unsupported("", "joins images of %v and %v in different layouts", first.dims, v.dims)
		}
		nodes[k] = v.node
	}
	node, err := c.add(&net.Concat{}, nodes...)
	if err != nil {
		return nil, err
	}
	return []value{c.l.same(node, first, axes)}, nil
}

func lowerSplit(c *call) ([]value, error) {
	v, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.int("axis", 0), 4)
	if err != nil {
		return nil, err
	}
	if axes[axis] != axisC {
		return nil, c.unsupported("", "splits dimension %d of %v; only channels can be split", axis, v.dims)
	}
	parts, err := c.splitSizes(v.dims[axis])
	if err != nil {
		return nil, err
	}
	out, first := make([]value, len(parts)), 0
	for k, size := range parts {
		node, err := c.add(&net.Slice{C0: first, C1: first + size}, v.node)
		if err != nil {
			return nil, err
		}
		out[k] = c.l.same(node, v, axes)
		first += size
	}
	return out, nil
}

func lowerSlice(c *call) ([]value, error) {
	v, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	cuts, err := c.cuts(v.dims)
	if err != nil {
		return nil, err
	}
	box, step := net.Slice{}, net.Pair{Y: 1, X: 1}
	for _, k := range cuts {
		if k.step < 1 || (k.step > 1 && axes[k.axis] < axisH) || k.step > 1<<12 {
			return nil, c.unsupported("", "steps by %d along dimension %d of %v", k.step, k.axis, v.dims)
		}
		if k.count == 0 {
			return nil, c.unsupported("use a larger input", "keeps nothing of dimension %d of %v", k.axis, v.dims)
		}
		last := k.first + (k.count-1)*k.step + 1
		switch axes[k.axis] {
		case axisC:
			box.C0, box.C1 = k.first, last
		case axisH:
			box.Y0, box.Y1, step.Y = k.first, last-v.dims[k.axis], k.step
		case axisW:
			box.X0, box.X1, step.X = k.first, last-v.dims[k.axis], k.step
		}
	}
	node, err := c.cutOut(v.node, box, step)
	if err != nil {
		return nil, err
	}
	return []value{c.l.same(node, v, axes)}, nil
}

// cutOut adds a slice and, for steps, a pool of single pixels.
func (c *call) cutOut(node int, box net.Slice, step net.Pair) (int, error) {
	s := c.l.shapes[node]
	if box.C1 == s.C {
		box.C1 = 0
	}
	var err error
	if box != (net.Slice{}) {
		if node, err = c.add(&box, node); err != nil {
			return 0, err
		}
	}
	if step == (net.Pair{Y: 1, X: 1}) {
		return node, nil
	}
	return c.add(&net.Pool{Kind: net.MaxPool, Kernel: net.Pair{Y: 1, X: 1}, Stride: step, Dilation: net.Pair{Y: 1, X: 1}}, node)
}

// lowerGather understands the choice of one channel.
func lowerGather(c *call) ([]value, error) {
	v, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	index, err := c.constant(1)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.int("axis", 0), 4)
	if err != nil {
		return nil, err
	}
	if axes[axis] == axisN && index.size() == 1 && index.at(0) == 0 {
		return seen(v, slices.Concat(v.dims[:axis], index.dims, v.dims[axis+1:]))
	}
	if axes[axis] != axisC || index.size() != 1 || len(index.dims) > 1 {
		return nil, c.unsupported("", "gathers %d elements of dimension %d of %v; only one channel can be chosen", index.size(), axis, v.dims)
	}
	k := index.ints()[0]
	if k < 0 {
		k += int64(v.dims[axis])
	}
	if k < 0 || k >= int64(v.dims[axis]) {
		return nil, c.broken("gathers channel %d of %d", k, v.dims[axis])
	}
	node, err := c.cutOut(v.node, net.Slice{C0: int(k), C1: int(k) + 1}, net.Pair{Y: 1, X: 1})
	if err != nil {
		return nil, err
	}
	out := c.l.same(node, v, axes)
	out.dims = slices.Concat(out.dims[:axis], index.dims, out.dims[axis+1:])
	return []value{out}, nil
}

// lowerExpand understands repeating a single pixel over a plane.
func lowerExpand(c *call) ([]value, error) {
	v, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	shape, err := c.constant(1)
	if err != nil {
		return nil, err
	}
	target, err := c.dimensions(shape.ints())
	if err != nil {
		return nil, err
	}
	dims, ok := broadcast(v.dims, target)
	if !ok || len(dims) != 4 {
		return nil, c.unsupported("", "expands %v to %v", v.dims, target)
	}
	if slices.Equal(dims, v.dims) {
		return []value{v}, nil
	}
	var size [4]int
	for i, a := range axes {
		size[a] = dims[i]
	}
	if s := c.l.shapes[v.node]; s.H != 1 || s.W != 1 || size[axisN] != 1 || size[axisC] != s.C {
		return nil, c.unsupported("", "expands %v to %v; only single pixels can be repeated", v.dims, target)
	}
	node, err := c.add(&net.Resize{Mode: net.Nearest, Coord: net.Asymmetric, Round: net.Floor, Size: net.Pair{Y: size[axisH], X: size[axisW]}}, v.node)
	if err != nil {
		return nil, err
	}
	return []value{c.l.same(node, v, axes)}, nil
}
