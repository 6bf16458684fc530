package nn

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// lossTask is the objective of segmentation over logits z with soft labels t and pixel weights w:
//
//	L = Σ w·(−Σ_c t_c·log p_c) / Σ w  +  D·(1 − mean_c (2·Σ w·p_c·t_c + 1) / (Σ w·p_c + Σ w·t_c + 1))
//
// with p = softmax(z) over the classes and all sums over the whole batch. The probabilities stay
// in the task for the gradient. Sums are taken per image row and then in the order of the rows, in
// float64, so the number of threads changes no bit.
type lossTask struct {
	dims
	dice  float32
	probs []float32 // images × rows × columns × classes
	rows  []rowSums
	sums  rowSums
	loss  float64

	logits         kernel.Tensor // of the present run, as are the next two
	target, weight []float32
}

// rowSums are the sums of the loss over one row, then over the batch.
type rowSums struct {
	weight, entropy       float64
	inter, preds, targets [kernel.Block]float64
}

// maxClasses bounds the classes: one block of channels.
const maxClasses = kernel.Block

func newLoss(d dims, dice float32) (*lossTask, error) {
	if d.c > maxClasses || d.c < 2 {
		return nil, fmt.Errorf("loss over %d classes: want 2 to %d", d.c, maxClasses)
	}
	return &lossTask{dims: d, dice: dice, probs: make([]float32, d.n*d.h*d.w*d.c), rows: make([]rowSums, d.n*d.h)}, nil
}

func (t *lossTask) String() string { return fmt.Sprintf("cross-entropy + %g dice", t.dice) }

// run reads logits, targets (images × classes × rows × columns) and weights (images × rows × columns).
func (t *lossTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.logits, t.target, t.weight = in[0].(*act).view, floats(in[1]), floats(in[2])
	g.team.Do(t.n*t.h, t)
	t.sums = rowSums{}
	for i := range t.rows {
		t.sums.add(&t.rows[i])
	}
	t.loss = t.total()
	*out.(*gorgonia.F32) = gorgonia.F32(t.loss)
	return nil
}

// Item computes the probabilities and the sums of one row.
func (t *lossTask) Item(i int) {
	n, y := i/t.h, i%t.h
	logits, target, weight := &t.logits, t.target, t.weight
	s := &t.rows[i]
	*s = rowSums{}
	plane := t.h * t.w
	for x := range t.w {
		z := logits.Data[logits.Off+n*logits.ImageStride+y*logits.RowStride+x*kernel.Block:][:t.c]
		p := t.probs[(i*t.w+x)*t.c:][:t.c]
		logSum := softmax(p, z)
		w := float64(weight[i*t.w+x])
		if w == 0 {
			continue
		}
		s.weight += w
		at := n*t.c*plane + y*t.w + x
		for c := range p {
			label := float64(target[at+c*plane])
			s.entropy += w * label * (logSum - float64(z[c]))
			s.inter[c] += w * float64(p[c]) * label
			s.preds[c] += w * float64(p[c])
			s.targets[c] += w * label
		}
	}
}

// softmax fills p and returns log Σ exp z.
func softmax(p, z []float32) float64 {
	top := z[0]
	for _, v := range z[1:] {
		top = max(top, v)
	}
	sum := 0.0
	var e [maxClasses]float64
	for c, v := range z {
		e[c] = 1
		if v != top {
			e[c] = math.Exp(float64(v - top))
		}
		sum += e[c]
	}
	for c := range z {
		p[c] = float32(e[c] / sum)
	}
	return math.Log(sum) + float64(top)
}

func (s *rowSums) add(r *rowSums) {
	s.weight += r.weight
	s.entropy += r.entropy
	for c := range s.inter {
		s.inter[c] += r.inter[c]
		s.preds[c] += r.preds[c]
		s.targets[c] += r.targets[c]
	}
}

func (t *lossTask) total() float64 {
	s := &t.sums
	if s.weight == 0 {
		return 0
	}
	dice := 0.0
	for c := range t.c {
		dice += (2*s.inter[c] + 1) / (s.preds[c] + s.targets[c] + 1)
	}
	return s.entropy/s.weight + float64(t.dice)*(1-dice/float64(t.c))
}

// wrt: labels and weights are data.
func (t *lossTask) wrt(int) []bool { return []bool{true, false, false} }

func (t *lossTask) grads(g *graph, _ gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	d, err := g.apply(&lossGrad{of: t}, t.dims, out, grad)
	return gorgonia.Nodes{d, nil, nil}, err
}

// lossGrad is the gradient of lossTask with respect to the logits. Its inputs are the loss, for the
// order, and the gradient of the loss; the rest is in the task.
type lossGrad struct {
	of     *lossTask
	dst    kernel.Tensor
	slopes diceSlopes
}

func (t *lossGrad) String() string { return "gradient of " + t.of.String() }

func (t *lossGrad) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	seed := float64(in[1].Data().(float32))
	t.dst, t.slopes = out.(*act).view, diceSlopes{}
	if t.of.sums.weight != 0 {
		t.slopes = t.of.slopes(seed)
	}
	g.team.Do(t.of.n*t.of.h, t)
	return nil
}

// diceSlopes are the derivatives that are the same for every pixel: of the loss by w·p_c it is
// base_c + slope_c·t_c, and of the entropy by a weighted log-probability it is entropy.
type diceSlopes struct {
	entropy     float64
	base, slope [kernel.Block]float64
}

func (t *lossTask) slopes(seed float64) diceSlopes {
	d := diceSlopes{entropy: seed / t.sums.weight}
	scale := seed * float64(t.dice) / float64(t.c)
	for c := range t.c {
		den := t.sums.preds[c] + t.sums.targets[c] + 1
		d.slope[c] = -2 * scale / den
		d.base[c] = scale * (2*t.sums.inter[c] + 1) / (den * den)
	}
	return d
}

// Item writes dL/dz of one row: softmax's Jacobian times the slopes, plus the cross-entropy's
// p·Σt − t.
func (g *lossGrad) Item(i int) {
	t, dst, d := g.of, &g.dst, &g.slopes
	target, weight := t.target, t.weight
	n, y := i/t.h, i%t.h
	plane := t.h * t.w
	for x := range t.w {
		o := dst.Data[dst.Off+n*dst.ImageStride+y*dst.RowStride+x*kernel.Block:][:kernel.Block]
		clear(o)
		w := float64(weight[i*t.w+x])
		if w == 0 {
			continue
		}
		p := t.probs[(i*t.w+x)*t.c:][:t.c]
		at := n*t.c*plane + y*t.w + x
		labels, mean := 0.0, 0.0
		for c := range p {
			label := float64(target[at+c*plane])
			labels += label
			mean += float64(p[c]) * (d.base[c] + d.slope[c]*label)
		}
		for c := range p {
			label := float64(target[at+c*plane])
			entropy := d.entropy * (float64(p[c])*labels - label)
			dice := float64(p[c]) * (d.base[c] + d.slope[c]*label - mean)
			o[c] = float32(w * (entropy + dice))
		}
	}
}

// floats is the backing of a dense tensor.
func floats(v gorgonia.Value) []float32 { return v.(*tensor.Dense).Data().([]float32) }
