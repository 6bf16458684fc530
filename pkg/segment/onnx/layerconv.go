package onnx

import (
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// geometry is what convolutions and pools have in common, before padding is resolved.
type geometry struct {
	kernel, stride, dilation net.Pair
	pad                      net.Padding
	auto                     string
}

func (c *call) geometry(kernel net.Pair) (g geometry, err error) {
	g = geometry{kernel: kernel, auto: c.text("auto_pad", "NOTSET")}
	if g.stride, err = c.pair("strides", 1); err != nil {
		return g, err
	}
	if g.dilation, err = c.pair("dilations", 1); err != nil {
		return g, err
	}
	if g.kernel.Y > 1<<12 || g.kernel.X > 1<<12 || g.stride.Y < 1 || g.stride.X < 1 || g.dilation.Y < 1 || g.dilation.X < 1 {
		return g, c.broken("kernel %v, stride %v, dilation %v", g.kernel, g.stride, g.dilation)
	}
	p, err := c.sizes("pads", 4, 0)
	if err != nil {
		return g, err
	}
	g.pad = net.Padding{Top: p[0], Left: p[1], Bottom: p[2], Right: p[3]}
	return g, nil
}

// padded resolves auto_pad for an input of this size.
func (c *call) padded(g geometry, in net.Shape) (net.Padding, error) {
	switch g.auto {
	case "NOTSET", "":
		return g.pad, nil
	case "VALID":
		return net.Padding{}, nil
	case "SAME_UPPER", "SAME_LOWER":
		top, bottom := samePad(in.H, g.kernel.Y, g.stride.Y, g.dilation.Y, g.auto)
		left, right := samePad(in.W, g.kernel.X, g.stride.X, g.dilation.X, g.auto)
		return net.Padding{Top: top, Left: left, Bottom: bottom, Right: right}, nil
	}
	return net.Padding{}, c.broken("auto_pad %q", g.auto)
}

// samePad pads so that the output has size ⌈in/stride⌉; the odd pixel goes to the end, or to the
// beginning for SAME_LOWER.
func samePad(in, kernel, stride, dilation int, auto string) (before, after int) {
	out := (in + stride - 1) / stride
	total := max(0, (out-1)*stride+(kernel-1)*dilation+1-in)
	small := total / 2
	if auto == "SAME_LOWER" {
		return total - small, small
	}
	return small, total - small
}

// kernelOf checks kernel_shape, if it is there, against the weight.
func (c *call) kernelOf(w *net.Tensor) (net.Pair, error) {
	kernel := net.Pair{Y: w.Shape[2], X: w.Shape[3]}
	if stated, err := c.pair("kernel_shape", 0); err != nil {
		return kernel, err
	} else if stated != (net.Pair{}) && stated != kernel {
		return kernel, c.broken("kernel_shape %v, but the weight has %v", stated, kernel)
	}
	return kernel, nil
}

// weights reads the weight and the optional bias.
func (c *call) weights() (w, bias *net.Tensor, err error) {
	if w, err = c.tensor(1, 4); err != nil {
		return nil, nil, err
	}
	if c.has(2) {
		bias, err = c.tensor(2, 1)
	}
	return w, bias, err
}

func (c *call) groups() (int, error) {
	g := c.int("group", 1)
	if g < 1 || g > 1<<16 {
		return 0, c.broken("%d groups", g)
	}
	return int(g), nil
}

func lowerConv(c *call) ([]value, error) {
	v, err := c.image(0)
	if err != nil {
		return nil, err
	}
	w, bias, err := c.weights()
	if err != nil {
		return nil, err
	}
	kernel, err := c.kernelOf(w)
	if err != nil {
		return nil, err
	}
	g, err := c.geometry(kernel)
	if err != nil {
		return nil, err
	}
	groups, err := c.groups()
	if err != nil {
		return nil, err
	}
	pad, err := c.padded(g, c.l.shapes[v.node])
	if err != nil {
		return nil, err
	}
	return c.append(&net.Conv{Weight: w, Bias: bias, Stride: g.stride, Dilation: g.dilation, Pad: pad, Groups: groups}, v.node)
}

func lowerConvTranspose(c *call) ([]value, error) {
	v, err := c.image(0)
	if err != nil {
		return nil, err
	}
	w, bias, err := c.weights()
	if err != nil {
		return nil, err
	}
	kernel, err := c.kernelOf(w)
	if err != nil {
		return nil, err
	}
	g, err := c.geometry(kernel)
	if err != nil {
		return nil, err
	}
	groups, err := c.groups()
	if err != nil {
		return nil, err
	}
	op := &net.ConvTranspose{Weight: w, Bias: bias, Stride: g.stride, Dilation: g.dilation, Pad: g.pad, Groups: groups}
	if op.OutputPad, err = c.pair("output_padding", 0); err != nil {
		return nil, err
	}
	if err := c.transposedPads(op, g, c.l.shapes[v.node]); err != nil {
		return nil, err
	}
	return c.append(op, v.node)
}

// transposedPads resolves output_shape and auto_pad, which state the size of the result.
func (c *call) transposedPads(op *net.ConvTranspose, g geometry, in net.Shape) error {
	want, err := c.pair("output_shape", 0)
	if err != nil {
		return err
	}
	switch {
	case want != (net.Pair{}):
	case g.auto == "SAME_UPPER" || g.auto == "SAME_LOWER":
		want = net.Pair{Y: in.H * g.stride.Y, X: in.W * g.stride.X}
	case g.auto == "VALID":
		op.Pad = net.Padding{}
		return nil
	default:
		return nil
	}
	full := func(size, stride, kernel, dilation, extra int) int {
		return (size-1)*stride + extra + (kernel-1)*dilation + 1
	}
	y := full(in.H, g.stride.Y, g.kernel.Y, g.dilation.Y, op.OutputPad.Y) - want.Y
	x := full(in.W, g.stride.X, g.kernel.X, g.dilation.X, op.OutputPad.X) - want.X
	op.Pad.Top, op.Pad.Bottom, op.OutputPad.Y = spread(y, op.OutputPad.Y, g.auto)
	op.Pad.Left, op.Pad.Right, op.OutputPad.X = spread(x, op.OutputPad.X, g.auto)
	return nil
}

// spread divides the pixels that are too many over both ends. Too few become output padding.
func spread(total, extra int, auto string) (before, after, outputPad int) {
	if total < 0 {
		return 0, 0, extra - total
	}
	small := total / 2
	if auto == "SAME_UPPER" {
		return small, total - small, extra
	}
	return total - small, small, extra
}

func lowerMaxPool(c *call) ([]value, error) {
	if len(c.n.out) > 1 && c.n.out[1] != "" {
		return nil, c.unsupported("use transposed convolutions or resizing instead of unpooling", "the indices of a max pool")
	}
	return c.pool(net.MaxPool)
}

func lowerAveragePool(c *call) ([]value, error) { return c.pool(net.AvgPool) }

func (c *call) pool(kind net.PoolKind) ([]value, error) {
	v, err := c.image(0)
	if err != nil {
		return nil, err
	}
	kernel, err := c.pair("kernel_shape", 0)
	if err != nil {
		return nil, err
	}
	g, err := c.geometry(kernel)
	if err != nil {
		return nil, err
	}
	pad, err := c.padded(g, c.l.shapes[v.node])
	if err != nil {
		return nil, err
	}
	return c.append(&net.Pool{
		Kind: kind, Kernel: kernel, Stride: g.stride, Dilation: g.dilation, Pad: pad,
		Ceil: c.int("ceil_mode", 0) != 0, CountIncludePad: c.int("count_include_pad", 0) != 0,
	}, v.node)
}
