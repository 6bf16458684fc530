package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

func tinyUNet(up net.UpKind) *net.Net {
	return net.UNet(net.UNetConfig{Name: "tiny", Classes: 3, Channels: []int{5, 20}, Up: up, Seed: 3})
}

// batch is a random batch for a trainer.
func batch(cfg TrainerConfig, classes int, seed uint64) (x, target, weight []float32) {
	r := rand.New(rand.NewPCG(seed, 1))
	plane := cfg.H * cfg.W
	x = make([]float32, cfg.Batch*3*plane)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	target, weight = make([]float32, cfg.Batch*classes*plane), make([]float32, cfg.Batch*plane)
	for i := range weight {
		weight[i] = float32(r.IntN(3)) / 2
		n, p := i/plane, i%plane
		a := r.Float32()
		c := r.IntN(classes)
		target[(n*classes+c)*plane+p] += a
		target[(n*classes+r.IntN(classes))*plane+p] += 1 - a
	}
	return x, target, weight
}

// lossAt computes the loss without moving anything.
func lossAt(t *testing.T, tr *Trainer, x, target, weight []float32) float64 {
	t.Helper()
	if err := tr.fill(x, target, weight); err != nil {
		t.Fatal(err)
	}
	if err := tr.g.run(); err != nil {
		t.Fatal(err)
	}
	return tr.loss.loss
}

// checkGradients compares every parameter's gradient with central differences in one random direction,
// and some single elements.
func checkGradients(t *testing.T, cfg TrainerConfig, classes int, tol float64) {
	t.Helper()
	tr, err := NewTrainer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	x, target, weight := batch(cfg, classes, 7)
	lossAt(t, tr, x, target, weight)
	grads := make([][]float32, len(tr.params))
	for i, m := range tr.model {
		g, err := m.Grad()
		if err != nil {
			t.Fatal(err)
		}
		grads[i] = append([]float32(nil), floats(g)...)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for i, p := range tr.params {
		dir, dot, norm := make([]float32, len(p.Data)), 0.0, 0.0
		for j := range dir {
			dir[j] = float32(r.NormFloat64())
			norm += float64(dir[j]) * float64(dir[j])
		}
		for j := range dir {
			dir[j] /= float32(math.Sqrt(norm))
			dot += float64(dir[j]) * float64(grads[i][j])
		}
		const eps = 3e-4
		keep := append([]float32(nil), p.Data...)
		at := func(k float32) float64 {
			for j := range p.Data {
				p.Data[j] = keep[j] + k*dir[j]
			}
			return lossAt(t, tr, x, target, weight)
		}
		num := (at(eps) - at(-eps)) / (2 * eps)
		copy(p.Data, keep)
		if math.Abs(num-dot) > tol*(math.Abs(num)+math.Abs(dot)+1e-2) {
			t.Errorf("%s: analytic %.6g, numeric %.6g", p.Name, dot, num)
		}
	}
}

func TestGradientsUNet(t *testing.T) {
	for name, up := range map[string]net.UpKind{"nearest": net.UpNearest, "linear": net.UpLinear, "transposed": net.UpTransposed} {
		t.Run(name, func(t *testing.T) {
			cfg := TrainerConfig{Net: tinyUNet(up), Batch: 2, H: 12, W: 8, Threads: 2, DiceWeight: 0.7}
			checkGradients(t, cfg, 3, 0.02)
		})
	}
}
