package onnx

import (
	"errors"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

func model(t *testing.T, name string) *Model {
	t.Helper()
	_, files := unpack(t)
	data, ok := files[name]
	if !ok {
		t.Fatalf("%s is not in %s", name, archive)
	}
	m, err := Read(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFieldOfExports: what PyTorch writes around Resize and Pad leaves no trace in the field. The
// figures follow from the layers: two 3×3 convolutions per level, two levels down, worst phase.
func TestFieldOfExports(t *testing.T) {
	for name, want := range map[string]struct{ side, reach int }{
		"unet-transposed-11.onnx": {4, 23}, // from pixel 1: 1, −1, −3, −4, −8, −10, −20, −22
		"unet-size-11.onnx":       {4, 26}, // from pixel 0: −2, −2, −4, −3, −5, −10, −12, −24, −26
		"mobile-11.onnx":          {8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := model(t, name).Field(3)
			if err != nil {
				t.Fatal(err)
			}
			reach := max(f.Reach.Top, f.Reach.Bottom, f.Reach.Left, f.Reach.Right)
			if f.Side() != want.side || want.reach > 0 && reach != want.reach || f.Halo() > 256 {
				t.Errorf("field %+v, want side %d and reach %d", f, want.side, want.reach)
			}
		})
	}
}

func TestFieldOfGlobalPooling(t *testing.T) {
	for _, name := range []string{"mobile-se-11.onnx", "aspp-11.onnx", "unet-corners-11.onnx"} {
		if _, err := model(t, name).Field(3); !errors.Is(err, net.ErrUnbounded) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestFieldOfABakedSize: a resize to a constant size happens to be a factor at one size of the
// image, and another at the next.
func TestFieldOfABakedSize(t *testing.T) {
	data := tiny(op("Resize", []string{"x", "", "", "s"}, "y")).with(ints("s", 1, 1, 2048, 2048)).bytes()
	m, err := Read(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Field(1); !errors.Is(err, net.ErrUnbounded) {
		t.Errorf("got %v", err)
	}
}

// TestRegionsOfAnExport runs a region with its halo, and the whole: the same numbers.
func TestRegionsOfAnExport(t *testing.T) {
	m := model(t, "unet-size-11.onnx")
	f, err := m.Field(3)
	if err != nil {
		t.Fatal(err)
	}
	side := f.Side()
	region := net.Shape{C: 3, H: 2*f.Halo() + 2*side, W: 2*f.Halo() + 2*side}
	whole := net.Shape{C: 3, H: region.H + 3*side, W: region.W + side}
	x := nettest.Random(whole, 8)
	part := nettest.New(region)
	for c := range 3 {
		for y := range region.H {
			for w := range region.W {
				part.Set(c, y, w, x.At(c, y+2*side, w+side, 0))
			}
		}
	}
	want, got := outputs(t, m, x), outputs(t, m, part)
	for y := f.Halo(); y < f.Halo()+2*side; y++ {
		for w := f.Halo(); w < f.Halo()+2*side; w++ {
			if a, b := got.At(0, y, w, 0), want.At(0, y+2*side, w+side, 0); a != b {
				t.Fatalf("pixel %d,%d: region %v, whole %v", y, w, a, b)
			}
		}
	}
}

func outputs(t *testing.T, m *Model, x nettest.Planes) nettest.Planes {
	t.Helper()
	n, err := m.Lower(x.Shape)
	if err != nil {
		t.Fatal(err)
	}
	out, err := nettest.Run(n, x)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func TestInput(t *testing.T) {
	for name, want := range map[string]Input{
		"unet-fixed-12-fixed.onnx": {Name: "input", Channels: 3, Height: 64, Width: 64},
		"nhwc.onnx":                {Name: "x", Channels: 3, ChannelsLast: true},
		"gather.onnx":              {Name: "x", Channels: 4},
	} {
		if got, err := model(t, name).Input(); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := model(t, "unet-fixed-12-fixed.onnx").Lower(net.Shape{C: 3, H: 32, W: 32}); err == nil {
		t.Error("a model of one size took another")
	}
}
