package onnx

import (
	"math"
	"slices"
)

// cut is one axis of a Slice, resolved: from first, count elements, by step.
type cut struct{ axis, first, count, step int }

// cuts resolves starts, ends, axes and steps: attributes up to opset 9, inputs since.
func (c *call) cuts(dims []int) ([]cut, error) {
	starts, err := c.list("starts", 1)
	if err != nil {
		return nil, err
	}
	ends, err := c.list("ends", 2)
	if err != nil {
		return nil, err
	}
	list, err := c.list("axes", 3)
	if err != nil {
		return nil, err
	}
	steps, err := c.list("steps", 4)
	if err != nil {
		return nil, err
	}
	if list == nil {
		for k := range starts {
			list = append(list, int64(k))
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int64{1}, len(starts))
	}
	if len(starts) != len(ends) || len(starts) != len(list) || len(starts) != len(steps) {
		return nil, c.broken("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(list), len(steps))
	}
	axes, err := c.axes(list, len(dims))
	if err != nil {
		return nil, err
	}
	out := make([]cut, len(axes))
	for k, a := range axes {
		if steps[k] == 0 || steps[k] > math.MaxInt32 || steps[k] < -math.MaxInt32 {
			return nil, c.broken("steps by %d", steps[k])
		}
		out[k] = resolveCut(a, dims[a], starts[k], ends[k], int(steps[k]))
	}
	return out, nil
}

// resolveCut clamps as the specification of Slice says.
func resolveCut(axis, size int, start, end int64, step int) cut {
	lo, hi := int64(0), int64(size)
	if step < 0 {
		lo, hi = -1, int64(size)-1
	}
	resolve := func(v int64) int {
		if v < 0 {
			v += int64(size)
		}
		return int(max(lo, min(v, hi)))
	}
	if step < 0 {
		// The first element of a backward cut is an element, so it is not clamped below 0 but for
		// an empty result, which the count shows.
		first, last := resolve(start), resolve(end)
		return cut{axis, max(first, 0), max(0, (first-last-step-1)/-step), step}
	}
	first, last := resolve(start), resolve(end)
	return cut{axis, first, max(0, (last-first+step-1)/step), step}
}

func foldSlice(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	cuts, err := c.cuts(a.dims)
	if err != nil {
		return nil, err
	}
	dims, steps, start := slices.Clone(a.dims), strides(a.dims), 0
	for _, k := range cuts {
		start += k.first * steps[k.axis]
		dims[k.axis] = k.count
		steps[k.axis] *= k.step
	}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	return result(a.gathered(dims, indexer(dims, steps, start)))
}
