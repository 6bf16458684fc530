package nn

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// SaliencyConfig says of what the gradient is wanted.
type SaliencyConfig struct {
	Net           *net.Net // one output, a plane per class of the input's size
	H, W          int
	Class         int
	Probabilities bool  // the network ends in probabilities, not in logits
	ScoreOnly     bool  // no gradient is wanted
	Threads       int   // 0 is 1; the result does not depend on it
	MemoryLimit   int64 // bytes of activations; 0 is 8 GiB
}

// Saliency computes how the score of a class changes with each pixel of the input: the gradient, by
// Gorgonia's autodiff, through the network as it is in use, batch norms with their stored statistics.
// The score is the mean, over pixels that the caller weighs, of the class's log-odds against all others,
// which unlike its probability does not saturate where the network is sure. It is not safe for
// concurrent use.
//
// # Memory
//
// As a Trainer for one image, without gradients of weights: ArenaBytes, which MemoryLimit bounds.
type Saliency struct {
	g        *graph
	image    *act
	gradient *act
	score    *scoreTask
}

// NewSaliency builds the graph and its gradient. The network is copied.
func NewSaliency(cfg SaliencyConfig) (*Saliency, error) {
	s, err := newSaliency(cfg)
	if err != nil {
		return nil, fmt.Errorf("saliency: %w", err)
	}
	return s, nil
}

func newSaliency(cfg SaliencyConfig) (_ *Saliency, err error) {
	switch {
	case cfg.Net == nil || len(cfg.Net.Outputs) != 1:
		return nil, errors.New("want a network with one output")
	case cfg.H < 1 || cfg.W < 1:
		return nil, fmt.Errorf("input of %d×%d pixels", cfg.H, cfg.W)
	}
	if cfg.MemoryLimit == 0 {
		cfg.MemoryLimit = 8 << 30
	}
	n := cfg.Net.Clone()
	if last, ok := n.Nodes[n.Outputs[0]].Op.(*net.Softmax); ok && last != nil {
		n.Outputs = []int{n.Nodes[n.Outputs[0]].In[0]} // its logits have the same log-odds
		cfg.Probabilities = false
	}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	b := &saliencyBuilder{trainBuilder: trainBuilder{t: &Trainer{
		cfg: TrainerConfig{Net: n, Batch: 1, H: cfg.H, W: cfg.W}, net: n, g: newGraph(cfg.Threads),
	}}}
	defer func() {
		if err != nil {
			b.t.g.team.Close()
		}
	}()
	s, err := b.build(cfg)
	if err != nil {
		return nil, err
	}
	return s, s.g.compile(cfg.MemoryLimit)
}

// Run computes score and gradient. x holds channels × H × W, weight H × W of which at least one is above
// 0, and gradient receives channels × H × W; with ScoreOnly it is nil.
func (s *Saliency) Run(ctx context.Context, x, weight, gradient []float32) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	defer s.g.team.Rest()
	plane := s.image.h * s.image.w
	wrong := len(gradient) != len(x)
	if s.gradient == nil {
		wrong = gradient != nil
	}
	if len(x) != s.image.floats() || wrong || len(weight) != plane {
		return 0, fmt.Errorf("saliency: %d floats of image, %d of gradient, %d weights for %v", len(x), len(gradient), len(weight), s.image.dims)
	}
	s.score.total = 0
	for _, w := range weight {
		s.score.total += float64(w)
	}
	if !(s.score.total > 0) {
		return 0, errors.New("saliency: no pixel has any weight")
	}
	s.score.weight = weight
	kernel.FromNCHW(s.image.view, x, s.g.team)
	kernel.ClearBorder(s.image.view)
	if err := s.g.run(ctx); err != nil {
		return 0, fmt.Errorf("saliency: %w", err)
	}
	if s.gradient != nil {
		kernel.ToNCHW(gradient, s.gradient.view, s.g.team)
	}
	if math.IsNaN(s.score.score) || math.IsInf(s.score.score, 0) {
		return 0, fmt.Errorf("saliency: the score is %g: the model is damaged", s.score.score)
	}
	return s.score.score, nil
}

// ArenaBytes is the memory of all activations and gradients.
func (s *Saliency) ArenaBytes() int64 { return int64(len(s.g.arena)) * 4 }

// Close lets go of the machine.
func (s *Saliency) Close() error { return s.g.close() }

// scoreTask is the weighted mean of a class's log-odds. It keeps its slopes for the gradient, because the
// network's outputs may be overwritten by then.
type scoreTask struct {
	dims
	class         int
	probabilities bool
	weight        []float32 // of the present run, as are the next two
	total, score  float64
	slopes        []float64 // pixels × classes: of the mean by the network's outputs
}

func (t *scoreTask) String() string {
	return fmt.Sprintf("log-odds of class %d of %d, probabilities %v", t.class, t.c, t.probabilities)
}

// leastProbability bounds the log-odds of networks that end in probabilities.
const leastProbability = 1e-6

func (t *scoreTask) run(_ *graph, out gorgonia.Value, in []gorgonia.Value) error {
	from := in[0].(*act).view
	sum, values := 0.0, make([]float64, t.c)
	clear(t.slopes)
	for i, w := range t.weight {
		if w == 0 {
			continue
		}
		for c := range values {
			values[c] = float64(from.Data[t.at(&from, i, c)])
		}
		slopes := t.slopes[i*t.c:][:t.c]
		sum += float64(w) * t.odds(values, slopes)
		for c := range slopes {
			slopes[c] *= float64(w) / t.total
		}
	}
	t.score = sum / t.total
	*out.(*gorgonia.F32) = gorgonia.F32(t.score)
	return nil
}

// odds is the log-odds of a pixel; slopes, zeros before, become its derivatives by the values.
func (t *scoreTask) odds(values, slopes []float64) float64 {
	if t.probabilities {
		p := min(max(values[t.class], leastProbability), 1-leastProbability)
		slopes[t.class] = 1 / (p * (1 - p))
		return math.Log(p / (1 - p))
	}
	slopes[t.class] = 1
	if t.c == 1 {
		return values[0]
	}
	top, sum := math.Inf(-1), 0.0
	for c, z := range values {
		if c != t.class {
			top = max(top, z)
		}
	}
	for c, z := range values {
		if c != t.class {
			sum += math.Exp(z - top)
		}
	}
	for c, z := range values {
		if c != t.class {
			slopes[c] = -math.Exp(z-top) / sum
		}
	}
	return values[t.class] - top - math.Log(sum)
}

// at is where channel c of pixel i lies.
func (t *scoreTask) at(v *kernel.Tensor, i, c int) int {
	return v.Off + c/kernel.Block*v.BlockStride + i/t.w*v.RowStride + i%t.w*kernel.Block + c%kernel.Block
}

func (t *scoreTask) wrt(int) []bool { return []bool{true} }

func (t *scoreTask) grads(g *graph, _ gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	d, err := g.apply(&scoreGrad{t}, t.dims, out, grad)
	return gorgonia.Nodes{d}, err
}

// scoreGrad is the gradient of scoreTask; its inputs are the score, for the order, and its gradient.
type scoreGrad struct{ of *scoreTask }

func (t *scoreGrad) String() string { return "gradient of " + t.of.String() }

func (t *scoreGrad) run(_ *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, seed := out.(*act).view, float64(in[1].Data().(float32))
	for i := range t.of.h * t.of.w {
		for block := range t.of.blocks() {
			clear(dst.Data[t.of.at(&dst, i, block*kernel.Block):][:kernel.Block])
		}
		for c, slope := range t.of.slopes[i*t.of.c:][:t.of.c] {
			dst.Data[t.of.at(&dst, i, c)] = float32(seed * slope)
		}
	}
	return nil
}
