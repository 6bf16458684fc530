package builtin_test

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// TestRegionTiling holds what runs of the built-in model are called: another tiling makes other bits, and all slides that are ordered
// again are computed anew.
func TestRegionTiling(t *testing.T) {
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := nn.ForModel(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := "gorgonia 4@2,2@2"; e.Name() != want {
		t.Errorf("engine %q, want %q", e.Name(), want)
	}
}
