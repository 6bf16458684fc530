package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

// saliencyNet has one of every operation of a segmentation network: strided and plain convolutions with
// batch norm, a residual, a pool, a skip, a transposed convolution and an enlargement.
func saliencyNet(seed uint64) *net.Net {
	b := net.NewBuilder("small", 3, seed)
	x := b.ConvNormReLU("stem", 0, net.ConvConfig{Out: 6, Kernel: 3, Stride: 2})
	y := b.ConvNormReLU("more", x, net.ConvConfig{Out: 6, Kernel: 3})
	x = b.Add("residual", &net.Binary{Kind: net.Add}, x, y)
	p := b.Add("pool", &net.Pool{Kind: net.MaxPool, Kernel: net.Pair{Y: 2, X: 2}, Stride: net.Pair{Y: 2, X: 2}, Dilation: net.Pair{Y: 1, X: 1}}, x)
	p = b.ConvNormReLU("deep", p, net.ConvConfig{Out: 8, Kernel: 3})
	r := rand.New(rand.NewPCG(seed, 9))
	w := &net.Tensor{Shape: []int{8, 5, 2, 2}, Data: make([]float32, 8*5*4)}
	for i := range w.Data {
		w.Data[i] = float32(r.NormFloat64()) / 3
	}
	u := b.Add("up", &net.ConvTranspose{Weight: w, Stride: net.Pair{Y: 2, X: 2}, Dilation: net.Pair{Y: 1, X: 1}, Groups: 1}, p)
	x = b.Add("skip", &net.Concat{}, x, u)
	x = b.Conv("logits", x, net.ConvConfig{Out: 3, Kernel: 1, Bias: true})
	n := b.Done(b.Add("full", &net.Resize{Mode: net.Linear, Coord: net.HalfPixel, ScaleY: 2, ScaleX: 2}, x))
	for _, node := range n.Nodes {
		if bn, ok := node.Op.(*net.BatchNorm); ok {
			for c := range bn.Mean.Data {
				bn.Mean.Data[c], bn.Var.Data[c] = float32(r.NormFloat64())/4, 0.5+r.Float32()
				bn.Bias.Data[c] = float32(r.NormFloat64()) / 4
			}
		}
	}
	return n
}

// oracleScore is the weighted mean log-odds in float64 by the plain oracle.
func oracleScore(t *testing.T, n *net.Net, x nettest.Planes, weight []float32, class int) float64 {
	t.Helper()
	out, err := nettest.Run(n, x)
	if err != nil {
		t.Fatal(err)
	}
	z, plane := out[0], x.H*x.W
	sum, total := 0.0, 0.0
	for i, w := range weight {
		others := 0.0
		for c := range z.C {
			if c != class {
				others += math.Exp(z.Data[c*plane+i])
			}
		}
		sum += float64(w) * (z.Data[class*plane+i] - math.Log(others))
		total += float64(w)
	}
	return sum / total
}

// TestSaliencyIsTheGradient compares score and gradient with the oracle's, by differences.
func TestSaliencyIsTheGradient(t *testing.T) {
	n, r := saliencyNet(3), rand.New(rand.NewPCG(4, 4))
	x := nettest.Random(net.Shape{C: 3, H: 16, W: 24}, 7)
	weight := make([]float32, 16*24)
	for i := range weight {
		weight[i] = float32(r.IntN(3))
	}
	for _, threads := range []int{1, 3} {
		s, err := NewSaliency(SaliencyConfig{Net: n, H: 16, W: 24, Class: 2, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		grad := make([]float32, 3*16*24)
		score, err := s.Run(t.Context(), x.Float32(), weight, grad)
		if err != nil {
			t.Fatal(err)
		}
		if want := oracleScore(t, n, x, weight, 2); math.Abs(score-want) > 1e-4 {
			t.Errorf("score %g, want %g", score, want)
		}
		for range 60 {
			i := r.IntN(len(grad))
			const h = 1e-5
			up, down := nettest.Planes{Shape: x.Shape, Data: slices.Clone(x.Data)}, nettest.Planes{Shape: x.Shape, Data: slices.Clone(x.Data)}
			up.Data[i] += h
			down.Data[i] -= h
			want := (oracleScore(t, n, up, weight, 2) - oracleScore(t, n, down, weight, 2)) / (2 * h)
			if math.Abs(float64(grad[i])-want) > 1e-5+1e-3*math.Abs(want) {
				t.Errorf("gradient by input %d is %g, want %g", i, grad[i], want)
			}
		}
		only, err := NewSaliency(SaliencyConfig{Net: n, H: 16, W: 24, Class: 2, Threads: threads, ScoreOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if same, err := only.Run(t.Context(), x.Float32(), weight, nil); err != nil || same != score {
			t.Errorf("alone the score is %g, %v; want %g", same, err, score)
		}
		if err := only.Close(); err != nil {
			t.Error(err)
		}
		again := make([]float32, len(grad))
		if _, err := s.Run(t.Context(), x.Float32(), weight, again); err != nil || !slices.Equal(grad, again) {
			t.Errorf("a second run differs: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSaliencyOfProbabilities: a softmax or a sigmoid at the end changes nothing of the log-odds.
func TestSaliencyOfProbabilities(t *testing.T) {
	logits := saliencyNet(5)
	soft := logits.Clone()
	soft.Nodes = append(soft.Nodes, net.Node{Name: "probability", In: []int{soft.Outputs[0]}, Op: &net.Softmax{}})
	soft.Outputs = []int{len(soft.Nodes) - 1}
	x, weight := nettest.Random(net.Shape{C: 3, H: 16, W: 16}, 8), make([]float32, 256)
	for i := range weight {
		weight[i] = 1
	}
	grads := map[string][]float32{}
	for name, cfg := range map[string]SaliencyConfig{"logits": {Net: logits}, "softmax": {Net: soft, Probabilities: true}} {
		cfg.H, cfg.W, cfg.Class = 16, 16, 1
		s, err := NewSaliency(cfg)
		if err != nil {
			t.Fatal(err)
		}
		grads[name] = make([]float32, 3*256)
		if _, err := s.Run(t.Context(), x.Float32(), weight, grads[name]); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(grads["logits"], grads["softmax"]) {
		t.Error("the softmax changed the gradient")
	}
}

func TestSaliencyRefuses(t *testing.T) {
	n := saliencyNet(1)
	for want, cfg := range map[string]SaliencyConfig{
		"one output": {}, "0×16": {Net: n, W: 16}, "class 3 of 3": {Net: n, H: 16, W: 16, Class: 3},
		"MiB": {Net: n, H: 16, W: 16, MemoryLimit: 100},
	} {
		if _, err := NewSaliency(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	s, err := NewSaliency(SaliencyConfig{Net: n, H: 16, W: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, weight := make([]float32, 768), make([]float32, 256)
	if _, err := s.Run(t.Context(), x, weight, make([]float32, 768)); err == nil {
		t.Error("no pixel weighed anything")
	}
	if _, err := s.Run(t.Context(), x[1:], weight, x); err == nil {
		t.Error("a short image was taken")
	}
}
