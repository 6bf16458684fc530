package onnx

import "slices"

// folding is the table of what can be computed from constants: mostly the arithmetic on shapes that
// exporters write around Resize, Pad and Reshape.
func folding(op string) (lowering, bool) {
	if f, ok := arithmetic(op); ok {
		return f, true
	}
	f, ok := map[string]lowering{
		"Constant": foldConstant, "Identity": foldIdentity, "Dropout": foldIdentity,
		"Shape": foldShape, "Size": foldSize, "Gather": foldGather, "Cast": foldCast, "CastLike": foldIdentity,
		"Unsqueeze": foldUnsqueeze, "Squeeze": foldSqueeze, "ConstantOfShape": foldConstantOfShape,
		"Slice": foldSlice, "Concat": foldConcat, "Reshape": foldReshape, "Flatten": foldFlatten,
		"Transpose": foldTranspose, "Range": foldRange, "Expand": foldExpand, "Tile": foldTile,
		"Split": foldSplit, "Where": foldWhere,
		"ReduceProd": foldReduce, "ReduceSum": foldReduce, "ReduceMin": foldReduce, "ReduceMax": foldReduce,
	}[op]
	return f, ok
}

func result(a array) ([]value, error) { return []value{constant(a)}, nil }

func foldConstant(c *call) ([]value, error) {
	for name, a := range c.n.attrs {
		switch name {
		case "value":
			if a.t == nil {
				return nil, c.broken("has no value")
			}
			v, err := a.t.array()
			if err != nil {
				return nil, err
			}
			return result(v)
		case "value_float":
			return result(array{dims: []int{}, f: []float32{a.f}})
		case "value_floats":
			return result(array{dims: []int{len(a.floats)}, f: a.floats})
		case "value_int":
			return result(array{dims: []int{}, i: []int64{a.i}})
		case "value_ints":
			return result(array{dims: []int{len(a.ints)}, i: a.ints})
		}
	}
	return nil, c.unsupported("", "a constant that is neither a tensor nor a number")
}

func foldIdentity(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	return result(a)
}

// dimsOf are the dimensions of input 0, activation or constant.
func (c *call) dimsOf() ([]int, error) {
	if !c.has(0) {
		return nil, c.broken("input 0 is missing")
	}
	if k := c.in[0].konst; k != nil {
		return k.dims, nil
	}
	return c.in[0].dims, nil
}

func foldShape(c *call) ([]value, error) {
	dims, err := c.dimsOf()
	if err != nil {
		return nil, err
	}
	first, last := clampIndex(c.int("start", 0), len(dims)), clampIndex(c.int("end", int64(len(dims))), len(dims))
	return result(vectorOf(dims[first:max(first, last)]))
}

// clampIndex resolves a possibly negative index into [0, size].
func clampIndex(i int64, size int) int {
	if i < 0 {
		i += int64(size)
	}
	return int(max(0, min(i, int64(size))))
}

func foldSize(c *call) ([]value, error) {
	dims, err := c.dimsOf()
	if err != nil {
		return nil, err
	}
	return result(array{dims: []int{}, i: []int64{int64(product(dims))}})
}

func foldGather(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	index, err := c.constant(1)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.int("axis", 0), len(a.dims))
	if err != nil {
		return nil, err
	}
	dims := slices.Concat(a.dims[:axis], index.dims, a.dims[axis+1:])
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	picks := slices.Clone(index.ints())
	for k, p := range picks {
		if p < 0 {
			p += int64(a.dims[axis])
		}
		if p < 0 || p >= int64(a.dims[axis]) {
			return nil, c.broken("gathers element %d of %d", index.ints()[k], a.dims[axis])
		}
		picks[k] = p
	}
	inner := product(a.dims[axis+1:])
	return result(a.gathered(dims, func(k int) int {
		outer, p, in := k/inner/len(picks), k/inner%len(picks), k%inner
		return (outer*a.dims[axis]+int(picks[p]))*inner + in
	}))
}

func foldCast(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	switch to := c.int("to", 0); {
	case width(to) == 0:
		return nil, c.unsupported("", "casts to type %d", to)
	case isFloat(to):
		return result(array{dims: a.dims, f: a.floats()})
	case to == typeBool:
		return result(truth(a))
	default:
		return result(array{dims: a.dims, i: a.ints()})
	}
}

func truth(a array) array {
	out := array{dims: a.dims, i: make([]int64, a.size())}
	for k := range out.i {
		if a.at(k) != 0 {
			out.i[k] = 1
		}
	}
	return out
}

func foldUnsqueeze(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.unsqueezed(a.dims)
	if err != nil {
		return nil, err
	}
	return result(a.reshaped(dims))
}

func (c *call) unsqueezed(dims []int) ([]int, error) {
	list, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	rank := len(dims) + len(list)
	if rank > 8 {
		return nil, c.broken("%d dimensions", rank)
	}
	axes, err := c.axes(list, rank)
	if err != nil {
		return nil, err
	}
	out, rest := make([]int, rank), dims
	for i := range out {
		if slices.Contains(axes, i) {
			out[i] = 1
		} else {
			out[i], rest = rest[0], rest[1:]
		}
	}
	return out, nil
}

func foldSqueeze(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.squeezed(a.dims)
	if err != nil {
		return nil, err
	}
	return result(a.reshaped(dims))
}

func (c *call) squeezed(dims []int) ([]int, error) {
	list, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	axes, err := c.axes(list, len(dims))
	if err != nil {
		return nil, err
	}
	out := make([]int, 0, len(dims))
	for i, d := range dims {
		drop := slices.Contains(axes, i)
		if drop && d != 1 {
			return nil, c.broken("squeezes axis %d of dimensions %v", i, dims)
		}
		if !drop && (list != nil || d != 1) {
			out = append(out, d)
		}
	}
	return out, nil
}

func foldConstantOfShape(c *call) ([]value, error) {
	shape, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.dimensions(shape.ints())
	if err != nil {
		return nil, err
	}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	fill := array{dims: []int{1}, f: []float32{0}}
	if a := c.n.attrs["value"]; a != nil && a.t != nil {
		if fill, err = a.t.array(); err != nil {
			return nil, err
		}
		if fill.size() != 1 {
			return nil, c.broken("fills with %d values", fill.size())
		}
	}
	return result(fill.gathered(dims, func(int) int { return 0 }))
}
