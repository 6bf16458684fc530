package nn

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

func smallConfig(threads int) TrainerConfig {
	return TrainerConfig{
		Net:   net.UNet(net.UNetConfig{Name: "small", Classes: 3, Channels: []int{16, 24, 32}, Blocks: 1, Seed: 3}),
		Batch: 2, H: 16, W: 24, Threads: threads, DiceWeight: 1, ClipNorm: 1,
		Solver: AdamW{WeightDecay: 0.01},
	}
}

func mustTrainer(t *testing.T, cfg TrainerConfig) *Trainer {
	t.Helper()
	tr, err := NewTrainer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func mustStep(t *testing.T, tr *Trainer, s sample) float64 {
	t.Helper()
	loss, err := tr.Step(t.Context(), s.x, s.target, s.weight, 3e-3)
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

// copyState is a state that no later step changes.
func copyState(tr *Trainer) []StateSlice {
	s := tr.State()
	for i := range s {
		s[i].F32 = append([]float32(nil), s[i].F32...)
		s[i].F64 = append([]float64(nil), s[i].F64...)
	}
	return s
}

func sameState(t *testing.T, a, b []StateSlice) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d and %d parts", len(a), len(b))
	}
	for i := range a {
		if a[i].Name != b[i].Name || !slices.Equal(a[i].F32, b[i].F32) || !slices.Equal(a[i].F64, b[i].F64) {
			t.Errorf("%s and %s differ", a[i].Name, b[i].Name)
		}
	}
}

func TestTrainingLearns(t *testing.T) {
	tr := mustTrainer(t, smallConfig(2))
	s := newSample(tr.cfg, 3, 1)
	first, last := mustStep(t, tr, s), 0.0
	for range 20 {
		last = mustStep(t, tr, s)
	}
	if !(last < 0.8*first) {
		t.Errorf("loss went from %g to %g in 20 steps on one batch", first, last)
	}
}

func TestTrainingIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	one, three := mustTrainer(t, smallConfig(1)), mustTrainer(t, smallConfig(3))
	for i := range 3 {
		s := newSample(one.cfg, 3, uint64(i))
		if a, b := mustStep(t, one, s), mustStep(t, three, s); a != b {
			t.Errorf("step %d: loss %v on one thread, %v on three", i, a, b)
		}
	}
	sameState(t, one.State(), three.State())
}

func TestResumeIsExact(t *testing.T) {
	through := mustTrainer(t, smallConfig(2))
	batches := []sample{newSample(through.cfg, 3, 1), newSample(through.cfg, 3, 2), newSample(through.cfg, 3, 3)}
	mustStep(t, through, batches[0])
	state := copyState(through)
	resumed := mustTrainer(t, smallConfig(1))
	if err := resumed.Restore(state); err != nil {
		t.Fatal(err)
	}
	for _, s := range batches[1:] {
		mustStep(t, through, s)
		mustStep(t, resumed, s)
	}
	sameState(t, through.State(), resumed.State())
}

func TestRestoreRefusesAnotherNetwork(t *testing.T) {
	tr, other := mustTrainer(t, smallConfig(1)), smallConfig(1)
	other.Net = net.UNet(net.UNetConfig{Name: "other", Classes: 3, Channels: []int{16, 24, 40}, Blocks: 1, Seed: 3})
	before := copyState(tr)
	if err := tr.Restore(mustTrainer(t, other).State()); err == nil {
		t.Fatal("a state of another network was taken")
	}
	sameState(t, before, tr.State())
}

// TestRunningStatistics: with momentum 1 they are those of the last batch, so the folded network
// computes nearly what training computed.
func TestRunningStatistics(t *testing.T) {
	cfg := smallConfig(1)
	cfg.Net = net.UNet(net.UNetConfig{Name: "tiny", Classes: 3, Channels: []int{5, 6}, Blocks: 1, Seed: 3})
	cfg.BNMomentum = 1
	tr := mustTrainer(t, cfg)
	s := newSample(cfg, 3, 4)
	_, _ = gradientsOf(t, tr, s)
	want := oracleLoss(t, tr.net, cfg, s)
	plain := tr.Net()
	for _, n := range plain.Nodes {
		if bn, ok := n.Op.(*net.BatchNorm); ok {
			for _, v := range bn.Var.Data {
				if v == 1 {
					t.Fatal("running variance has not moved")
				}
			}
		}
	}
	got := evalLoss(t, plain, cfg, s)
	if math.Abs(got-want) > 2e-2*want {
		t.Errorf("loss with running statistics %g, with the batch's %g", got, want)
	}
}

// evalLoss is the loss of a network whose batch norms keep their statistics.
func evalLoss(t *testing.T, n *net.Net, cfg TrainerConfig, s sample) float64 {
	t.Helper()
	return oracleLoss(t, n.Fold(), cfg, s)
}

func TestStepRefuses(t *testing.T) {
	tr := mustTrainer(t, smallConfig(1))
	s := newSample(tr.cfg, 3, 1)
	before := copyState(tr)
	if _, err := tr.Step(t.Context(), s.x[1:], s.target, s.weight, 1e-3); err == nil {
		t.Error("a short image was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Step(ctx, s.x, s.target, s.weight, 1e-3); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled step: %v", err)
	}
	s.x[5] = float32(math.NaN())
	if _, err := tr.Step(t.Context(), s.x, s.target, s.weight, 1e-3); err == nil {
		t.Error("a step on NaN went through")
	}
	after := tr.State()
	for i := range before {
		if tr.Params()[min(i, len(tr.Params())-1)].Stat {
			break
		}
		sameState(t, before[i:i+1], after[i:i+1])
	}
}

func TestTrainerRefuses(t *testing.T) {
	for name, change := range map[string]func(c *TrainerConfig){
		"no network":      func(c *TrainerConfig) { c.Net = nil },
		"no batch":        func(c *TrainerConfig) { c.Batch = 0 },
		"odd size":        func(c *TrainerConfig) { c.H = 17 },
		"little memory":   func(c *TrainerConfig) { c.MemoryLimit = 1 << 10 },
		"negative weight": func(c *TrainerConfig) { c.DiceWeight = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := smallConfig(1)
			change(&cfg)
			if _, err := NewTrainer(cfg); err == nil {
				t.Error("accepted")
			} else {
				t.Log(err)
			}
		})
	}
}

// TestStepAllocatesLittle bounds what a step leaves to the collector: the machine's small change, no
// activation and no gradient.
func TestStepAllocatesLittle(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	tr := mustTrainer(t, smallConfig(2))
	s := newSample(tr.cfg, 3, 1)
	mustStep(t, tr, s)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const steps = 5
	for range steps {
		mustStep(t, tr, s)
	}
	runtime.ReadMemStats(&after)
	perStep := (after.TotalAlloc - before.TotalAlloc) / steps
	if limit := uint64(512 * len(tr.g.steps)); perStep > limit {
		t.Errorf("%d bytes a step, want at most %d (arena %d)", perStep, limit, tr.ArenaBytes())
	}
	t.Logf("%d bytes, %d objects a step of %d operators", perStep, (after.Mallocs-before.Mallocs)/steps, len(tr.g.steps))
}
