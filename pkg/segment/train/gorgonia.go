package train

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// Gorgonia is the Backend of segment/nn.
type Gorgonia struct {
	Threads int // 0 is 1; the result does not depend on it
}

// NewTrainer implements Backend.
func (g Gorgonia) NewTrainer(start *net.Net, s Solver) (Trainer, error) {
	t, err := nn.NewTrainer(nn.TrainerConfig{
		Net: start, Batch: s.Batch, H: s.Size, W: s.Size, Threads: g.Threads,
		DiceWeight: float32(s.Dice), BNMomentum: float32(s.Momentum), ClipNorm: float32(s.Clip), Tile: s.Tile,
		Solver: nn.AdamW{Beta1: s.Beta1, Beta2: s.Beta2, WeightDecay: s.WeightDecay},
	})
	if err != nil {
		return nil, err
	}
	return gorgoniaTrainer{t}, nil
}

type gorgoniaTrainer struct{ *nn.Trainer }

func (t gorgoniaTrainer) Step(ctx context.Context, b *Batch, lr float64) (float64, error) {
	return t.Trainer.Step(ctx, b.X, b.Target, b.Weight, lr)
}

func (t gorgoniaTrainer) Net() (*net.Net, error) { return t.Trainer.Net(), nil }

func (t gorgoniaTrainer) Save() ([]byte, error) {
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(t.State()); err != nil {
		return nil, fmt.Errorf("save trainer: %w", err)
	}
	return buf.Bytes(), nil
}

func (t gorgoniaTrainer) Load(data []byte) error {
	var state []nn.StateSlice
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&state); err != nil {
		return fmt.Errorf("load trainer: %w", err)
	}
	return t.Restore(state)
}

// NewEngine implements Backend.
func (g Gorgonia) NewEngine(n *net.Net) (segment.Engine, error) {
	return nn.New(n, nn.Options{Threads: g.Threads})
}
