package net

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// UpKind is how a decoder doubles its resolution.
type UpKind uint8

const (
	UpNearest UpKind = iota
	UpLinear
	UpTransposed // a learned 2×2 transposed convolution
)

// UNetConfig describes a U-Net. The zero value of a field means its default.
type UNetConfig struct {
	Name     string
	In       int     // channels of the image; 3
	Classes  int     // channels of the logits; 1
	Channels []int   // per level, finest first; Base·Growth^level for Depth+1 levels
	Decoder  []int   // per level but the coarsest, finest first; as Channels
	Base     int     // 16
	Depth    int     // halvings; 4
	Growth   float64 // 2
	Blocks   int     // convolutions per level and side; 2
	Stem     int     // 1, or 2: the network works at half resolution and its logits are doubled
	Up       UpKind
	Residual bool // add each level's first block to its last
	Seed     uint64
}

// Validate says what is wrong with a configuration from outside.
func (c UNetConfig) Validate() error {
	c = c.withDefaults()
	switch {
	case c.In < 1 || c.In > 64, c.Classes < 1 || c.Classes > 256:
		return fmt.Errorf("u-net: %d channels in, %d classes; at most 64 and 256", c.In, c.Classes)
	case c.Stem != 1 && c.Stem != 2:
		return fmt.Errorf("u-net: stem stride %d is not 1 or 2", c.Stem)
	case c.Blocks < 1 || c.Blocks > 8 || len(c.Channels) < 1 || len(c.Channels) > 8:
		return fmt.Errorf("u-net: %d levels of %d blocks; at most 8 and 8", len(c.Channels), c.Blocks)
	case len(c.Decoder) != len(c.Channels)-1:
		return fmt.Errorf("u-net: %d decoder levels for %d levels; one less is needed", len(c.Decoder), len(c.Channels))
	case c.Up > UpTransposed:
		return errors.New("u-net: unknown way up")
	}
	for _, ch := range append(append([]int(nil), c.Channels...), c.Decoder...) {
		if ch < 1 || ch > 4096 {
			return fmt.Errorf("u-net: a level of %d channels; 1 to 4096 are possible", ch)
		}
	}
	return nil
}

func (c UNetConfig) withDefaults() UNetConfig {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&c.In, 3)
	or(&c.Classes, 1)
	or(&c.Base, 16)
	or(&c.Depth, 4)
	or(&c.Blocks, 2)
	or(&c.Stem, 1)
	if c.Growth == 0 {
		c.Growth = 2
	}
	if c.Name == "" {
		c.Name = "unet"
	}
	if len(c.Channels) == 0 && c.Depth >= 0 && c.Depth < 8 {
		for l := range c.Depth + 1 {
			c.Channels = append(c.Channels, int(math.Round(float64(c.Base)*math.Pow(c.Growth, float64(l)))))
		}
	}
	if len(c.Decoder) == 0 && len(c.Channels) > 0 {
		c.Decoder = c.Channels[:len(c.Channels)-1]
	}
	return c
}

// UNet builds a U-Net with He-initialised weights that depend on the seed alone: levels of
// convolution, batch norm and ReLU, halved by max pooling, doubled by resizing, joined by
// concatenation, with a 1×1 convolution to the logits at the end. Its output has the input's size
// for sizes that are multiples of the total stride. It panics on a configuration that Validate refuses.
func UNet(c UNetConfig) *Net {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	c = c.withDefaults()
	b := NewBuilder(c.Name, c.In, c.Seed)
	last := len(c.Channels) - 1
	x := 0
	skips := make([]int, last)
	for l, ch := range c.Channels {
		x = c.level(b, fmt.Sprintf("down%d", l), x, ch)
		if l < last {
			skips[l] = x
			x = b.Add(fmt.Sprintf("down%d.pool", l), &Pool{Kind: MaxPool, Kernel: Pair{2, 2}, Stride: Pair{2, 2}, Dilation: Pair{1, 1}}, x)
		}
	}
	for l := last - 1; l >= 0; l-- {
		name := fmt.Sprintf("up%d", l)
		x = b.Add(name+".concat", &Concat{}, skips[l], c.double(b, name, x))
		x = c.level(b, name, x, c.Decoder[l])
	}
	x = b.Conv("logits", x, ConvConfig{Out: c.Classes, Kernel: 1, Bias: true})
	if c.Stem == 2 {
		x = b.Add("full", &Resize{Mode: Linear, Coord: HalfPixel, ScaleY: 2, ScaleX: 2}, x)
	}
	return b.Done(x)
}

// level is a chain of blocks. The first of all halves the resolution if the stem does.
func (c UNetConfig) level(b *Builder, name string, x, channels int) int {
	first := 0
	for k := range c.Blocks {
		stride := 1
		if x == 0 {
			stride = c.Stem
		}
		x = b.ConvNormReLU(fmt.Sprintf("%s.%d", name, k), x, ConvConfig{Out: channels, Kernel: 3, Stride: stride})
		if k == 0 {
			first = x
		}
	}
	if c.Residual && c.Blocks > 1 {
		x = b.Add(name+".residual", &Binary{Kind: Add}, x, first)
	}
	return x
}

func (c UNetConfig) double(b *Builder, name string, x int) int {
	switch c.Up {
	case UpTransposed:
		return b.ConvTranspose(name+".up", x, ConvConfig{Out: b.Channels(x), Kernel: 2, Stride: 2, Bias: true})
	case UpLinear:
		return b.Add(name+".up", &Resize{Mode: Linear, Coord: HalfPixel, ScaleY: 2, ScaleX: 2}, x)
	}
	return b.Add(name+".up", &Resize{Mode: Nearest, Coord: Asymmetric, Round: Floor, ScaleY: 2, ScaleX: 2}, x)
}

// heNormal draws weights of variance 2/fanIn.
func heNormal(rng *rand.Rand, fanIn int, shape ...int) *Tensor {
	t := &Tensor{Shape: shape, Data: make([]float32, product(shape))}
	sigma := math.Sqrt(2 / float64(fanIn))
	for i := range t.Data {
		t.Data[i] = float32(rng.NormFloat64() * sigma)
	}
	return t
}

func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}
