package onnx

import (
	"math"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

func lowerPad(c *call) ([]value, error) {
	v, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	if mode := c.text("mode", "constant"); mode != "constant" {
		return nil, c.unsupported("pad with a constant, or let the convolutions pad", "%s padding", mode)
	}
	pads, err := c.list("pads", 1)
	if err != nil {
		return nil, err
	}
	list, err := c.list("axes", 3)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []int64{0, 1, 2, 3}
	}
	dims, err := c.axes(list, 4)
	if err != nil {
		return nil, err
	}
	if len(pads) != 2*len(dims) {
		return nil, c.broken("%d pads for %d dimensions", len(pads), len(dims))
	}
	var before, after [4]int
	for k, d := range dims {
		for _, p := range []int64{pads[k], pads[len(dims)+k]} {
			if p > 1<<20 || p < -1<<20 {
				return nil, c.broken("pads %v", pads)
			}
		}
		before[axes[d]], after[axes[d]] = int(pads[k]), int(pads[len(dims)+k])
	}
	if before[axisN]|after[axisN]|before[axisC]|after[axisC] != 0 {
		return nil, c.unsupported("", "pads batch or channels: %v", pads)
	}
	fill, err := c.padValue()
	if err != nil {
		return nil, err
	}
	node, err := c.surround(v.node, before, after, fill)
	if err != nil {
		return nil, err
	}
	return []value{c.l.same(node, v, axes)}, nil
}

func (c *call) padValue() (float32, error) {
	if !c.has(2) {
		return c.float("value", 0), nil
	}
	a, err := c.constant(2)
	if err == nil && a.size() > 1 {
		err = c.broken("pads with %d values", a.size())
	}
	if err != nil || a.size() == 0 {
		return 0, err
	}
	return a.at(0), nil
}

// surround cuts where a pad is negative and pads where it is positive.
func (c *call) surround(node int, before, after [4]int, fill float32) (int, error) {
	neg := func(p int) int { return max(0, -p) }
	cut := net.Slice{Y0: neg(before[axisH]), X0: neg(before[axisW]), Y1: -neg(after[axisH]), X1: -neg(after[axisW])}
	node, err := c.cutOut(node, cut, net.Pair{Y: 1, X: 1})
	if err != nil {
		return 0, err
	}
	pad := net.Padding{Top: max(0, before[axisH]), Left: max(0, before[axisW]), Bottom: max(0, after[axisH]), Right: max(0, after[axisW])}
	if pad == (net.Padding{}) {
		return node, nil
	}
	return c.add(&net.Pad{Pad: pad, Value: fill}, node)
}

func lowerResize(c *call) ([]value, error) {
	v, axes, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	op, err := c.interpolation()
	if err != nil {
		return nil, err
	}
	if err := c.target(op, v, axes); err != nil {
		return nil, err
	}
	in := c.l.shapes[v.node]
	if out, err := net.ShapeOf(op, []net.Shape{in}); err == nil && out == in {
		return []value{v}, nil // ONNX Runtime copies then, whatever the factor
	}
	if c.int("antialias", 0) != 0 && (op.Size != (net.Pair{}) || op.ScaleY < 1 || op.ScaleX < 1) {
		return nil, c.unsupported("export without antialias", "antialiased shrinking")
	}
	node, err := c.add(op, v.node)
	if err != nil {
		return nil, err
	}
	return []value{c.l.same(node, v, axes)}, nil
}

// interpolation reads the modes. Before opset 11 there was but one coordinate mode.
func (c *call) interpolation() (*net.Resize, error) {
	op := &net.Resize{}
	switch mode := c.text("mode", "nearest"); mode {
	case "nearest":
	case "linear", "bilinear":
		op.Mode = net.Linear
	default:
		return nil, c.unsupported("use nearest or linear interpolation", "%s interpolation", mode)
	}
	if c.n.op == "Upsample" || c.l.m.opset < 11 {
		op.Coord, op.Round = net.Asymmetric, net.Floor
		return op, nil
	}
	if policy := c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" {
		return nil, c.unsupported("", "keep_aspect_ratio_policy %q", policy)
	}
	round, ok := map[string]net.RoundMode{
		"round_prefer_floor": net.RoundPreferFloor, "round_prefer_ceil": net.RoundPreferCeil, "floor": net.Floor, "ceil": net.Ceil,
	}[c.text("nearest_mode", "round_prefer_floor")]
	if !ok {
		return nil, c.broken("nearest_mode %q", c.text("nearest_mode", ""))
	}
	op.Round = round
	return op, c.coordinates(op)
}

func (c *call) coordinates(op *net.Resize) error {
	mode := c.text("coordinate_transformation_mode", "half_pixel")
	switch mode {
	case "half_pixel":
		op.Coord = net.HalfPixel
	case "pytorch_half_pixel":
		op.Coord = net.PytorchHalfPixel
	case "align_corners":
		op.Coord = net.AlignCorners
	case "asymmetric":
		op.Coord = net.Asymmetric
	case "tf_half_pixel_for_nn":
		// floor((o + ½)/scale) is the half-pixel coordinate rounded, halves upwards.
		if op.Mode != net.Nearest || op.Round != net.Floor {
			return c.unsupported("export with half_pixel", "%s but for nearest with floor", mode)
		}
		op.Coord, op.Round = net.HalfPixel, net.RoundPreferCeil
	default:
		return c.unsupported("export with half_pixel, align_corners or asymmetric", "coordinate mode %q", mode)
	}
	return nil
}

// target reads scales or sizes. A computed size that is a whole multiple, or a power-of-two part, of
// the input becomes a scale: for those, ONNX Runtime computes the same either way.
func (c *call) target(op *net.Resize, v value, axes []base) error {
	scales, sizes, err := c.scalesAndSizes()
	if err != nil {
		return err
	}
	named, err := c.resizedAxes(len(scales) + len(sizes))
	if err != nil {
		return err
	}
	factor, size := [4]float64{1, 1, 1, 1}, c.l.sizesOf(v)
	in := size
	for k, dim := range named {
		if a := axes[dim]; sizes != nil {
			if sizes[k] < 1 || sizes[k] > 1<<22 {
				return c.broken("resizes to %v", sizes)
			}
			size[a] = int(sizes[k])
		} else {
			factor[a] = float64(scales[k])
		}
	}
	if factor[axisN] != 1 || factor[axisC] != 1 || size[axisN] != 1 || size[axisC] != in[axisC] {
		return c.unsupported("", "resizes batch or channels")
	}
	op.ScaleY, op.ScaleX = factor[axisH], factor[axisW]
	if sizes != nil {
		y, okY := simpleFactor(in[axisH], size[axisH])
		x, okX := simpleFactor(in[axisW], size[axisW])
		if op.ScaleY, op.ScaleX = y, x; !okY || !okX {
			op.Size, op.ScaleY, op.ScaleX = net.Pair{Y: size[axisH], X: size[axisW]}, 0, 0
		}
	}
	return c.oldRounding(op)
}

// oldRounding is how ONNX Runtime shrinks with nearest before opset 11: it rounds up. Where the
// factor is 1/k both roundings agree.
func (c *call) oldRounding(op *net.Resize) error {
	odd := func(s float64) bool { return s < 1 && 1/s != math.Trunc(1/s) }
	if c.l.m.opset >= 11 || op.Mode != net.Nearest || !odd(op.ScaleY) && !odd(op.ScaleX) {
		return nil
	}
	if op.ScaleY > 1 || op.ScaleX > 1 {
		return c.unsupported("export with opset 11 or newer", "shrinks one side and grows the other")
	}
	op.Round = net.Ceil
	return nil
}

func (c *call) scalesAndSizes() (scales []float32, sizes []int64, err error) {
	at := 2 // X, roi, scales, sizes
	if c.l.m.opset < 11 || c.n.op == "Upsample" {
		at = 1 // X, scales
	}
	if a := c.n.attrs["scales"]; a != nil && c.n.op == "Upsample" {
		scales = a.floats
	} else if c.has(at) {
		a, err := c.constant(at)
		if err != nil {
			return nil, nil, err
		}
		scales = a.floats()
	}
	if len(scales) == 0 && c.has(3) {
		a, err := c.constant(3)
		if err != nil {
			return nil, nil, err
		}
		sizes = a.ints()
	}
	for _, s := range scales {
		if !(s > 0) || math.IsInf(float64(s), 0) {
			return nil, nil, c.broken("resizes by %v", scales)
		}
	}
	if (len(scales) == 0) == (len(sizes) == 0) {
		return nil, nil, c.broken("has neither scales nor sizes")
	}
	return scales, sizes, nil
}

// resizedAxes are the dimensions that scales or sizes speak of: all, or those in axes (opset 18).
func (c *call) resizedAxes(n int) ([]int, error) {
	list := []int64{0, 1, 2, 3}
	if a := c.n.attrs["axes"]; a != nil {
		list = a.ints
	}
	axes, err := c.axes(list, 4)
	if err == nil && len(axes) != n {
		err = c.broken("%d factors or sizes for %d dimensions", n, len(axes))
	}
	return axes, err
}

func simpleFactor(in, out int) (float64, bool) {
	if out%in == 0 {
		return float64(out / in), out/in <= 1<<12
	}
	if in%out == 0 {
		d := in / out
		return 1 / float64(d), d&(d-1) == 0
	}
	return 0, false
}
