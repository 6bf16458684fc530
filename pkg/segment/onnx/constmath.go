package onnx

import (
	"errors"
	"math"
	"slices"
)

var errDivision = errors.New("divides by zero")

// arithmetic is the table of element-wise operations on constants.
func arithmetic(op string) (lowering, bool) {
	if f, ok := binaries()[op]; ok {
		return func(c *call) ([]value, error) { return c.foldBinary(f) }, true
	}
	if f, ok := unaries()[op]; ok {
		return func(c *call) ([]value, error) { return c.foldUnary(f) }, true
	}
	return nil, false
}

// numeric computes on floats and on integers. Comparisons return 0 or 1 as integers.
type numeric struct {
	f       func(a, b float64) float64
	i       func(a, b int64) (int64, error)
	logical bool
}

func binaries() map[string]numeric {
	plain := func(f func(a, b float64) float64, i func(a, b int64) int64) numeric {
		return numeric{f: f, i: func(a, b int64) (int64, error) { return i(a, b), nil }}
	}
	compare := func(f func(sign int) bool) numeric {
		is := func(b bool) int64 {
			if b {
				return 1
			}
			return 0
		}
		return numeric{
			f:       func(a, b float64) float64 { return float64(is(f(order(a, b)))) },
			i:       func(a, b int64) (int64, error) { return is(f(order(a, b))), nil },
			logical: true,
		}
	}
	return map[string]numeric{
		"Add": plain(func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }),
		"Sub": plain(func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b }),
		"Mul": plain(func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }),
		"Div": {f: func(a, b float64) float64 { return a / b }, i: divide},
		"Mod": {f: math.Mod, i: modulo},
		"Pow": plain(math.Pow, func(a, b int64) int64 { return int64(math.Pow(float64(a), float64(b))) }),
		"Min": plain(math.Min, func(a, b int64) int64 { return min(a, b) }),
		"Max": plain(math.Max, func(a, b int64) int64 { return max(a, b) }),
		"And": plain(func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a & b }),
		"Or":  plain(math.Max, func(a, b int64) int64 { return a | b }),

		"Equal":          compare(func(s int) bool { return s == 0 }),
		"Less":           compare(func(s int) bool { return s < 0 }),
		"LessOrEqual":    compare(func(s int) bool { return s <= 0 }),
		"Greater":        compare(func(s int) bool { return s > 0 }),
		"GreaterOrEqual": compare(func(s int) bool { return s >= 0 }),
	}
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// divide rounds towards zero, as ONNX Runtime does.
func divide(a, b int64) (int64, error) {
	if b == 0 {
		return 0, errDivision
	}
	return a / b, nil
}

func modulo(a, b int64) (int64, error) {
	if b == 0 {
		return 0, errDivision
	}
	return ((a % b) + b) % b, nil
}

func (c *call) foldBinary(f numeric) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	for k := 1; k < max(2, len(c.in)); k++ {
		b, err := c.constant(k)
		if err != nil {
			return nil, err
		}
		if a, err = c.combine(a, b, f); err != nil {
			return nil, err
		}
	}
	return result(a)
}

func (c *call) combine(a, b array, f numeric) (array, error) {
	dims, ok := broadcast(a.dims, b.dims)
	if !ok {
		return array{}, c.broken("combines constants of dimensions %v and %v", a.dims, b.dims)
	}
	if err := c.spend(dims); err != nil {
		return array{}, err
	}
	sa, _ := broadcastSteps(a.dims, dims)
	sb, _ := broadcastSteps(b.dims, dims)
	ia, ib := indexer(dims, sa, 0), indexer(dims, sb, 0)
	floats := a.isFloat() || b.isFloat()
	out := array{dims: dims}
	if floats && !f.logical {
		out.f = make([]float32, product(dims))
	} else {
		out.i = make([]int64, product(dims))
	}
	for k := range out.size() {
		switch {
		case !floats:
			v, err := f.i(a.i[ia(k)], b.i[ib(k)])
			if err != nil {
				return array{}, c.broken("%v", err)
			}
			out.i[k] = v
		case f.logical:
			out.i[k] = int64(f.f(float64(a.at(ia(k))), float64(b.at(ib(k)))))
		default:
			out.f[k] = float32(f.f(float64(a.at(ia(k))), float64(b.at(ib(k)))))
		}
	}
	return out, nil
}

func unaries() map[string]func(float64) float64 {
	return map[string]func(float64) float64{
		"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven, "Sqrt": math.Sqrt, "Exp": math.Exp, "Log": math.Log,
		"Abs": math.Abs, "Neg": func(v float64) float64 { return -v },
		"Reciprocal": func(v float64) float64 { return 1 / v },
		"Not": func(v float64) float64 {
			if v == 0 {
				return 1
			}
			return 0
		},
	}
}

func (c *call) foldUnary(f func(float64) float64) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	if err := c.spend(a.dims); err != nil {
		return nil, err
	}
	out := a.like(a.dims)
	for k := range out.f {
		out.f[k] = float32(f(float64(a.f[k])))
	}
	for k := range out.i {
		out.i[k] = int64(f(float64(a.i[k])))
	}
	return result(out)
}

func foldWhere(c *call) ([]value, error) {
	var v [3]array
	for k := range v {
		a, err := c.constant(k)
		if err != nil {
			return nil, err
		}
		v[k] = a
	}
	dims, ok := broadcast(v[1].dims, v[2].dims)
	if ok {
		dims, ok = broadcast(v[0].dims, dims)
	}
	if !ok || v[1].isFloat() != v[2].isFloat() {
		return nil, c.broken("chooses between dimensions %v and %v", v[1].dims, v[2].dims)
	}
	if err := c.spend(dims); err != nil {
		return nil, err
	}
	var at [3]func(int) int
	for k := range v {
		steps, _ := broadcastSteps(v[k].dims, dims)
		at[k] = indexer(dims, steps, 0)
	}
	out := v[1].like(dims)
	for k := range out.size() {
		from := 1
		if v[0].at(at[0](k)) == 0 {
			from = 2
		}
		if out.isFloat() {
			out.f[k] = v[from].f[at[from](k)]
		} else {
			out.i[k] = v[from].i[at[from](k)]
		}
	}
	return result(out)
}

// foldReduce reduces everything, or the axes named, one after another.
func foldReduce(c *call) ([]value, error) {
	a, err := c.constant(0)
	if err != nil {
		return nil, err
	}
	list, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	axes, err := c.axes(list, len(a.dims))
	if err != nil {
		return nil, err
	}
	if list == nil {
		for i := range a.dims {
			axes = append(axes, i)
		}
	}
	if err := c.spend(a.dims); err != nil {
		return nil, err
	}
	f := binaries()[map[string]string{"ReduceProd": "Mul", "ReduceSum": "Add", "ReduceMin": "Min", "ReduceMax": "Max"}[c.n.op]]
	for _, axis := range axes {
		if a.dims[axis] == 0 {
			return nil, c.broken("reduces nothing")
		}
		if a, err = c.reduce(a, axis, f); err != nil {
			return nil, err
		}
	}
	if c.int("keepdims", 1) == 0 {
		dims := make([]int, 0, len(a.dims))
		for i, d := range a.dims {
			if !slices.Contains(axes, i) {
				dims = append(dims, d)
			}
		}
		a = a.reshaped(dims)
	}
	return result(a)
}

func (c *call) reduce(a array, axis int, f numeric) (array, error) {
	own, dims := strides(a.dims), slices.Clone(a.dims)
	dims[axis] = 1
	at := func(k int) array { return a.gathered(dims, indexer(dims, own, k*own[axis])) }
	out := at(0)
	var err error
	for k := 1; k < a.dims[axis] && err == nil; k++ {
		out, err = c.combine(out, at(k), f)
	}
	return out, err
}
