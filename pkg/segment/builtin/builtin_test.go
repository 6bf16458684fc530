package builtin_test

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

// TestRegionTiling holds what segment.TiledEngine means for the built-in model: another tiling makes other bits, and needs
// another name.
func TestRegionTiling(t *testing.T) {
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := nn.ForModel(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := (nn.Tiling{Four: 2, Two: 2}); e.Tiling() != want {
		t.Errorf("tiling %v, want %v", e.Tiling(), want)
	}
}
