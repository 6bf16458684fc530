package train

import (
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Network is the architecture of the built-in model: a U-Net at half resolution whose encoder has
// residual pairs and whose decoder has one convolution per level. A second decoder convolution would
// widen the receptive field beyond the halo that a region can afford; the log in docs/model-log.md has the
// figures. The weights are drawn from the seed.
func Network(a Architecture) *net.Net {
	b := net.NewBuilder("carcinoma", 3, a.Seed-1) // seed 1 is the builder's 0, from which the built-in model was drawn
	last := len(a.Encoder) - 1
	skips := make([]int, last)
	x := 0
	for l, channels := range a.Encoder {
		name := fmt.Sprintf("down%d", l)
		if l > 0 {
			skips[l-1] = x
			x = b.Add(name+".pool", &net.Pool{Kind: net.MaxPool, Kernel: net.Pair{Y: 2, X: 2}, Stride: net.Pair{Y: 2, X: 2}, Dilation: net.Pair{Y: 1, X: 1}}, x)
		}
		x = encode(b, name, x, encoderLevel{channels: channels, stem: l == 0, single: l == last})
	}
	for l := last - 1; l >= 0; l-- {
		name := fmt.Sprintf("up%d", l)
		up := b.Add(name+".double", &net.Resize{Mode: net.Nearest, Coord: net.Asymmetric, Round: net.Floor, ScaleY: 2, ScaleX: 2}, x)
		x = b.Add(name+".concat", &net.Concat{}, skips[l], up)
		x = b.ConvNormReLU(name, x, net.ConvConfig{Out: a.Decoder[l], Kernel: 3})
	}
	x = b.Conv("logits", x, net.ConvConfig{Out: Classes, Kernel: 1, Bias: true})
	return b.Done(b.Add("full", &net.Resize{Mode: net.Linear, Coord: net.HalfPixel, ScaleY: 2, ScaleX: 2}, x))
}

// Architecture is what varies between networks of this family.
type Architecture struct {
	Encoder []int  `json:"encoder"` // channels per level, finest (half resolution) first
	Decoder []int  `json:"decoder"` // channels per level but the coarsest, finest first
	Seed    uint64 `json:"seed"`
}

// DefaultArchitecture is the built-in model's.
func DefaultArchitecture() Architecture {
	return Architecture{Encoder: []int{32, 48, 96, 176, 224}, Decoder: []int{32, 48, 96, 160}, Seed: 1}
}

// Validate reports an architecture that cannot be built.
func (a Architecture) Validate() error {
	if n := len(a.Encoder); n < 2 || n > 6 || len(a.Decoder) != n-1 {
		return fmt.Errorf("architecture has %d encoder and %d decoder levels; 2 to 6, and one less, are possible", n, len(a.Decoder))
	}
	for _, c := range append(append([]int(nil), a.Encoder...), a.Decoder...) {
		if c < 1 || c > 1024 {
			return fmt.Errorf("architecture has a level of %d channels; 1 to 1024 are possible", c)
		}
	}
	return nil
}

// encoderLevel is one level of the encoder.
type encoderLevel struct {
	channels     int
	stem, single bool
}

func encode(b *net.Builder, name string, x int, l encoderLevel) int {
	stride := 1
	if l.stem {
		stride = 2
	}
	first := b.ConvNormReLU(name+".0", x, net.ConvConfig{Out: l.channels, Kernel: 3, Stride: stride})
	if l.single {
		return first
	}
	second := b.ConvNormReLU(name+".1", first, net.ConvConfig{Out: l.channels, Kernel: 3})
	return b.Add(name+".residual", &net.Binary{Kind: net.Add}, first, second)
}
