package train

import (
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment"
)

func TestTurnByHand(t *testing.T) {
	// 1 2 3      4 1
	// 4 5 6  →   5 2
	//            6 3
	got, w, h := turn([]uint8{1, 2, 3, 4, 5, 6}, shape{3, 2, 1}, 1)
	if want := []uint8{4, 1, 5, 2, 6, 3}; w != 2 || h != 3 || !slices.Equal(got, want) {
		t.Errorf("a quarter turn gives %v of %d×%d", got, w, h)
	}
}

func TestTurnsGoBack(t *testing.T) {
	pix := []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	seen := map[string]bool{}
	for d := range 8 {
		turned, w, h := turn(pix, shape{3, 2, 2}, d)
		seen[string(turned)] = true
		back, w, h := turn(turned, shape{w, h, 2}, inverseTurn(d))
		if w != 3 || h != 2 || !slices.Equal(back, pix) {
			t.Errorf("element %d does not go back: %v of %d×%d", d, back, w, h)
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different images of eight elements", len(seen))
	}
}

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
