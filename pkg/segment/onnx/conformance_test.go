package onnx

import (
	"archive/zip"
	"encoding/json"
	"io"
	"math"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

// recorded is a model with what ONNX Runtime 1.30 computed; see scripts/onnx/peers.
type recorded struct {
	File   string    `json:"file"`
	Shape  [3]int    `json:"shape"`
	Size   int       `json:"size"`
	Range  float64   `json:"range"`
	Proofs []float64 `json:"proofs"`
}

// archive holds the models: one per operator and attribute, and exports of PyTorch in opsets 11 to
// 16. scripts/bench-peers.sh --record makes it anew.
const archive = "testdata/conformance.zip"

func unpack(t testing.TB) (cases []recorded, files map[string][]byte) {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(files["cases.json"], &cases); err != nil {
		t.Fatal(err)
	}
	delete(files, "cases.json")
	return cases, files
}

// TestConformance lowers every model and runs it on the plain interpreter, as it is and folded:
// padding, rounding and edges are ONNX Runtime's.
func TestConformance(t *testing.T) {
	cases, files := unpack(t)
	for _, c := range cases {
		m, err := Read(files[c.File], Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.File, err)
			continue
		}
		in := net.Shape{C: c.Shape[0], H: c.Shape[1], W: c.Shape[2]}
		n, err := m.Lower(in)
		if err != nil {
			t.Errorf("%s: %v", c.File, err)
			continue
		}
		if flops, _, err := n.Cost(in); testing.Short() && flops > 1e6 || flops > 1e7 {
			if err != nil {
				t.Errorf("%s: %v", c.File, err)
			}
			continue // scripts/bench-peers.sh --check runs these
		}
		for _, n := range []*net.Net{n, n.Fold()} {
			out, err := nettest.Run(n, nettest.Random(in, 42))
			if err != nil {
				t.Errorf("%s: %v", c.File, err)
				continue
			}
			compare(t, c, out[0].Float32())
		}
	}
}

func compare(t *testing.T, c recorded, got []float32) {
	t.Helper()
	if len(got) != c.Size {
		t.Errorf("%s %v: %d values, ONNX Runtime computes %d", c.File, c.Shape, len(got), c.Size)
		return
	}
	proofs, _ := nettest.Proofs(got)
	for k, p := range proofs {
		if d := math.Abs(p - c.Proofs[k]); !(d <= 1e-4*math.Max(c.Range, 1e-3)*math.Sqrt(float64(c.Size))) {
			t.Errorf("%s %v: proof %d differs by %g, range %g", c.File, c.Shape, k, d, c.Range)
			return
		}
	}
}
