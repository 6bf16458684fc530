package nn

import (
	"context"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// TrainerConfig says what is trained and how.
type TrainerConfig struct {
	Net         *net.Net // unfolded; one output, the logits: images × classes × H × W
	Batch, H, W int
	Threads     int     // 0 is 1; the result does not depend on it
	DiceWeight  float32 // of soft Dice beside cross-entropy; 0 is none
	BNMomentum  float32 // weight of a new batch in the running statistics; 0 is 0.1
	Tile        int     // Winograd tiles of 2×2 or 4×4 in 3×3 convolutions: faster, other bits; 0 is none
	Solver      AdamW
	ClipNorm    float32 // largest norm of the whole gradient; 0 is none
	MemoryLimit int64   // bytes of activations; 0 is 16 GiB
}

func (c TrainerConfig) orDefault() TrainerConfig {
	c.Threads = max(1, c.Threads)
	if c.BNMomentum == 0 {
		c.BNMomentum = 0.1
	}
	if c.MemoryLimit == 0 {
		c.MemoryLimit = 16 << 30
	}
	return c
}

func (c TrainerConfig) validate() error {
	switch {
	case c.Net == nil:
		return fmt.Errorf("trainer without a network")
	case c.Batch < 1 || c.H < 1 || c.W < 1:
		return fmt.Errorf("batch of %d images, %d×%d: each must be at least 1", c.Batch, c.H, c.W)
	case c.BNMomentum < 0 || c.BNMomentum > 1:
		return fmt.Errorf("batch-norm momentum %g: want 0 to 1", c.BNMomentum)
	case c.DiceWeight < 0 || c.ClipNorm < 0:
		return fmt.Errorf("dice weight %g and clip norm %g must not be negative", c.DiceWeight, c.ClipNorm)
	case c.Tile != 0 && c.Tile != 2 && c.Tile != 4:
		return fmt.Errorf("tiles of %d: want 0, 2 or 4", c.Tile)
	case len(c.Net.Outputs) != 1:
		return fmt.Errorf("network with %d outputs: want one, the logits", len(c.Net.Outputs))
	}
	return c.Solver.validate()
}

// Param is a trained tensor or a running statistic. Data is live: it changes with every Step and may
// be set between steps.
type Param struct {
	Name  string
	Shape []int
	Data  []float32
	Decay bool // weight decay applies
	Stat  bool // a running statistic: not trained
}

// Trainer steps a network through training. It is not safe for concurrent use.
//
// # Memory
//
// All activations of a batch that the gradients read stay alive through a step; everything else shares
// the arena. ArenaBytes tells its size, TrainerConfig.MemoryLimit bounds it.
type Trainer struct {
	cfg            TrainerConfig
	net            *net.Net // its tensors are the parameters
	g              *graph
	image          *act
	target, weight []float32
	loss           *lossTask
	params, stats  []Param
	model          []gorgonia.ValueGrad
	solver         *solver
}

// NewTrainer builds the graph of the network, its loss and all gradients, and plans its memory. The
// network is copied.
func NewTrainer(cfg TrainerConfig) (*Trainer, error) {
	cfg = cfg.orDefault()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	t := &Trainer{cfg: cfg, net: cfg.Net.Clone(), g: newGraph(cfg.Threads)}
	b := &trainBuilder{t: t}
	if err := b.build(); err != nil {
		return nil, fmt.Errorf("train %s: %w", cfg.Net.Name, err)
	}
	t.solver = newSolver(cfg.Solver, float64(cfg.ClipNorm), t.params)
	if err := t.g.compile(cfg.MemoryLimit); err != nil {
		return nil, fmt.Errorf("train %s: %w", cfg.Net.Name, err)
	}
	return t, nil
}

// Step computes the loss of one batch and moves the parameters against its gradient. x holds
// images × channels × H × W, target images × classes × H × W soft labels, weight images × H × W with 0
// for pixels to ignore. After an error the parameters are those from before the step; the running
// statistics may have moved.
func (t *Trainer) Step(ctx context.Context, x, target, weight []float32, lr float64) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	defer t.g.team.Rest()
	if err := t.fill(x, target, weight); err != nil {
		return 0, fmt.Errorf("training step: %w", err)
	}
	if err := t.g.run(ctx); err != nil {
		return 0, fmt.Errorf("training step: %w", err)
	}
	if loss := t.loss.loss; math.IsNaN(loss) || math.IsInf(loss, 0) {
		return loss, fmt.Errorf("training step: the loss is %g: lower the learning rate or check the labels", loss)
	}
	t.solver.lr = lr
	if err := t.solver.Step(t.model); err != nil {
		return t.loss.loss, fmt.Errorf("training step: %w", err)
	}
	return t.loss.loss, nil
}

func (t *Trainer) fill(x, target, weight []float32) error {
	a := t.image
	for _, in := range []struct {
		what      string
		got, want int
	}{
		{"image", len(x), a.n * a.c * a.h * a.w},
		{"target", len(target), len(t.target)},
		{"weight", len(weight), len(t.weight)},
	} {
		if in.got != in.want {
			return fmt.Errorf("%s of %d floats, want %d", in.what, in.got, in.want)
		}
	}
	copy(t.target, target)
	copy(t.weight, weight)
	kernel.FromNCHW(a.view, x, t.g.team)
	kernel.ClearBorder(a.view)
	return nil
}

// Params lists the trained tensors in the order of the network, then the running statistics.
func (t *Trainer) Params() []Param {
	return append(append([]Param(nil), t.params...), t.stats...)
}

// Net is a copy of the network with the present weights and running statistics, for export and
// evaluation.
func (t *Trainer) Net() *net.Net { return t.net.Clone() }

// ArenaBytes is the memory of all activations and gradients of activations.
func (t *Trainer) ArenaBytes() int64 { return int64(len(t.g.arena)) * 4 }

// Close lets go of the machine.
func (t *Trainer) Close() error { return t.g.close() }
