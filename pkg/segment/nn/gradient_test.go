package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

// sample is a batch for a trainer: images, soft labels, and weights some of which are zero.
type sample struct{ x, target, weight []float32 }

func newSample(cfg TrainerConfig, classes int, seed uint64) sample {
	r := rand.New(rand.NewPCG(seed, 1))
	plane := cfg.H * cfg.W
	s := sample{
		x:      make([]float32, cfg.Batch*cfg.Net.Nodes[0].Op.(*net.Input).Channels*plane),
		target: make([]float32, cfg.Batch*classes*plane),
		weight: make([]float32, cfg.Batch*plane),
	}
	for i := range s.x {
		s.x[i] = float32(r.NormFloat64())
	}
	for i := range s.weight {
		s.weight[i] = float32(r.IntN(3)) / 2
		n, p, a := i/plane, i%plane, r.Float32()
		s.target[(n*classes+r.IntN(classes))*plane+p] += a
		s.target[(n*classes+r.IntN(classes))*plane+p] += 1 - a
	}
	return s
}

// oracleLoss is the objective in float64 by the plain oracle, written from its formula. Batch norms
// get the statistics of the batch, one after the other.
func oracleLoss(t *testing.T, n *net.Net, cfg TrainerConfig, s sample) float64 {
	t.Helper()
	n = n.Clone()
	for _, node := range n.Nodes {
		if bn, ok := node.Op.(*net.BatchNorm); ok {
			setStatistics(bn, oracleValues(t, n, cfg, s, node.In[0]))
		}
	}
	logits := oracleValues(t, n, cfg, s, n.Outputs[0])
	classes, plane := logits[0].C, cfg.H*cfg.W
	entropy, total := 0.0, 0.0
	inter, sum := make([]float64, classes), make([]float64, classes)
	for i, l := range logits {
		for p := range plane {
			w, z := float64(s.weight[i*plane+p]), 0.0
			for c := range classes {
				z += math.Exp(l.Data[c*plane+p])
			}
			total += w
			for c := range classes {
				prob, label := math.Exp(l.Data[c*plane+p])/z, float64(s.target[(i*classes+c)*plane+p])
				entropy -= w * label * math.Log(prob)
				inter[c] += w * prob * label
				sum[c] += w * (prob + label)
			}
		}
	}
	dice := 0.0
	for c := range classes {
		dice += (2*inter[c] + 1) / (sum[c] + 1) / float64(classes)
	}
	return entropy/total + float64(cfg.DiceWeight)*(1-dice)
}

func oracleValues(t *testing.T, n *net.Net, cfg TrainerConfig, s sample, node int) []nettest.Planes {
	t.Helper()
	shape := net.Shape{C: n.Nodes[0].Op.(*net.Input).Channels, H: cfg.H, W: cfg.W}
	var all []nettest.Planes
	for i := range cfg.Batch {
		x := nettest.New(shape)
		for k := range x.Data {
			x.Data[k] = float64(s.x[i*len(x.Data)+k])
		}
		v, err := nettest.Values(n, x)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v[node])
	}
	return all
}

func setStatistics(bn *net.BatchNorm, batch []nettest.Planes) {
	plane := batch[0].H * batch[0].W
	count := float64(len(batch) * plane)
	for c := range bn.Mean.Data {
		sum, squares := 0.0, 0.0
		for _, p := range batch {
			for _, v := range p.Data[c*plane : (c+1)*plane] {
				sum += v
				squares += v * v
			}
		}
		mean := sum / count
		bn.Mean.Data[c], bn.Var.Data[c] = float32(mean), float32(squares/count-mean*mean)
	}
}

// gradientsOf runs a trainer forwards and backwards without moving anything.
func gradientsOf(t *testing.T, tr *Trainer, s sample) (loss float64, grads [][]float32) {
	t.Helper()
	if err := tr.fill(s.x, s.target, s.weight); err != nil {
		t.Fatal(err)
	}
	if err := tr.g.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range tr.model {
		g, err := m.Grad()
		if err != nil {
			t.Fatal(err)
		}
		grads = append(grads, append([]float32(nil), floats(g)...))
	}
	return tr.loss.loss, grads
}

// checkGradients compares the loss with the oracle's, and each parameter's gradient with central
// differences of the oracle's loss in random directions.
func checkGradients(t *testing.T, cfg TrainerConfig, classes int) {
	t.Helper()
	tr, err := NewTrainer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	s := newSample(cfg, classes, 7)
	loss, grads := gradientsOf(t, tr, s)
	if want := oracleLoss(t, tr.net, cfg, s); math.Abs(loss-want) > 1e-5*(1+want) {
		t.Errorf("loss %.8g, oracle %.8g", loss, want)
	}
	for i, p := range tr.params {
		checkSlope(t, tr, cfg, s, p, grads[i])
	}
}

// checkSlope tries several steps. Small ones drown in the oracle's float32 statistics, large ones
// cross kinks of ReLU and maximum; a wrong gradient fails with all of them.
func checkSlope(t *testing.T, tr *Trainer, cfg TrainerConfig, s sample, p Param, grad []float32) {
	t.Helper()
	var faults []string
	for k, eps := range []float64{3e-4, 1e-4, 1e-3} {
		r := rand.New(rand.NewPCG(5, uint64(k)))
		analytic, numeric, norm := slope(t, tr, cfg, s, p, grad, eps, r)
		if math.Abs(numeric-analytic) <= 4e-3*norm+5e-5 {
			return
		}
		faults = append(faults, fmt.Sprintf("step %g: analytic %.6g, numeric %.6g, norm %.3g", eps, analytic, numeric, norm))
	}
	t.Errorf("%s: %s", p.Name, strings.Join(faults, "; "))
}

// slope is the derivative along one random direction, by the gradient and by differences.
func slope(t *testing.T, tr *Trainer, cfg TrainerConfig, s sample, p Param, grad []float32, eps float64, r *rand.Rand) (analytic, numeric, norm float64) {
	t.Helper()
	keep := append([]float32(nil), p.Data...)
	defer copy(p.Data, keep)
	up, down := make([]float32, len(keep)), make([]float32, len(keep))
	scale := eps / math.Sqrt(float64(len(keep)))
	for j, v := range keep {
		d := float32(r.NormFloat64() * scale)
		up[j], down[j] = v+d, v-d
		analytic += float64(grad[j]) * (float64(up[j]) - float64(down[j])) / (2 * eps)
		norm += float64(grad[j]) * float64(grad[j])
	}
	copy(p.Data, up)
	high := oracleLoss(t, tr.net, cfg, s)
	copy(p.Data, down)
	low := oracleLoss(t, tr.net, cfg, s)
	return analytic, (high - low) / (2 * eps), math.Sqrt(norm / float64(len(keep)))
}

// trainable puts an operation between two learned convolutions, so that its gradient is needed.
func trainable(in int, build func(b *net.Builder, x int) int) *net.Net {
	b := net.NewBuilder("op", 2, 5)
	x := b.Conv("first", 0, net.ConvConfig{Out: in, Kernel: 3, Bias: true})
	x = build(b, x)
	return jitter(b.Done(b.Conv("last", x, net.ConvConfig{Out: 3, Kernel: 1, Bias: true})), 9)
}

func trainableNets() map[string]*net.Net {
	p := func(v int) net.Pair { return net.Pair{Y: v, X: v} }
	nets := map[string]*net.Net{
		"conv":      trainable(18, func(b *net.Builder, x int) int { return b.Conv("c", x, net.ConvConfig{Out: 20, Kernel: 3, Bias: true}) }),
		"dilated":   trainable(18, func(b *net.Builder, x int) int { return b.Conv("c", x, net.ConvConfig{Out: 9, Kernel: 3, Dilation: 2}) }),
		"depthwise": trainable(18, func(b *net.Builder, x int) int { return b.Conv("c", x, net.ConvConfig{Out: 18, Kernel: 3, Groups: 18}) }),
		"grouped":   trainable(18, func(b *net.Builder, x int) int { return b.Conv("c", x, net.ConvConfig{Out: 12, Kernel: 3, Groups: 3}) }),
		"strided and transposed": trainable(6, func(b *net.Builder, x int) int {
			x = b.Conv("c", x, net.ConvConfig{Out: 17, Kernel: 3, Stride: 2})
			return b.ConvTranspose("d", x, net.ConvConfig{Out: 5, Kernel: 2, Stride: 2, Bias: true})
		}),
		"norm":      trainable(18, func(b *net.Builder, x int) int { return b.BatchNorm("n", x) }),
		"norm relu": trainable(18, func(b *net.Builder, x int) int { return b.ConvNormReLU("n", x, net.ConvConfig{Out: 5, Kernel: 3}) }),
		"affine": trainable(3, func(b *net.Builder, x int) int {
			v := func(a ...float32) *net.Tensor { return &net.Tensor{Shape: []int{3}, Data: a} }
			return b.Add("a", &net.Affine{Scale: v(1, -2, 3), Bias: v(1, 2, 3)}, x)
		}),
		"max pool": trainable(18, func(b *net.Builder, x int) int {
			x = b.Add("p", &net.Pool{Kernel: p(3), Stride: p(2), Dilation: p(1), Pad: net.Padding{Top: 1, Left: 1, Bottom: 1, Right: 1}}, x)
			return b.Add("r", &net.Resize{ScaleY: 2, ScaleX: 2, Coord: net.Asymmetric, Round: net.Floor}, x)
		}),
		"average pool": trainable(18, func(b *net.Builder, x int) int {
			x = b.Add("p", &net.Pool{Kind: net.AvgPool, Kernel: p(2), Stride: p(2), Dilation: p(1)}, x)
			return b.Add("r", &net.Resize{Mode: net.Linear, ScaleY: 2, ScaleX: 2}, x)
		}),
		"squeeze and excite": trainable(18, func(b *net.Builder, x int) int {
			g := b.Add("g", &net.GlobalAvgPool{}, x)
			g = b.Add("s", &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, b.Conv("c", g, net.ConvConfig{Out: 18, Kernel: 1}))
			return b.Add("m", &net.Binary{Kind: net.Mul}, x, g)
		}),
		"broadcast add": trainable(18, func(b *net.Builder, x int) int {
			return b.Add("m", &net.Binary{Kind: net.Add}, b.Add("g", &net.GlobalAvgPool{}, x), x)
		}),
		"residual relu": trainable(18, func(b *net.Builder, x int) int {
			c := b.Conv("c", x, net.ConvConfig{Out: 18, Kernel: 3})
			return b.Add("a", &net.Binary{Act: net.Act{Kind: net.ReLU}}, x, c)
		}),
		"difference": trainable(18, func(b *net.Builder, x int) int {
			return b.Add("a", &net.Binary{Kind: net.Sub}, x, b.Conv("c", x, net.ConvConfig{Out: 18, Kernel: 1}))
		}),
		"product": trainable(18, func(b *net.Builder, x int) int {
			return b.Add("a", &net.Binary{Kind: net.Mul}, x, b.Conv("c", x, net.ConvConfig{Out: 18, Kernel: 1}))
		}),
		"ragged concat": trainable(18, func(b *net.Builder, x int) int {
			return b.Add("a", &net.Concat{}, x, b.Conv("c", x, net.ConvConfig{Out: 5, Kernel: 1}), 0)
		}),
		"blocked concat": trainable(32, func(b *net.Builder, x int) int {
			j := b.Add("j", &net.Concat{}, x, b.Conv("c", x, net.ConvConfig{Out: 5, Kernel: 1}))
			return b.Add("a", &net.Concat{}, x, j, x)
		}),
		"pad and slice": trainable(18, func(b *net.Builder, x int) int {
			x = b.Add("p", &net.Pad{Pad: net.Padding{Top: 2, Left: 1, Bottom: 1}, Value: 0.3}, x)
			return b.Add("s", &net.Slice{C0: 2, C1: 17, Y0: 1, Y1: -2, X0: 1}, x)
		}),
	}
	for kind := net.ReLU; kind <= net.Sigmoid; kind++ {
		act := net.Act{Kind: kind, Alpha: 0.2, Beta: 0.6}
		nets["act "+kind.String()] = trainable(18, func(b *net.Builder, x int) int { return b.Add("a", &net.Activation{Act: act}, x) })
	}
	return nets
}

func TestGradientOfEveryOp(t *testing.T) {
	for name, n := range trainableNets() {
		t.Run(name, func(t *testing.T) {
			checkGradients(t, TrainerConfig{Net: n, Batch: 2, H: 6, W: 8, Threads: 2, DiceWeight: 0.7}, 3)
		})
	}
}

func TestGradientsOfUNets(t *testing.T) {
	for name, up := range map[string]net.UpKind{"nearest": net.UpNearest, "linear": net.UpLinear, "transposed": net.UpTransposed} {
		t.Run(name, func(t *testing.T) {
			n := net.UNet(net.UNetConfig{Name: "tiny", Classes: 3, Channels: []int{3, 17}, Up: up, Seed: 3, Blocks: 1})
			checkGradients(t, TrainerConfig{Net: n, Batch: 2, H: 6, W: 4, Threads: 1, DiceWeight: 1}, 3)
		})
	}
}

func TestGradientsByTiles(t *testing.T) {
	n := trainable(18, func(b *net.Builder, x int) int { return b.Conv("c", x, net.ConvConfig{Out: 20, Kernel: 3, Bias: true}) })
	for _, tile := range []int{2, 4} {
		checkGradients(t, TrainerConfig{Net: n, Batch: 2, H: 7, W: 9, Threads: 2, DiceWeight: 0.7, Tile: tile}, 3)
	}
}
