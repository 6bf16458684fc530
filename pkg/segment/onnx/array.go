package onnx

import "slices"

// array is a constant: floats or integers (booleans are 0 and 1), row-major. Its data is shared and
// never written after it was made.
type array struct {
	dims []int
	f    []float32
	i    []int64
}

func (a array) isFloat() bool { return a.f != nil || a.i == nil }

func (a array) size() int { return max(len(a.f), len(a.i)) }

func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}

func vectorOf(v []int) array {
	a := array{dims: []int{len(v)}, i: make([]int64, len(v))}
	for k, x := range v {
		a.i[k] = int64(x)
	}
	return a
}

// at is element k as a float.
func (a array) at(k int) float32 {
	if a.isFloat() {
		return a.f[k]
	}
	return float32(a.i[k])
}

// ints is the data as integers; floats are truncated.
func (a array) ints() []int64 {
	if !a.isFloat() {
		return a.i
	}
	out := make([]int64, len(a.f))
	for k, v := range a.f {
		out[k] = int64(v)
	}
	return out
}

// floats is the data as floats.
func (a array) floats() []float32 {
	if a.isFloat() {
		return a.f
	}
	out := make([]float32, len(a.i))
	for k, v := range a.i {
		out[k] = float32(v)
	}
	return out
}

// like is an array of other dimensions and the same kind, of zeros.
func (a array) like(dims []int) array {
	out := array{dims: dims}
	if a.isFloat() {
		out.f = make([]float32, product(dims))
	} else {
		out.i = make([]int64, product(dims))
	}
	return out
}

// gathered is an array whose element k is element from(k) of a.
func (a array) gathered(dims []int, from func(int) int) array {
	out := a.like(dims)
	for k := range out.size() {
		if a.isFloat() {
			out.f[k] = a.f[from(k)]
		} else {
			out.i[k] = a.i[from(k)]
		}
	}
	return out
}

func (a array) reshaped(dims []int) array { return array{dims, a.f, a.i} }

// strides are the row-major strides of dimensions.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	step := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = step
		step *= dims[i]
	}
	return s
}

// indexer maps a flat index over dims to a sum of coordinates times steps, plus start.
func indexer(dims, steps []int, start int) func(int) int {
	own := strides(dims)
	return func(k int) int {
		at := start
		for i := range dims {
			at += k / own[i] % dims[i] * steps[i]
		}
		return at
	}
}

func (a array) transposed(perm []int) array {
	own := strides(a.dims)
	dims, steps := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		dims[i], steps[i] = a.dims[p], own[p]
	}
	return a.gathered(dims, indexer(dims, steps, 0))
}

// broadcastSteps are the strides with which an array of dims is read under the shape out; false if it
// does not broadcast to it.
func broadcastSteps(dims, out []int) ([]int, bool) {
	if len(dims) > len(out) {
		return nil, false
	}
	own, steps := strides(dims), make([]int, len(out))
	off := len(out) - len(dims)
	for i, d := range dims {
		switch {
		case d == out[off+i]:
			steps[off+i] = own[i]
		case d != 1:
			return nil, false
		}
	}
	return steps, true
}

// broadcast is the common shape of two operands.
func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		switch {
		case out[off+i] == d || d == 1:
		case out[off+i] == 1:
			out[off+i] = d
		default:
			return nil, false
		}
	}
	return out, true
}
