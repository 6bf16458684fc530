package onnx

import "slices"

// base is an axis of an activation of the network.
type base uint8

const (
	axisN base = iota
	axisC
	axisH
	axisW
)

var (
	nchw = [4]base{axisN, axisC, axisH, axisW}
	nhwc = [4]base{axisN, axisH, axisW, axisC}
)

// sizesOf are the sizes of the base axes of an activation.
func (l *lowerer) sizesOf(v value) [4]int {
	s := l.shapes[v.node]
	return [4]int{1, s.C, s.H, s.W}
}

// fresh is a node of the network seen as N×C×H×W.
func (l *lowerer) fresh(node int) value {
	s := l.shapes[node]
	return value{known: true, node: node, dims: []int{1, s.C, s.H, s.W}, order: nchw}
}

// same is a node that has the layout of an earlier value, with its own sizes.
func (l *lowerer) same(node int, like value, axes []base) value {
	v := value{known: true, node: node, order: like.order, dims: slices.Clone(like.dims)}
	if axes != nil {
		sizes := l.sizesOf(v)
		copy(v.order[:], axes)
		for i, a := range axes {
			v.dims[i] = sizes[a]
		}
	}
	return v
}

// solid is the order of the axes that are longer than 1: what transposing and reshaping are about.
func (l *lowerer) solid(v value, order [4]base) []base {
	sizes, out := l.sizesOf(v), make([]base, 0, 4)
	for _, a := range order {
		if sizes[a] > 1 {
			out = append(out, a)
		}
	}
	return out
}

// axesOf says which base axis each of four dimensions is. Axes of length 1 may be read in any place.
func (l *lowerer) axesOf(v value) ([]base, bool) {
	if len(v.dims) != 4 {
		return nil, false
	}
	sizes, want := l.sizesOf(v), l.solid(v, v.order)
	for _, order := range [][4]base{v.order, nchw, nhwc} {
		fits := slices.Equal(l.solid(v, order), want)
		for i, a := range order {
			fits = fits && v.dims[i] == sizes[a]
		}
		if fits {
			return order[:], true
		}
	}
	return nil, false
}

// image is input i, which must be seen as N×C×H×W.
func (c *call) image(i int) (value, error) {
	v, err := c.activation(i)
	if err != nil {
		return v, err
	}
	if axes, ok := c.l.axesOf(v); !ok || !slices.Equal(axes, nchw[:]) {
		return v, c.unsupported("export in N×C×H×W layout", "its input has the layout %v of an image %v", v.dims, c.l.sizesOf(v))
	}
	return v, nil
}

// placed is input i with the base axis of each dimension.
func (c *call) placed(i int) (value, []base, error) {
	v, err := c.activation(i)
	if err != nil {
		return v, nil, err
	}
	axes, ok := c.l.axesOf(v)
	if !ok {
		return v, nil, c.unsupported("", "its input of dimensions %v is no image any more", v.dims)
	}
	return v, axes, nil
}

// groups splits the base axes, in memory order, over the dimensions of a value: dimension i is the
// product of the axes in group i.
func (l *lowerer) groups(v value) ([][]base, bool) {
	sizes, rest := l.sizesOf(v), v.order[:]
	out := make([][]base, len(v.dims))
	for i, d := range v.dims {
		got := 1
		for len(rest) > 0 && (got < d || (d == 1 && len(out[i]) == 0 && sizes[rest[0]] == 1)) {
			got *= sizes[rest[0]]
			out[i], rest = append(out[i], rest[0]), rest[1:]
		}
		if got != d {
			return nil, false
		}
	}
	for _, a := range rest {
		if sizes[a] != 1 || len(out) == 0 {
			return nil, false
		}
		out[len(out)-1] = append(out[len(out)-1], a)
	}
	return out, true
}

// channelDim is the dimension that is the channels and nothing else, −1 if there is none.
func (l *lowerer) channelDim(v value) int {
	groups, ok := l.groups(v)
	if !ok {
		return -1
	}
	sizes := l.sizesOf(v)
	for i, g := range groups {
		if slices.Contains(g, axisC) && v.dims[i] == sizes[axisC] {
			return i
		}
	}
	return -1
}
