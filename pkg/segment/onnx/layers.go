package onnx

import "github.com/slidemill/slidemill/pkg/segment/net"

// layer is the table of the operators that become nodes of the network.
func layer(op string) (lowering, bool) {
	f, ok := map[string]lowering{
		"Conv": lowerConv, "ConvTranspose": lowerConvTranspose, "Gemm": lowerGemm, "MatMul": lowerMatMul,
		"BatchNormalization": lowerBatchNorm,
		"MaxPool":            lowerMaxPool, "AveragePool": lowerAveragePool, "GlobalAveragePool": lowerGlobalAverage, "ReduceMean": lowerReduceMean,
		"Relu": lowerActivation, "LeakyRelu": lowerActivation, "Sigmoid": lowerActivation, "HardSigmoid": lowerActivation,
		"HardSwish": lowerActivation, "Clip": lowerClip, "PRelu": lowerPRelu, "Tanh": lowerTanh, "Softmax": lowerSoftmax,
		"Add": lowerBinary, "Sub": lowerBinary, "Mul": lowerBinary, "Div": lowerBinary, "Sum": lowerSum,
		"Min": lowerMinMax, "Max": lowerMinMax, "Neg": lowerNeg, "Pow": lowerPow,
		"Concat": lowerConcat, "Split": lowerSplit, "Slice": lowerSlice, "Gather": lowerGather, "Pad": lowerPad,
		"Resize": lowerResize, "Upsample": lowerResize, "Expand": lowerExpand,
		"Identity": lowerIdentity, "Dropout": lowerIdentity, "Cast": lowerCast, "CastLike": lowerIdentity,
		"Reshape": lowerReshape, "Flatten": lowerFlatten, "Transpose": lowerTranspose,
		"Squeeze": lowerSqueeze, "Unsqueeze": lowerUnsqueeze, "DepthToSpace": lowerDepthToSpace,
	}[op]
	return f, ok
}

// append adds a node that reads one image and makes another, both N×C×H×W.
func (c *call) append(op net.Op, in ...int) ([]value, error) {
	node, err := c.add(op, in...)
	if err != nil {
		return nil, err
	}
	return []value{c.l.fresh(node)}, nil
}

// pointwise adds a node that keeps shape and layout.
func (c *call) pointwise(op net.Op, v value) (value, error) {
	node, err := c.add(op, v.node)
	return value{known: true, node: node, dims: v.dims, order: v.order}, err
}

func lowerIdentity(c *call) ([]value, error) {
	if len(c.n.out) > 1 && c.n.op == "Dropout" && c.n.out[1] != "" {
		return nil, c.unsupported("export the model for inference", "its mask is used")
	}
	return one(c.activation(0))
}

func lowerCast(c *call) ([]value, error) {
	if to := c.int("to", 0); !isFloat(to) {
		return nil, c.unsupported("export the logits or probabilities", "casts the image to type %d", to)
	}
	return one(c.activation(0))
}

func lowerActivation(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	var a net.Act
	switch c.n.op {
	case "Relu":
		a.Kind = net.ReLU
	case "LeakyRelu":
		a = net.Act{Kind: net.LeakyReLU, Alpha: c.float("alpha", 0.01)}
	case "Sigmoid":
		a.Kind = net.Sigmoid
	case "HardSigmoid":
		a = net.Act{Kind: net.HardSigmoid, Alpha: c.float("alpha", 0.2), Beta: c.float("beta", 0.5)}
	case "HardSwish":
		a.Kind = net.HardSwish
	}
	return one(c.pointwise(&net.Activation{Act: a}, v))
}

func lowerBatchNorm(c *call) ([]value, error) {
	v, err := c.image(0)
	if err != nil {
		return nil, err
	}
	if c.int("training_mode", 0) != 0 || len(c.in) != 5 {
		return nil, c.unsupported("export the model for inference", "normalises in training mode")
	}
	op := &net.BatchNorm{Epsilon: c.float("epsilon", 1e-5)}
	for k, t := range []**net.Tensor{&op.Scale, &op.Bias, &op.Mean, &op.Var} {
		if *t, err = c.tensor(k+1, 1); err != nil {
			return nil, err
		}
	}
	return one(c.pointwise(op, v))
}

// tensor is a constant input of floats with the given rank.
func (c *call) tensor(i, rank int) (*net.Tensor, error) {
	a, err := c.constant(i)
	if err != nil {
		return nil, err
	}
	if len(a.dims) != rank || !a.isFloat() {
		return nil, c.unsupported("only two-dimensional images are understood", "input %d has dimensions %v", i, a.dims)
	}
	return &net.Tensor{Shape: a.dims, Data: a.f}, nil
}

func lowerSoftmax(c *call) ([]value, error) {
	v, err := c.activation(0)
	if err != nil {
		return nil, err
	}
	byDefault := int64(-1)
	if c.l.m.opset < 13 {
		byDefault = 1
	}
	axis, err := c.axis(c.int("axis", byDefault), len(v.dims))
	if err != nil {
		return nil, err
	}
	if axis != c.l.channelDim(v) {
		return nil, c.unsupported("apply softmax over the classes", "softmax over dimension %d of %v", axis, v.dims)
	}
	if c.l.m.opset < 13 && product(v.dims[axis+1:]) != 1 {
		return nil, c.unsupported("export with opset 13 or newer", "before opset 13, softmax over dimension %d runs over height and width too", axis)
	}
	return one(c.pointwise(&net.Softmax{}, v))
}

func lowerGlobalAverage(c *call) ([]value, error) {
	v, err := c.image(0)
	if err != nil {
		return nil, err
	}
	return c.append(&net.GlobalAvgPool{}, v.node)
}

// lowerReduceMean understands the mean over height and width.
func lowerReduceMean(c *call) ([]value, error) {
	v, places, err := c.placed(0)
	if err != nil {
		return nil, err
	}
	list, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	axes, err := c.axes(list, 4)
	if err != nil {
		return nil, err
	}
	spatial := len(axes) == 2
	for _, a := range axes {
		spatial = spatial && places[a] >= axisH
	}
	if !spatial {
		return nil, c.unsupported("", "a mean over dimensions %v of %v", list, v.dims)
	}
	node, err := c.add(&net.GlobalAvgPool{}, v.node)
	if err != nil {
		return nil, err
	}
	out := c.l.same(node, v, places)
	if c.int("keepdims", 1) == 0 {
		out.dims = []int{1, c.l.shapes[node].C}
	}
	return []value{out}, nil
}
