package onnx

import (
	"math"
	"slices"
)

func foldConcat(c *call) ([]value, error) {
	first, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.int("axis", 0), len(first.dims))
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(first.dims)
	dims[axis] = 0
	parts := make([]array, len(c.in))
	for k := range c.in {
		if parts[k], err = c.constant(k); err != nil {
			return nil, err
		}
		d := slices.Clone(parts[k].dims)
		if len(d) == len(dims) {
			dims[axis] += d[axis]
			d[axis] = dims[axis]
		}
		if !slices.Equal(d, dims) || parts[k].isFloat() != first.isFloat() {
			return nil, c.broken("joins constants of dimensions %v and %v", first.dims, parts[k].dims)
		}
	}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	return result(joined(parts, dims, axis))
}

func joined(parts []array, dims []int, axis int) array {
	out := parts[0].like(dims)
	inner := product(dims[axis+1:])
	row := dims[axis] * inner
	at := 0
	for _, p := range parts {
		own := p.dims[axis] * inner
		for k := range p.size() {
			to := k/own*row + at + k%own
			if p.isFloat() {
				out.f[to] = p.f[k]
			} else {
				out.i[to] = p.i[k]
			}
		}
		at += own
	}
	return out
}

func foldReshape(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.reshapedDims(a.dims)
	if err != nil {
		return nil, err
	}
	return result(a.reshaped(dims))
}

// reshapedDims applies Reshape's target, with 0 for "as it was" and −1 for "what is left".
func (c *call) reshapedDims(dims []int) ([]int, error) {
	target, err := c.list("shape", 1)
	if err != nil {
		return nil, err
	}
	if len(target) > 8 {
		return nil, c.broken("reshapes to %d dimensions", len(target))
	}
	out, open, size := make([]int, len(target)), -1, int64(1)
	for i, d := range target {
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d == 0 && c.int("allowzero", 0) == 0 && i < len(dims):
			d = int64(dims[i])
		case d < 0 || d > math.MaxInt32:
			return nil, c.broken("reshapes %v to %v", dims, target)
		}
		if size *= d; size > math.MaxInt32 {
			return nil, c.broken("reshapes %v to %v", dims, target)
		}
		out[i] = int(d)
	}
	total := int64(product(dims))
	if open >= 0 && size > 0 && total%size == 0 {
		out[open], size = int(total/size), total
	}
	if size != total {
		return nil, c.broken("reshapes %v to %v", dims, target)
	}
	return out, nil
}

func foldFlatten(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	dims, err := c.flattened(a.dims)
	if err != nil {
		return nil, err
	}
	return result(a.reshaped(dims))
}

func (c *call) flattened(dims []int) ([]int, error) {
	axis := c.int("axis", 1)
	if axis < 0 {
		axis += int64(len(dims))
	}
	if axis < 0 || axis > int64(len(dims)) {
		return nil, c.broken("flattens at axis %d of %d", axis, len(dims))
	}
	return []int{product(dims[:axis]), product(dims[axis:])}, nil
}

func foldTranspose(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	perm, err := c.permutation(len(a.dims))
	if err != nil {
		return nil, err
	}
	if err := c.spend(a.dims); err != nil {
		return nil, err
	}
	return result(a.transposed(perm))
}

func (c *call) permutation(rank int) ([]int, error) {
	var list []int64
	if a := c.n.attrs["perm"]; a != nil {
		list = a.ints
	} else {
		for i := rank - 1; i >= 0; i-- {
			list = append(list, int64(i))
		}
	}
	perm, err := c.axes(list, rank)
	if err == nil && len(perm) != rank {
		err = c.broken("permutes %d of %d dimensions", len(perm), rank)
	}
	return perm, err
}

func foldRange(c *call) ([]value, error) {
	var v [3]array
	for k := range v {
		a, err := c.constant(k)
		if err != nil {
			return nil, err
		}
		if a.size() != 1 {
			return nil, c.broken("its bounds are no single numbers")
		}
		v[k] = a
	}
	first, limit, step := float64(v[0].at(0)), float64(v[1].at(0)), float64(v[2].at(0))
	n := math.Max(0, math.Ceil((limit-first)/step))
	if step == 0 || !(n < math.MaxInt32) {
		return nil, c.broken("counts from %v to %v by %v", first, limit, step)
	}
	dims := []int{int(n)}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	out := v[0].like(dims)
	for k := range int(n) {
		if out.isFloat() {
			out.f[k] = float32(first + float64(k)*step)
		} else {
			out.i[k] = v[0].i[0] + int64(k)*int64(step)
		}
	}
	return result(out)
}

func foldExpand(c *call) ([]value, error) {
	a, err := c.constant(0)
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
	dims, ok := broadcast(a.dims, target)
	if !ok {
		return nil, c.broken("expands %v to %v", a.dims, target)
	}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	steps, _ := broadcastSteps(a.dims, dims)
	return result(a.gathered(dims, indexer(dims, steps, 0)))
}

func foldTile(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	repeats, err := c.constant(1)
	if err != nil {
		return nil, err
	}
	times, err := c.dimensions(repeats.ints())
	if err != nil {
		return nil, err
	}
	if len(times) != len(a.dims) {
		return nil, c.broken("repeats %v of %v", times, a.dims)
	}
	dims := slices.Clone(a.dims)
	for i, r := range times {
		if r > 0 && dims[i] > math.MaxInt32/r {
			return nil, c.broken("repeats %v of %v", times, a.dims)
		}
		dims[i] *= r
	}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	from, to := strides(a.dims), strides(dims)
	return result(a.gathered(dims, func(k int) int {
		at := 0
		for i := range dims {
			at += k / to[i] % dims[i] % a.dims[i] * from[i]
		}
		return at
	}))
}

func foldSplit(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.int("axis", 0), len(a.dims))
	if err != nil {
		return nil, err
	}
	parts, err := c.splitSizes(a.dims[axis])
	if err != nil {
		return nil, err
	}
	if err := c.spend(a.dims); err != nil {
		return nil, err
	}
	var out []value
	own, at := strides(a.dims), 0
	for _, size := range parts {
		dims := slices.Clone(a.dims)
		dims[axis] = size
		out = append(out, constant(a.gathered(dims, indexer(dims, own, at*own[axis]))))
		at += size
	}
	return out, nil
}

// splitSizes are the parts of an axis: stated, or equal with a smaller last one.
func (c *call) splitSizes(size int) ([]int, error) {
	list, err := c.list("split", 1)
	if err != nil {
		return nil, err
	}
	if list == nil {
		n := int(max(1, min(c.int("num_outputs", int64(len(c.n.out))), 1<<12)))
		each := (size + n - 1) / n
		for left := size; left > 0 && each > 0; left -= each {
			list = append(list, int64(min(each, left)))
		}
	}
	parts, total := make([]int, len(list)), int64(0)
	for k, v := range list {
		if v < 0 || v > int64(size) {
			return nil, c.broken("splits %d into %v", size, list)
		}
		parts[k] = int(v)
		total += v
	}
	if total != int64(size) {
		return nil, c.broken("splits %d into %v", size, list)
	}
	return parts, nil
}
