package train

import (
	"slices"
	"testing"
)

// TestInitGivesBackWhatWasTrained: batch norms and their statistics survive the file, and the network
// trains at another size than it was read at.
func TestInitGivesBackWhatWasTrained(t *testing.T) {
	a := Architecture{Encoder: []int{4, 6, 8}, Decoder: []int{4, 6}, Seed: 5}
	want := Network(a)
	for _, tensor := range tensors(want) {
		for i := range tensor.Data {
			tensor.Data[i] += float32(i%7) / 8 // so that no statistic has its initial value
		}
	}
	p := Package{Net: want, Name: "small", Version: "1", MPP: 1.3, Recipe: DefaultRecipe()}
	p.Recipe.Norm = Normalisation{Mean: [3]float64{0.5, 0.25, 0.125}, Std: [3]float64{0.2, 0.3, 0.1}}
	cfg := tiny("")
	p.Train, p.Val, p.Backend, p.Replicates = cfg.Train, cfg.Val[:2], Gorgonia{Threads: 2}, 20
	m, err := Export(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	got, norm, err := Init(m.File)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(flatten(got), flatten(want)) || norm != p.Recipe.Norm {
		t.Errorf("weights or normalisation %v differ", norm)
	}
	cfg.Start, cfg.Backend = got, Gorgonia{Threads: 2}
	cfg.Recipe.Epochs, cfg.Recipe.Peak, cfg.Recipe.Norm, cfg.Recipe.Solver.Size = 1, 1e-3, norm, 64
	if res := mustRun(t, cfg); slices.Equal(flatten(res.Last), flatten(want)) {
		t.Error("an epoch changed nothing")
	}
}

func TestInitRefuses(t *testing.T) {
	if _, _, err := Init([]byte("hello")); err == nil {
		t.Error("a text was read as a model")
	}
}
