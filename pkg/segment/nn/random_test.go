package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// world grows a random network: values at full and at half resolution, read any number of times.
type world struct {
	t      *rapid.T
	b      *net.Builder
	levels [2][]int // nodes by level: full, half
	smooth bool     // only what has a gradient
}

func (w *world) pick(level int) int {
	nodes := w.levels[level]
	return nodes[rapid.IntRange(0, len(nodes)-1).Draw(w.t, "node")]
}

// alike is another node of a level with as many channels as x, perhaps x itself.
func (w *world) alike(level, x int) int {
	var all []int
	for _, n := range w.levels[level] {
		if w.b.Channels(n) == w.b.Channels(x) {
			all = append(all, n)
		}
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(w.t, "alike")]
}

func (w *world) level() int {
	if len(w.levels[1]) == 0 {
		return 0
	}
	return rapid.IntRange(0, 1).Draw(w.t, "level")
}

func (w *world) grow() {
	level := w.level()
	x, to := w.pick(level), level
	two := net.Pair{Y: 2, X: 2}
	switch rapid.IntRange(0, 8).Draw(w.t, "op") {
	case 0, 1:
		x = w.b.Conv("conv", x, net.ConvConfig{
			Out: rapid.SampledFrom([]int{3, 16, 17, 32}).Draw(w.t, "out"), Kernel: rapid.SampledFrom([]int{1, 3}).Draw(w.t, "kernel"), Bias: true,
		})
	case 2:
		kinds := []net.ActKind{net.Sigmoid, net.HardSwish, net.LeakyReLU}
		x = w.b.Add("act", &net.Activation{Act: net.Act{Kind: rapid.SampledFrom(kinds).Draw(w.t, "act"), Alpha: 0.3}}, x)
	case 3:
		act := net.Act{}
		if !w.smooth {
			act.Kind = rapid.SampledFrom([]net.ActKind{net.Identity, net.ReLU}).Draw(w.t, "then")
		}
		kind := rapid.SampledFrom([]net.BinaryKind{net.Add, net.Sub}).Draw(w.t, "kind")
		x = w.b.Add("binary", &net.Binary{Kind: kind, Act: act}, x, w.alike(level, x))
	case 4:
		in := []int{x, w.pick(level), w.pick(level)}[:rapid.IntRange(1, 3).Draw(w.t, "parts")]
		x = w.b.Add("concat", &net.Concat{}, in...)
	case 5:
		g := w.b.Add("mean", &net.GlobalAvgPool{}, x)
		x = w.b.Add("scale", &net.Binary{Kind: net.Mul}, x, w.b.Add("gate", &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, g))
	case 6:
		if to = 1 - level; level == 0 {
			x = w.b.Add("pool", &net.Pool{Kind: net.AvgPool, Kernel: two, Stride: two, Dilation: net.Pair{Y: 1, X: 1}}, x)
		} else {
			x = w.b.Add("double", &net.Resize{ScaleY: 2, ScaleX: 2, Coord: net.Asymmetric, Round: net.Floor}, x)
		}
	case 7:
		x = w.b.Add("pad", &net.Pad{Pad: net.Padding{Top: 1, Right: 2}, Value: 0.25}, x)
		x = w.b.Add("cut", &net.Slice{Y0: 1, X0: 1, X1: -1}, x)
	case 8:
		x = w.b.BatchNorm("norm", x)
	}
	if w.b.Channels(x) <= 64 {
		w.levels[to] = append(w.levels[to], x)
	}
}

func newWorld(t *rapid.T, smooth bool) *world {
	w := &world{t: t, b: net.NewBuilder("random", rapid.IntRange(1, 17).Draw(t, "in"), rapid.Uint64().Draw(t, "seed")), smooth: smooth}
	w.levels[0] = []int{0}
	for range rapid.IntRange(2, 12).Draw(t, "ops") {
		w.grow()
	}
	return w
}

// TestRandomNetworks looks for networks that the plan of the arena gets wrong.
func TestRandomNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, false)
		outputs := []int{w.pick(0), w.pick(w.level()), w.pick(0)}[:rapid.IntRange(1, 3).Draw(t, "outputs")]
		n := jitter(w.b.Done(outputs...), 9)
		x := nettest.Random(net.Shape{C: n.Nodes[0].Op.(*net.Input).Channels, H: 6, W: 8}, 11)
		want, err := nettest.Run(n, x)
		if err != nil {
			t.Fatal(err)
		}
		tiling := rapid.SampledFrom([]Tiling{{}, {Two: 1}, Fastest()}).Draw(t, "tiling")
		if err := runTwice(n, Options{Threads: 2, Tiling: tiling}, x, want); err != nil {
			t.Fatal(err)
		}
	})
}

// runTwice compares a network with the oracle's answer, on memory that holds no zeros.
func runTwice(n *net.Net, opts Options, x nettest.Planes, want []nettest.Planes) error {
	e, err := New(n, opts)
	if err != nil {
		return err
	}
	nw, err := e.Compile(pyramid.Size{W: x.W, H: x.H}, 1)
	if err != nil {
		return err
	}
	defer nw.Close()
	out := make([]float32, nw.outFloats())
	for run := range 2 {
		poison(out)
		poison(nw.g.arena)
		if err := nw.Run(context.Background(), x.Float32(), out); err != nil {
			return err
		}
		rest := out
		for k, p := range want {
			if err := near(rest[:len(p.Data)], p.Data); err != nil {
				return fmt.Errorf("run %d, output %d: %w", run, k, err)
			}
			rest = rest[len(p.Data):]
		}
	}
	return checkPromises(nw, x)
}

// poison makes every float that is read without having been written a NaN.
func poison(data []float32) {
	for i := range data {
		data[i] = float32(math.NaN())
	}
}

// checkPromises runs the operators one by one: the empty lanes and the border of every fresh result
// must be zero, as the kernels' contract has it.
func checkPromises(nw *Network, x nettest.Planes) error {
	poison(nw.g.arena)
	nw.load(x.Float32())
	for _, s := range nw.g.steps {
		if _, err := s.op.Do(s.in...); err != nil {
			return err
		}
		v := &s.op.out.(*act).view
		for i := range v.N * v.Blocks() {
			n, block := i/v.Blocks(), i%v.Blocks()
			for y := -v.Border; y < v.H+v.Border; y++ {
				for x := -v.Border; x < v.W+v.Border; x++ {
					pixel := v.Data[v.Off+n*v.ImageStride+block*v.BlockStride+y*v.RowStride+x*kernel.Block:][:kernel.Block]
					if inside := y >= 0 && y < v.H && x >= 0 && x < v.W; inside {
						pixel = pixel[min(kernel.Block, v.C-block*kernel.Block):]
					}
					for _, f := range pixel {
						if f != 0 { // NaN too
							return fmt.Errorf("%v: %g at (%d, %d) of block %d, beyond channel %d or the border", s.op, f, y, x, block, v.C)
						}
					}
				}
			}
		}
	}
	return nil
}

// TestRandomTraining checks the slope of the loss along all parameters at once.
func TestRandomTraining(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, true)
		first := w.b.Conv("learn", w.pick(0), net.ConvConfig{Out: 16, Kernel: 3, Bias: true})
		w.levels[0] = append(w.levels[0], first)
		w.grow()
		join := w.b.Add("join", &net.Concat{}, w.pick(0), first)
		n := jitter(w.b.Done(w.b.Conv("logits", join, net.ConvConfig{Out: 3, Kernel: 1, Bias: true})), 9)
		cfg := TrainerConfig{Net: n, Batch: 2, H: 4, W: 6, Threads: 2, DiceWeight: 0.5}
		tr, err := NewTrainer(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		defer tr.Close()
		s := newSample(cfg, 3, 7)
		_, grads := gradientsOf(t, tr, s)
		if err := slopeOfAll(t, tr, cfg, s, grads); err != nil {
			rt.Fatal(err)
		}
	})
}

func slopeOfAll(t *testing.T, tr *Trainer, cfg TrainerConfig, s sample, grads [][]float32) error {
	r, norm := rand.New(rand.NewPCG(5, 5)), 0.0
	var faults error
	for _, eps := range []float64{3e-4, 1e-3, 1e-4} {
		analytic, numeric := 0.0, 0.0
		norm = 0
		var keep [][]float32
		var up, down [][]float32
		for i, p := range tr.params {
			k, u, d := append([]float32(nil), p.Data...), append([]float32(nil), p.Data...), append([]float32(nil), p.Data...)
			for j, v := range k {
				step := float32(r.NormFloat64() * eps / math.Sqrt(float64(len(k))))
				u[j], d[j] = v+step, v-step
				analytic += float64(grads[i][j]) * (float64(u[j]) - float64(d[j])) / (2 * eps)
				norm += float64(grads[i][j]) * float64(grads[i][j]) / float64(len(k))
			}
			keep, up, down = append(keep, k), append(up, u), append(down, d)
		}
		set := func(to [][]float32) {
			for i, p := range tr.params {
				copy(p.Data, to[i])
			}
		}
		set(up)
		numeric = oracleLoss(t, tr.net, cfg, s)
		set(down)
		numeric = (numeric - oracleLoss(t, tr.net, cfg, s)) / (2 * eps)
		set(keep)
		if math.Abs(numeric-analytic) <= 5e-3*math.Sqrt(norm)+1e-4 {
			return nil
		}
		faults = fmt.Errorf("step %g: analytic %.6g, numeric %.6g, norm %.3g", eps, analytic, numeric, math.Sqrt(norm))
	}
	return faults
}
