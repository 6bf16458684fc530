// Package net is a network as plain data: nodes in topological order over four-dimensional
// activations (batch, channels, height, width). It is the vocabulary between the ONNX files of
// segment/onnx, the Gorgonia graphs of segment/nn and the trainer. It computes shapes, cost,
// receptive field and foldings, and runs nothing.
package net

// Tensor is a dense float32 tensor in row-major order.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Shape is the shape of one activation without its batch: channels, height, width.
type Shape struct{ C, H, W int }

// Net is a feed-forward network. Node 0 is always the single Input; the nodes are in topological
// order, each reading only earlier ones.
type Net struct {
	Name    string
	Nodes   []Node
	Outputs []int // indexes into Nodes
}

// Node is one operation; its result is its only value and is named by its index.
type Node struct {
	Name string
	In   []int // indexes of earlier nodes
	Op   Op
}

// Op is one of the operation types of this package.
type Op interface{ op() }

// Input is the image: float32, N×Channels×H×W.
type Input struct{ Channels int }

// ActKind is a pointwise function.
type ActKind uint8

const (
	Identity    ActKind = iota
	ReLU                // max(0, x)
	LeakyReLU           // x if x ≥ 0, else Alpha·x
	Clip                // min(max(x, Alpha), Beta)
	HardSigmoid         // min(max(Alpha·x + Beta, 0), 1)
	HardSwish           // x · min(max(x/6 + 1/2, 0), 1)
	Sigmoid             // 1 / (1 + exp(−x))
)

// Act is a pointwise activation with its parameters.
type Act struct {
	Kind        ActKind
	Alpha, Beta float32
}

// Padding counts pixels added on each side.
type Padding struct{ Top, Left, Bottom, Right int }

// Pair is a vertical and a horizontal extent.
type Pair struct{ Y, X int }

// Conv is a convolution (cross-correlation, as everywhere in the field), zero padded.
type Conv struct {
	Weight   *Tensor // [out, in/groups, kh, kw]
	Bias     *Tensor // [out], or nil
	Stride   Pair    // at least 1
	Dilation Pair    // at least 1
	Pad      Padding
	Groups   int // at least 1; groups == in == out channels is depthwise
	Act      Act // fused by Fold; Identity in a net as written
}

// ConvTranspose is the transposed convolution of ONNX.
type ConvTranspose struct {
	Weight    *Tensor // [in, out/groups, kh, kw]
	Bias      *Tensor // [out], or nil
	Stride    Pair
	Dilation  Pair
	Pad       Padding
	OutputPad Pair
	Groups    int
	Act       Act
}

// BatchNorm normalises each channel: Scale·(x−Mean)/sqrt(Var+Epsilon) + Bias.
type BatchNorm struct {
	Scale, Bias, Mean, Var *Tensor // [channels]
	Epsilon                float32
}

// Affine scales and shifts each channel by constants. A nil Scale is 1, a nil Bias 0.
type Affine struct {
	Scale, Bias *Tensor // [channels]
	Act         Act
}

// Activation applies a pointwise function.
type Activation struct{ Act Act }

// PoolKind chooses what a Pool takes of its window.
type PoolKind uint8

const (
	MaxPool PoolKind = iota
	AvgPool
)

// Pool takes the maximum or the mean of each window.
type Pool struct {
	Kind            PoolKind
	Kernel          Pair
	Stride          Pair
	Dilation        Pair
	Pad             Padding
	Ceil            bool // output size is rounded up
	CountIncludePad bool // AvgPool: padding counts in the divisor
}

// GlobalAvgPool is the mean over the whole height and width: an unbounded receptive field.
type GlobalAvgPool struct{}

// ResizeMode is the interpolation of a Resize.
type ResizeMode uint8

const (
	Nearest ResizeMode = iota
	Linear
)

// CoordMode maps an output coordinate to an input coordinate, named as in ONNX.
type CoordMode uint8

const (
	HalfPixel CoordMode = iota
	PytorchHalfPixel
	AlignCorners
	Asymmetric
)

// RoundMode rounds a coordinate for Nearest, named as in ONNX.
type RoundMode uint8

const (
	RoundPreferFloor RoundMode = iota
	RoundPreferCeil
	Floor
	Ceil
)

// Resize interpolates to another size: Size if it is not zero, else floor(input · Scale).
type Resize struct {
	Mode           ResizeMode
	Coord          CoordMode
	Round          RoundMode
	Size           Pair
	ScaleY, ScaleX float64
}

// Concat joins its inputs along the channels.
type Concat struct{}

// BinaryKind is an element-wise operation of two activations.
type BinaryKind uint8

const (
	Add BinaryKind = iota
	Sub
	Mul
	Div
)

// Binary combines two activations of equal shape, or one of N×C×1×1 that is broadcast.
type Binary struct {
	Kind BinaryKind
	Act  Act
}

// Pad surrounds each plane with a constant.
type Pad struct {
	Pad   Padding // not negative
	Value float32
}

// Slice keeps a half-open box of channels, rows and columns. A zero end means "to the end", a
// negative one counts from the end.
type Slice struct {
	C0, C1, Y0, Y1, X0, X1 int
}

// Softmax normalises exp over the channels of each pixel.
type Softmax struct{}

func (*Input) op()         {}
func (*Conv) op()          {}
func (*ConvTranspose) op() {}
func (*BatchNorm) op()     {}
func (*Affine) op()        {}
func (*Activation) op()    {}
func (*Pool) op()          {}
func (*GlobalAvgPool) op() {}
func (*Resize) op()        {}
func (*Concat) op()        {}
func (*Binary) op()        {}
func (*Pad) op()           {}
func (*Slice) op()         {}
func (*Softmax) op()       {}
