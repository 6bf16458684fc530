package segment

import (
	"context"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// BlendLogits is Blend for those who judge logits. Windows are blended as probabilities, so what comes out
// are numbers whose softmax, at the model's temperature, are the blended probabilities.
// The engine's outputs must be the model's calibrated probabilities.
func (m *Model) BlendLogits(e Engine) Engine {
	return &logitEngine{m.Blend(e), m.temperature()}
}

type logitEngine struct {
	Engine
	temperature float32
}

// Network implements Engine.
func (e *logitEngine) Network(size pyramid.Size) (Network, error) {
	n, err := e.Engine.Network(size)
	if err != nil {
		return nil, err
	}
	return &logitNetwork{n, e.temperature}, nil
}

type logitNetwork struct {
	Network
	temperature float32
}

// leastProbability stands for a blended probability of 0, which means less than half of blendUnit's parts.
const leastProbability = 0.5 / blendUnit

// Run implements Network.
func (n *logitNetwork) Run(ctx context.Context, in, out []float32) error {
	if err := n.Network.Run(ctx, in, out); err != nil {
		return err
	}
	for i, p := range out {
		out[i] = n.temperature * float32(math.Log(max(float64(p), leastProbability)))
	}
	return nil
}
