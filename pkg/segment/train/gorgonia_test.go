package train

import (
	"slices"
	"testing"
)

// smallGorgonia is a run of the real trainer on a small network.
func smallGorgonia(dir string, threads int) Config {
	cfg := tiny(dir)
	cfg.Start = Network(Architecture{Encoder: []int{8, 12, 16}, Decoder: []int{8, 12}, Seed: 2})
	cfg.Backend = Gorgonia{Threads: threads}
	cfg.Recipe.Solver.Size, cfg.Recipe.Peak, cfg.Recipe.Epochs, cfg.Recipe.Validate = 48, 3e-3, 4, 2
	return cfg
}

// TestGorgoniaResumeIsExact: interrupted twice, with another number of threads each time, training ends
// in the same bits as straight through.
func TestGorgoniaResumeIsExact(t *testing.T) {
	want := mustRun(t, smallGorgonia("", 1))
	dir := t.TempDir()
	cfg := smallGorgonia(dir, 2)
	cfg.Recipe.StopAfter = 1
	mustRun(t, cfg)
	interrupt(t, smallGorgonia(dir, 1), 6)
	got := mustRun(t, smallGorgonia(dir, 2))
	if !slices.Equal(flatten(got.Net), flatten(want.Net)) || !slices.Equal(flatten(got.Last), flatten(want.Last)) {
		t.Error("resumed weights differ")
	}
}

// TestGorgoniaLearns: a small network on images whose colour gives the class away.
func TestGorgoniaLearns(t *testing.T) {
	cfg := smallGorgonia("", 2)
	cfg.Recipe.Epochs, cfg.Recipe.Validate = 12, 12
	res := mustRun(t, cfg)
	if first, last := res.History[0].Loss, res.History[11].Loss; last > 0.7*first {
		t.Errorf("loss went from %g to %g", first, last)
	}
}
