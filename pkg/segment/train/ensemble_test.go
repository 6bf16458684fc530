package train

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/segment"
)

// TestEnsembleOfAPixelNetwork: turning changes nothing for a network that looks at single pixels.
func TestEnsembleOfAPixelNetwork(t *testing.T) {
	engine, err := (&plainBackend{}).NewEngine(pixelNet())
	if err != nil {
		t.Fatal(err)
	}
	c := dots(20)
	j := Judgement{Norm: Measure([]Case{c}), Field: segment.Field{Halo: 4, Align: 4}, Threshold: 0.5, Temperature: 1}
	one, err := Judge(t.Context(), engine, []Case{c}, j)
	if err != nil {
		t.Fatal(err)
	}
	j.Ensemble = true
	eight, err := Judge(t.Context(), engine, []Case{c}, j)
	if err != nil {
		t.Fatal(err)
	}
	if one.Summaries[0].Carcinoma != eight.Summaries[0].Carcinoma || one.Summaries[0].Other != eight.Summaries[0].Other {
		t.Error("the ensemble of equals differs from one of them")
	}
}
