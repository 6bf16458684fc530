package nn

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// normTask is batch normalisation with the statistics of the batch, fused with an optional ReLU.
// Its inputs are x, scale and bias. The running statistics live with the caller: Gorgonia's own
// operator resets them whenever a second machine is made.
type normTask struct {
	dims
	act             net.Act // Identity or ReLU
	eps, momentum   float64
	runMean, runVar []float32 // updated by every run
	sum, dot        []float64 // Σ x and Σ x², then in the gradient Σ g and Σ g·x
	mean, inv       []float64 // of the last batch
	scale, shift    []float32 // y = x·scale + shift
}

func newNorm(d dims, n *net.BatchNorm, act net.Act, momentum float64) *normTask {
	return &normTask{
		dims: d, act: act, eps: float64(n.Epsilon), momentum: momentum,
		runMean: n.Mean.Data, runVar: n.Var.Data,
		sum: make([]float64, d.c), dot: make([]float64, d.c),
		mean: make([]float64, d.c), inv: make([]float64, d.c),
		scale: make([]float32, d.c), shift: make([]float32, d.c),
	}
}

func (t *normTask) String() string {
	return fmt.Sprintf("batch norm %v eps %g then %v", t.dims, t.eps, t.act.Kind)
}

// run normalises by the statistics of the batch and moves the running ones.
func (t *normTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	x := in[0].(*act).view
	kernel.ChannelSums(x, t.sum, t.dot, g.team)
	t.settle(floats(in[1]), floats(in[2]))
	kernel.ScaleShift(out.(*act).view, x, t.scale, t.shift, t.act, g.team)
	return nil
}

func (t *normTask) count() float64 { return float64(t.n) * float64(t.h) * float64(t.w) }

// settle turns the sums into this batch's scale and shift, and into the running statistics.
func (t *normTask) settle(scale, bias []float32) {
	count := t.count()
	for c := range t.mean {
		mean := t.sum[c] / count
		variance := max(0, t.dot[c]/count-mean*mean)
		inv := 1 / math.Sqrt(variance+t.eps)
		t.mean[c], t.inv[c] = mean, inv
		t.scale[c] = float32(float64(scale[c]) * inv)
		t.shift[c] = float32(float64(bias[c]) - mean*float64(scale[c])*inv)
		unbiased := variance * count / max(1, count-1)
		t.runMean[c] += float32(t.momentum * (mean - float64(t.runMean[c])))
		t.runVar[c] += float32(t.momentum * (unbiased - float64(t.runVar[c])))
	}
}

func (t *normTask) wrt(int) []bool { return []bool{true, true, true} }

// grads: the gradients of scale and bias are by-products of the input's, and wait in its task.
func (t *normTask) grads(g *graph, in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	back := newNormGrad(t)
	dx, err := g.apply(back, t.dims, in[0], out, in[1], grad)
	if err != nil {
		return nil, err
	}
	ds, err := g.applyFlat(&handOver{"scale of " + t.String(), back.dscale}, tensor.Shape{t.c}, dx)
	if err != nil {
		return nil, err
	}
	db, err := g.applyFlat(&handOver{"bias of " + t.String(), back.dbias}, tensor.Shape{t.c}, dx)
	return gorgonia.Nodes{dx, ds, db}, err
}

// normGrad is the exact gradient of a normTask: its inputs are x, y, scale and dL/dy. With g the
// gradient behind the ReLU and x̂ the normalised input,
//
//	dx = scale·inv·(g − mean(g) − x̂·mean(g·x̂))
//
// which is a line ka·g + kb·x + kc for each channel.
type normGrad struct {
	of            *normTask
	ka, kb, kc    []float32
	dscale, dbias []float32
}

func newNormGrad(t *normTask) *normGrad {
	vec := func() []float32 { return make([]float32, t.c) }
	return &normGrad{of: t, ka: vec(), kb: vec(), kc: vec(), dscale: vec(), dbias: vec()}
}

func (t *normGrad) String() string    { return "gradient of " + t.of.String() }
func (t *normGrad) overwrites() []int { return []int{3} }

func (t *normGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	x, y, dy, dst := in[0].(*act).view, in[1].(*act).view, in[3].(*act).view, out.(*act).view
	if t.of.act.Kind != net.Identity {
		kernel.ActivateBackward(dst, dy, y, t.of.act, g.team)
		dy = dst
	}
	kernel.ChannelDots(dy, x, t.of.sum, t.of.dot, g.team)
	t.settle(floats(in[2]))
	kernel.Combine(dst, dy, x, t.ka, t.kb, t.kc, g.team)
	return nil
}

// settle finishes the gradients of scale and bias, and the line that dx lies on.
func (t *normGrad) settle(scale []float32) {
	o, count := t.of, t.of.count()
	for c := range scale {
		sum := o.sum[c]
		product := (o.dot[c] - o.mean[c]*sum) * o.inv[c] // Σ g·x̂
		t.dbias[c], t.dscale[c] = float32(sum), float32(product)
		a := float64(scale[c]) * o.inv[c]
		b := -a * o.inv[c] * product / count
		t.ka[c], t.kb[c], t.kc[c] = float32(a), float32(b), float32(-a*sum/count-b*o.mean[c])
	}
}

// handOver yields a gradient that another task has already computed; its input is that task's node,
// for the order.
type handOver struct {
	what string
	from []float32
}

func (t *handOver) String() string { return "gradient of " + t.what }

func (t *handOver) run(_ *graph, out gorgonia.Value, _ []gorgonia.Value) error {
	copy(floats(out), t.from)
	return nil
}
