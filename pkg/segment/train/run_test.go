package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tiny is a run that takes less than a second.
func tiny(dir string) Config {
	r := DefaultRecipe()
	r.Epochs, r.Solver.Batch, r.Solver.Size, r.Peak, r.Average, r.Gentle = 6, 3, 32, 2, 0.5, 2
	return Config{
		Recipe: r, Start: pixelNet(), Train: discs("t", 4, 40), Val: discs("v", 2, 40),
		Backend: &plainBackend{}, Dir: dir, Workers: 2, Context: 4,
	}
}

func mustRun(t *testing.T, cfg Config) *Result {
	t.Helper()
	res, err := Run(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestRunLearns(t *testing.T) {
	cfg := tiny(t.TempDir())
	cfg.Recipe.Epochs = 15
	res := mustRun(t, cfg)
	first, last := res.History[0], res.History[len(res.History)-1]
	if last.Loss > 0.8*first.Loss {
		t.Errorf("loss went from %g to %g", first.Loss, last.Loss)
	}
	if last.Val.Dice < 0.8 {
		t.Errorf("carcinoma Dice is %g on images whose colour gives them away", last.Val.Dice)
	}
	for _, name := range []string{"checkpoint", "history.json", "curves.png"} {
		if info, err := os.Stat(filepath.Join(cfg.Dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResumeIsExact interrupts a run after some epochs, and within one, and compares every weight.
func TestResumeIsExact(t *testing.T) {
	want := mustRun(t, tiny(t.TempDir()))
	for _, workers := range []int{1, 3} {
		cfg := tiny(t.TempDir())
		cfg.Workers = workers
		cfg.Recipe.StopAfter = 2
		mustRun(t, cfg)
		cfg.Recipe.StopAfter = 0
		interrupt(t, cfg, 7)
		got := mustRun(t, cfg)
		if !slices.Equal(flatten(got.Net), flatten(want.Net)) || !slices.Equal(flatten(got.Last), flatten(want.Last)) {
			t.Errorf("%d workers: resumed weights differ", workers)
		}
	}
}

// interrupt cancels a run after some steps.
func interrupt(t *testing.T, cfg Config, steps int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Run(ctx, cfg, func(Progress) {
		if steps--; steps == 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted run ended with %v", err)
	}
}

func TestSeedReproduces(t *testing.T) {
	a, b := mustRun(t, tiny("")), mustRun(t, tiny(""))
	if !slices.Equal(flatten(a.Last), flatten(b.Last)) {
		t.Error("the same seed gave other weights")
	}
	cfg := tiny("")
	cfg.Recipe.Seed++
	if c := mustRun(t, cfg); slices.Equal(flatten(a.Last), flatten(c.Last)) {
		t.Error("another seed gave the same weights")
	}
}

func TestFinishedRunIsNotRepeated(t *testing.T) {
	cfg := tiny(t.TempDir())
	want := mustRun(t, cfg)
	backend := cfg.Backend.(*plainBackend)
	before := backend.steps
	got := mustRun(t, cfg)
	if backend.steps != before {
		t.Errorf("%d steps after the last epoch", backend.steps-before)
	}
	if !slices.Equal(flatten(got.Net), flatten(want.Net)) {
		t.Error("the result changed")
	}
}

func TestCheckpointDamage(t *testing.T) {
	cfg := tiny(t.TempDir())
	cfg.Recipe.StopAfter = 1
	mustRun(t, cfg)
	path := filepath.Join(cfg.Dir, "checkpoint")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flip := slices.Clone(good)
	flip[len(flip)/2] ^= 1
	for name, damage := range map[string]struct {
		data []byte
		want string
	}{
		"one bit":   {flip, "damaged"},
		"truncated": {good[:len(good)/2], "damaged"},
		"empty":     {nil, "not a checkpoint"},
		"text":      {[]byte("hello"), "not a checkpoint"},
	} {
		if err := os.WriteFile(path, damage.data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), damage.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, damage.want)
		}
	}
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg.Recipe.Peak *= 2
	if _, err := Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "another recipe") {
		t.Errorf("another recipe's checkpoint: error %v", err)
	}
}

func TestPatience(t *testing.T) {
	cfg := tiny("")
	cfg.Recipe.Epochs, cfg.Recipe.Patience, cfg.Recipe.Peak, cfg.Recipe.Validate = 40, 2, 1e-9, 1
	res := mustRun(t, cfg)
	if !res.Stopped || len(res.History) > 4 {
		t.Errorf("stopped %v after %d epochs that changed nothing", res.Stopped, len(res.History))
	}
}

func TestSharedPatientIsRefused(t *testing.T) {
	cfg := tiny("")
	cfg.Val = cfg.Train[:1]
	if _, err := Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "patient") {
		t.Errorf("error %v", err)
	}
}

func TestSamplerShares(t *testing.T) {
	cases := discs("t", 4, 16)
	s, err := newSampler(3, cases, map[string]float64{"polyp": 2})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, i := range s.epoch(0, 80) {
		count[cases[i].Group]++
	}
	if count["polyp"] != 40 || count["adenocarcinoma"] != 20 || count["high-grade-in"] != 20 {
		t.Errorf("an epoch of 80 holds %v", count)
	}
	if slices.Equal(s.epoch(0, 80), s.epoch(1, 80)) {
		t.Error("two epochs have one order")
	}
}

func TestScheduleEnds(t *testing.T) {
	s := Schedule{Peak: 1, Final: 0.1, Warmup: 4, Total: 20}
	for step, want := range map[int]float64{0: 0.25, 3: 1, 4: 1, 19: 0.1, 25: 0.1} {
		if got := s.At(step); got < want-1e-12 || got > want+1e-12 {
			t.Errorf("step %d: rate %g, want %g", step, got, want)
		}
	}
}
