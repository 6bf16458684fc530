package train

import (
	"math"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// TestBuiltinFitsItsBudget holds the architecture to the limits of the issue: 25 GFLOP per 512×512,
// 10 MB of weights, at most 35 % recomputed halo in a region of 2048.
func TestBuiltinFitsItsBudget(t *testing.T) {
	n := Network(DefaultArchitecture())
	field, err := n.Field()
	if err != nil {
		t.Fatal(err)
	}
	flops, weights, err := n.Cost(net.Shape{C: 3, H: 512, W: 512})
	if err != nil {
		t.Fatal(err)
	}
	overhead := math.Pow(1+2*float64(field.Halo())/2048, 2)
	t.Logf("halo %d, overhead %.3f, %.1f GFLOP, %.2f M weights", field.Halo(), overhead, float64(flops)/1e9, float64(weights)/1e6)
	if overhead > 1.35 || flops > 25e9 || 4*weights > 10e6 {
		t.Errorf("halo %d costs %.3f, %d flops, %d weights", field.Halo(), overhead, flops, weights)
	}
}
