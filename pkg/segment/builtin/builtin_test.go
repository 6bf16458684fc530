package builtin_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/nn"
)

func tiled(t *testing.T) (*segment.Model, *nn.ModelEngine) {
	t.Helper()
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := nn.ForModel(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m, e
}

// TestRegionTiling holds what runs of the built-in model are called: another tiling makes other bits, and all slides that are ordered
// again are computed anew.
func TestRegionTiling(t *testing.T) {
	if _, e := tiled(t); e.Name() != "gorgonia 4@2,2@2" {
		t.Errorf("engine %q", e.Name())
	}
}

// TestArithmetic holds the bits of both of our engines: whoever changes one of these sums needs another name for the engine, or
// workers of two versions put one mask together from two arithmetics. With new weights the sums are new ones.
func TestArithmetic(t *testing.T) {
	m, e := tiled(t)
	for name, c := range map[string]struct {
		engine segment.Engine
		want   string
	}{
		"direct": {nn.DirectForModel(m, 1), "27070c1a540c7678"},
		"tiled":  {e, "644265505e2d1cd7"},
	} {
		if got := bits(t, c.engine, len(m.Description.Classes)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// bits sums what an engine makes of noise.
func bits(t *testing.T, e segment.Engine, classes int) string {
	t.Helper()
	const w, h = 256, 192
	network, err := e.Network(pyramid.Size{W: w, H: h})
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	in, out := make([]float32, 3*w*h), make([]float32, classes*w*h)
	for i := range in {
		in[i] = float32(rng.IntN(512)-256) / 128
	}
	if err := network.Run(t.Context(), in, out); err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, x := range out {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}
