package net

// Field is the geometry that makes regions exact: a network that runs on a region which begins at
// multiples of Align, and which holds Reach more pixels on each side, computes in the middle what it
// computes on the whole image. All in pixels of the input.
type Field struct {
	Align  Pair     // total stride: what a region may be moved by, and a divisor of its size
	Reach  Padding  // how far an output looks beyond its own place, the worst over all phases
	Stride [2]Ratio // input pixels per output pixel, vertical and horizontal
}

// Halo is the context that a region needs on every side: a multiple of Side.
func (f Field) Halo() int {
	reach, side := max(f.Reach.Top, f.Reach.Left, f.Reach.Bottom, f.Reach.Right), f.Side()
	return (reach + side - 1) / side * side
}

// Side is one alignment for both axes.
func (f Field) Side() int { return int(lcm(int64(f.Align.Y), int64(f.Align.X))) }

// Field computes the receptive field from the graph. It fails with ErrUnbounded, naming the node,
// if an output depends on all of the input or on where the input ends.
//
// Every output pixel of one period is followed back to the closed interval of input pixels that it
// can depend on, through the exact integer arithmetic of each operation: kernels, strides, dilations
// and asymmetric pads, phases of transposed convolutions and resizes. Positions in the padding count,
// on an unbounded plane, so that a region whose halo holds the reach never sees its own borders.
func (n *Net) Field() (Field, error) {
	if err := n.Validate(); err != nil {
		return Field{}, err
	}
	var f Field
	for _, axis := range []Axis{Vertical, Horizontal} {
		t := &tracer{net: n, axis: axis}
		if err := t.trace(); err != nil {
			return Field{}, err
		}
		f.Stride[axis] = t.stride[n.Outputs[0]]
		if axis == Vertical {
			f.Align.Y, f.Reach.Top, f.Reach.Bottom = int(t.align), int(t.before), int(t.after)
		} else {
			f.Align.X, f.Reach.Left, f.Reach.Right = int(t.align), int(t.before), int(t.after)
		}
	}
	return f, nil
}

// maxReach keeps coordinates small enough for the products of exactTap's arithmetic.
const maxReach = 1 << 24

// maxTrace bounds the steps of following every phase through every node: some seconds.
const maxTrace = 1 << 28

// span is a closed interval of coordinates.
type span struct{ lo, hi int64 }

// tracer follows one axis.
type tracer struct {
	net           *Net
	axis          Axis
	stride        []Ratio // input pixels per pixel of each node
	excess        []int64 // size of each node beyond the input's size / stride, for aligned inputs
	live          []bool
	align         int64
	before, after int64
}

func (t *tracer) trace() error {
	t.markLive()
	if err := t.strides(); err != nil {
		return err
	}
	if work := t.align * int64(len(t.net.Nodes)) * int64(len(t.net.Outputs)); work > maxTrace {
		return t.net.at(0, fault("", "a stride of %d over %d nodes and %d outputs is too much to follow", t.align, len(t.net.Nodes), len(t.net.Outputs)))
	}
	for _, o := range t.net.Outputs {
		r := t.stride[o]
		for phase := int64(0); phase*r.Num < t.align*r.Den; phase++ {
			if err := t.follow(o, phase); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tracer) markLive() {
	t.live = make([]bool, len(t.net.Nodes))
	for _, o := range t.net.Outputs {
		t.live[o] = true
	}
	for i := len(t.live) - 1; i >= 0; i-- {
		for _, j := range t.net.Nodes[i].In {
			t.live[j] = t.live[j] || t.live[i]
		}
	}
}

// strides computes every node's scale and the period after which all of them repeat.
func (t *tracer) strides() error {
	t.stride, t.excess, t.align = make([]Ratio, len(t.net.Nodes)), make([]int64, len(t.net.Nodes)), 1
	for i := range t.net.Nodes {
		if !t.live[i] {
			continue
		}
		r, e := t.strideOf(i)
		if e == nil && lcm(t.align, r.Num) > maxRatio {
			e = fault("", "the total stride is beyond %d", maxRatio)
		}
		if e != nil {
			return t.net.at(i, e)
		}
		t.stride[i], t.align = r, lcm(t.align, r.Num)
		if e := t.measure(i); e != nil {
			return t.net.at(i, e)
		}
	}
	return nil
}

func (t *tracer) strideOf(i int) (Ratio, *NodeError) {
	node := &t.net.Nodes[i]
	if i == 0 {
		return Ratio{1, 1}, nil
	}
	r := t.stride[node.In[0]]
	for _, j := range node.In[1:] {
		if t.stride[j] != r {
			return r, fault("", "combines values of strides %v and %v", r, t.stride[j])
		}
	}
	switch op := node.Op.(type) {
	case *Conv:
		return r.times(int64(t.of(op.Stride)), 1)
	case *Pool:
		return r.times(int64(t.of(op.Stride)), 1)
	case *ConvTranspose:
		return r.times(1, int64(t.of(op.Stride)))
	case *Resize:
		scale, e := t.resizeScale(op)
		if e != nil {
			return r, e
		}
		return r.times(scale.Den, scale.Num)
	case *GlobalAvgPool:
		return r, unbounded("it averages the whole plane")
	case *Slice:
		if (t.axis == Vertical && op.Y1 > 0) || (t.axis == Horizontal && op.X1 > 0) {
			return r, unbounded("it cuts at a fixed place")
		}
	}
	return r, nil
}

func unbounded(why string) *NodeError {
	e := fault("regions of this model must overlap and be blended", "%s", why)
	e.Err = ErrUnbounded
	return e
}

func (t *tracer) resizeScale(op *Resize) (Ratio, *NodeError) {
	if op.Size != (Pair{}) {
		return Ratio{}, unbounded("it resizes to a fixed size")
	}
	scale, exact := fraction(op.scale(t.axis))
	if !exact {
		return Ratio{}, unbounded("its scale is no exact fraction")
	}
	if op.Coord == AlignCorners && scale != (Ratio{1, 1}) {
		return Ratio{}, unbounded("align_corners depends on the size of the image")
	}
	return scale, nil
}

func (t *tracer) of(p Pair) int {
	if t.axis == Vertical {
		return p.Y
	}
	return p.X
}

// follow widens the reach by one output pixel.
func (t *tracer) follow(output int, phase int64) error {
	spans := make([]span, len(t.net.Nodes))
	seen := make([]bool, len(t.net.Nodes))
	spans[output], seen[output] = span{phase, phase}, true
	for i := output; i > 0; i-- {
		if !seen[i] {
			continue
		}
		t.domain(i, spans[i], output, phase)
		s := t.back(t.net.Nodes[i].Op, spans[i])
		if s.lo < -maxReach || s.hi > maxReach {
			return t.net.at(i, fault("", "the receptive field is beyond %d pixels", maxReach))
		}
		for _, j := range t.net.Nodes[i].In {
			need := s
			if seen[j] {
				need = span{min(s.lo, spans[j].lo), max(s.hi, spans[j].hi)}
			}
			spans[j], seen[j] = need, true
		}
	}
	if !seen[0] {
		return nil
	}
	t.widen(spans[0], output, phase)
	return nil
}

// widen makes the reach of an output pixel hold a span of input pixels.
func (t *tracer) widen(s span, output int, phase int64) {
	r := t.stride[output]
	first, last := floorDiv(phase*r.Num, r.Den), -floorDiv(-(phase+1)*r.Num, r.Den)-1
	t.before, t.after = max(t.before, first-s.lo), max(t.after, s.hi-last)
}
