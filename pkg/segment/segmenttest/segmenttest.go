// Package segmenttest makes small models for the tests of those who run models. Their weights are random:
// they find nothing, but depend on every pixel that they can see, so that any trace of tiling shows.
package segmenttest

import (
	"bytes"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// PooledConfig describes a model of a few channels at half the input's resolution.
type PooledConfig struct {
	Global bool // with a squeeze-and-excite branch: a global pool that scales channels
	Window int  // Description.Window
}

// Pooled makes a model through the ONNX writer and reader.
func Pooled(t testing.TB, c PooledConfig) *segment.Model {
	t.Helper()
	m, err := Read(PooledNet(c.Global), c.Window)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// PooledNet is the network of Pooled.
func PooledNet(global bool) *net.Net {
	b := net.NewBuilder("pooled", 3, 5)
	x := b.ConvNormReLU("stem", 0, net.ConvConfig{Out: 8, Kernel: 3, Stride: 2})
	if global {
		s := b.Add("excite.pool", &net.GlobalAvgPool{}, x)
		s = b.Conv("excite.squeeze", s, net.ConvConfig{Out: 4, Kernel: 1, Bias: true})
		s = b.Add("excite.relu", &net.Activation{Act: net.Act{Kind: net.ReLU}}, s)
		s = b.Conv("excite.expand", s, net.ConvConfig{Out: 8, Kernel: 1, Bias: true})
		s = b.Add("excite.gate", &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, s)
		x = b.Add("excite.scale", &net.Binary{Kind: net.Mul}, x, s)
	}
	x = b.Add("up", &net.Resize{Mode: net.Nearest, ScaleY: 2, ScaleX: 2}, x)
	return b.Done(b.Conv("head", x, net.ConvConfig{Out: 4, Kernel: 3, Bias: true}))
}

// Read takes a network of four classes through an ONNX file.
func Read(n *net.Net, window int) (*segment.Model, error) {
	d := segment.Description{
		Name: n.Name, Version: "1", Classes: []string{"background", "benign", "high-grade", "carcinoma"},
		Carcinoma: 3, HighGrade: 2, MPP: 1, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.2, 0.2, 0.2},
		Output: segment.OutputLogits, Window: window,
	}
	metadata, err := d.Metadata()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := onnx.Write(&buf, n, onnx.WriteOptions{Metadata: metadata}); err != nil {
		return nil, err
	}
	return segment.ReadModel(buf.Bytes())
}
