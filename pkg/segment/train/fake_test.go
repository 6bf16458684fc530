package train

import (
	"bytes"
	"context"
	"encoding/gob"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// pixelNet is the smallest network that can learn colours: one 1×1 convolution.
func pixelNet() *net.Net {
	b := net.NewBuilder("pixel", 3, 1)
	return b.Done(b.Conv("logits", 0, net.ConvConfig{Out: Classes, Kernel: 1, Bias: true}))
}

// plainBackend trains and runs a pixelNet with plain gradient descent and momentum.
type plainBackend struct{ steps int }

type plainTrainer struct {
	backend  *plainBackend
	net      *net.Net
	velocity []float32
}

func (b *plainBackend) NewTrainer(start *net.Net, _ Solver) (Trainer, error) {
	n := start.Clone()
	return &plainTrainer{backend: b, net: n, velocity: make([]float32, len(flatten(n)))}, nil
}

func (b *plainBackend) NewEngine(n *net.Net) (segment.Engine, error) { return plainEngine{n}, nil }

func (t *plainTrainer) Net() (*net.Net, error) { return t.net.Clone(), nil }

func (t *plainTrainer) Save() ([]byte, error) {
	var buf bytes.Buffer
	err := gob.NewEncoder(&buf).Encode([][]float32{flatten(t.net), t.velocity})
	return buf.Bytes(), err
}

func (t *plainTrainer) Load(data []byte) error {
	var parts [][]float32
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&parts); err != nil {
		return err
	}
	t.velocity = parts[1]
	return unflatten(t.net, parts[0])
}

func (t *plainTrainer) Step(ctx context.Context, b *Batch, lr float64) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	t.backend.steps++
	images := len(b.Cases)
	plane := len(b.Weight) / images
	values := flatten(t.net) // weights [4][3], then biases [4]
	grad := make([]float64, len(values))
	loss := 0.0
	for at := range b.Weight {
		i, p := at/plane, at%plane
		x := func(k int) float64 { return float64(b.X[(i*3+k)*plane+p]) }
		prob := plainSoftmax(values, x)
		for c := range Classes {
			label := float64(b.Target[(i*Classes+c)*plane+p])
			loss -= label * math.Log(prob[c])
			for k := range 3 {
				grad[c*3+k] += (prob[c] - label) * x(k)
			}
			grad[3*Classes+c] += prob[c] - label
		}
	}
	for i := range values {
		t.velocity[i] = 0.9*t.velocity[i] + float32(grad[i]/float64(len(b.Weight)))
		values[i] -= float32(lr) * t.velocity[i]
	}
	return loss / float64(len(b.Weight)), unflatten(t.net, values)
}

func plainSoftmax(values []float32, x func(int) float64) (p [Classes]float64) {
	sum := 0.0
	for c := range p {
		z := float64(values[3*Classes+c])
		for k := range 3 {
			z += float64(values[c*3+k]) * x(k)
		}
		p[c] = math.Exp(z)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}

type plainEngine struct{ net *net.Net }

func (e plainEngine) Network(size pyramid.Size) (segment.Network, error) {
	return plainNetwork{flatten(e.net), size.W * size.H}, nil
}

type plainNetwork struct {
	values []float32
	plane  int
}

func (n plainNetwork) Run(_ context.Context, in, out []float32) error {
	for i := range n.plane {
		p := plainSoftmax(n.values, func(k int) float64 { return float64(in[k*n.plane+i]) })
		for c := range p {
			out[c*n.plane+i] = float32(math.Log(p[c]))
		}
	}
	return nil
}

func (plainNetwork) Close() error { return nil }

// discs is a data set whose classes are colours: discs of a group's colour on a pale ground.
func discs(prefix string, perGroup, size int) []Case {
	colours := map[string][3]uint8{"polyp": {200, 120, 180}, "high-grade-in": {150, 90, 170}, "adenocarcinoma": {90, 50, 130}}
	var cases []Case
	for _, group := range []string{"adenocarcinoma", "high-grade-in", "polyp"} {
		for k := range perGroup {
			r := rand.New(rand.NewPCG(uint64(k), uint64(len(group)+len(prefix))))
			c := Case{Name: prefix + group + string(rune('a'+k)), Patient: prefix + string(rune('a'+k)), Group: group, W: size, H: size}
			c.RGB = slices.Repeat([]uint8{240, 225, 235}, size*size)
			c.Label = make([]uint8, size*size)
			cx, cy, rad := r.IntN(size), r.IntN(size), size/4+r.IntN(size/4)
			for i := range c.Label {
				dx, dy := i%size-cx, i/size-cy
				if dx*dx+dy*dy < rad*rad {
					c.Label[i] = EBHIGroups()[group]
					col := colours[group]
					copy(c.RGB[3*i:], col[:])
				}
			}
			c.finish()
			cases = append(cases, c)
		}
	}
	return cases
}
