package train

import (
	"context"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Trainer changes a network's weights, one batch at a time. It is not safe for concurrent use.
type Trainer interface {
	// Step learns from one batch (shapes as in Batch) at a learning rate and returns the batch's loss.
	// The same steps from the same state give the same bits, whatever the number of threads.
	Step(ctx context.Context, b *Batch, lr float64) (loss float64, err error)
	// Net is a copy of the network as it stands, with its batch-norm statistics.
	Net() (*net.Net, error)
	// Save holds everything that later steps depend on; Load takes it back.
	Save() ([]byte, error)
	Load([]byte) error
}

// Backend is the mathematics.
type Backend interface {
	NewTrainer(start *net.Net, s Solver) (Trainer, error)
	// NewEngine compiles a network for inference; its output is what the network's is: logits.
	NewEngine(n *net.Net) (segment.Engine, error)
}

// Solver is what a Backend needs to know of a run.
type Solver struct {
	Batch       int     `json:"batch"`
	Size        int     `json:"size"` // side of a training image, pixels
	Dice        float64 `json:"dice"` // weight of the Dice term beside the cross-entropy
	Momentum    float64 `json:"momentum"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	WeightDecay float64 `json:"weightDecay"`
	Clip        float64 `json:"clip"` // bound of the gradient's norm, 0 for none
	Tile        int     `json:"tile"` // Winograd tiles of 3×3 convolutions: 0, 2 or 4; faster, other bits
}
