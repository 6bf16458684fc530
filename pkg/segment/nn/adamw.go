package nn

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// AdamW holds the constants of the solver: Adam with decoupled weight decay (Loshchilov & Hutter
// 2019). The zero value of a field stands for the usual constant; WeightDecay 0 is none.
type AdamW struct {
	Beta1, Beta2, Eps float64 // 0.9, 0.999, 1e-8
	WeightDecay       float64 // not applied to biases and batch norms
}

func (a AdamW) orDefault() AdamW {
	or := func(v, d float64) float64 {
		if v == 0 {
			return d
		}
		return v
	}
	return AdamW{or(a.Beta1, 0.9), or(a.Beta2, 0.999), or(a.Eps, 1e-8), a.WeightDecay}
}

func (a AdamW) validate() error {
	if a.Beta1 < 0 || a.Beta1 >= 1 || a.Beta2 < 0 || a.Beta2 >= 1 || a.Eps < 0 || a.WeightDecay < 0 {
		return fmt.Errorf("solver %+v: betas lie in [0, 1), eps and weight decay are not negative", a)
	}
	return nil
}

// solver is AdamW as a gorgonia.Solver, with its state open for checkpoints. Gorgonia's own AdamW
// hides its moments, so a run could not be resumed exactly.
type solver struct {
	AdamW
	lr    float64
	clip  float64 // largest norm of the gradient over all parameters; 0 is none
	step  []float64
	decay []bool
	m, v  [][]float32
}

var _ gorgonia.Solver = (*solver)(nil)

func newSolver(a AdamW, clip float64, params []Param) *solver {
	s := &solver{AdamW: a.orDefault(), clip: clip, step: make([]float64, 1)}
	for _, p := range params {
		s.decay = append(s.decay, p.Decay)
		s.m = append(s.m, make([]float32, len(p.Data)))
		s.v = append(s.v, make([]float32, len(p.Data)))
	}
	return s
}

// Step updates every value by its gradient. A gradient that is not finite changes nothing.
func (s *solver) Step(model []gorgonia.ValueGrad) error {
	if len(model) != len(s.m) {
		return fmt.Errorf("solver for %d parameters got %d", len(s.m), len(model))
	}
	grads := make([][]float32, len(model))
	for i, p := range model {
		g, err := p.Grad()
		if err != nil {
			return fmt.Errorf("gradient of parameter %d: %w", i, err)
		}
		grads[i] = floats(g)
	}
	norm := globalNorm(grads)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return fmt.Errorf("the gradient is not finite (norm %g): lower the learning rate", norm)
	}
	scale := 1.0
	if s.clip > 0 && norm > s.clip {
		scale = s.clip / norm
	}
	s.step[0]++
	for i, p := range model {
		s.update(i, floats(p.Value()), grads[i], scale)
	}
	return nil
}

// globalNorm is the Euclidean norm over all gradients, summed in their order.
func globalNorm(grads [][]float32) float64 {
	sum := 0.0
	for _, g := range grads {
		part := 0.0
		for _, v := range g {
			part += float64(v) * float64(v)
		}
		sum += part
	}
	return math.Sqrt(sum)
}

// update moves one parameter.
func (s *solver) update(i int, w, g []float32, scale float64) {
	c1 := 1 - math.Pow(s.Beta1, s.step[0])
	c2 := 1 - math.Pow(s.Beta2, s.step[0])
	b1, b2 := float32(s.Beta1), float32(s.Beta2)
	rate, root, eps := float32(s.lr/c1), float32(1/math.Sqrt(c2)), float32(s.Eps)
	keep := float32(1)
	if s.decay[i] {
		keep = float32(1 - s.lr*s.WeightDecay)
	}
	k := float32(scale)
	m, v := s.m[i][:len(w)], s.v[i][:len(w)]
	g = g[:len(w)]
	for j := range w {
		d := g[j] * k
		m[j] = b1*m[j] + (1-b1)*d
		v[j] = b2*v[j] + (1-b2)*d*d
		w[j] = keep*w[j] - rate*m[j]/(float32(math.Sqrt(float64(v[j])))*root+eps)
	}
}
