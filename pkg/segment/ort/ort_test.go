package ort

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/segment/segmenttest"
)

// tolerance is the largest difference to Gorgonia, as a share of the outputs' range.
const tolerance = 1e-4

// need loads the library: the one that the environment or the loader knows, or the one that
// scripts/bench-peers.sh keeps.
func need(t testing.TB) *Runtime {
	t.Helper()
	r, err := Find()
	if err == nil {
		return r
	}
	cache, _ := os.UserCacheDir()
	kept, _ := filepath.Glob(filepath.Join(cache, "slidemill-peers", "node_modules", "onnxruntime-node", "bin", "napi-v*", "linux", "x64", "libonnxruntime.so.1"))
	if os.Getenv(EnvLibrary) != "" || len(kept) == 0 {
		t.Skipf("%v; scripts/check-onnxruntime.sh fetches one and runs this test", err)
	}
	if r, err = Load(kept[len(kept)-1]); err != nil {
		t.Skip(err)
	}
	t.Cleanup(r.Close)
	return r
}

// graphs are networks with every kind of operation that depends on the size, and the built-in model.
func graphs(t *testing.T) map[string]Lower {
	t.Helper()
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	pooled := segmenttest.Pooled(t, segmenttest.PooledConfig{Global: true, Window: 64})
	fixed := func(n *net.Net) Lower { return func(pyramid.Size) (*net.Net, error) { return n, nil } }
	return map[string]Lower{
		"built-in":       m.Net,
		"global pooling": pooled.Net,
		"U-Net":          fixed(net.UNet(net.UNetConfig{In: 3, Classes: 2, Channels: []int{8, 16, 24}, Seed: 9})),
		"odd sizes":      fixed(oddNet()),
	}
}

// oddNet takes any size: stride 1, dilation, depthwise, average and hard functions.
func oddNet() *net.Net {
	b := net.NewBuilder("odd", 3, 11)
	x := b.Conv("a", 0, net.ConvConfig{Out: 12, Kernel: 5, Bias: true})
	x = b.Add("swish", &net.Activation{Act: net.Act{Kind: net.HardSwish}}, x)
	y := b.Conv("depthwise", x, net.ConvConfig{Out: 12, Kernel: 3, Dilation: 2, Groups: 12})
	x = b.Add("sum", &net.Binary{Kind: net.Add}, x, y)
	x = b.Add("mean", &net.Pool{Kind: net.AvgPool, Kernel: net.Pair{Y: 3, X: 3}, Stride: net.Pair{Y: 1, X: 1}, Dilation: net.Pair{Y: 1, X: 1}, Pad: net.Padding{Top: 1, Left: 1, Bottom: 1, Right: 1}}, x)
	x = b.Conv("head", x, net.ConvConfig{Out: 5, Kernel: 1, Bias: true})
	return b.Done(b.Add("probability", &net.Softmax{}, x))
}

func noise(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// forward runs an engine once on noise.
func forward(t *testing.T, e segment.Engine, size pyramid.Size, outs int) []float32 {
	t.Helper()
	n, err := e.Network(size)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, outs)
	if err := errors.Join(n.Run(t.Context(), noise(3*size.W*size.H, uint64(size.W)), out), n.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

func gorgonia(t *testing.T, lower Lower, tiling nn.Tiling, size pyramid.Size) []float32 {
	t.Helper()
	n, err := lower(size)
	if err != nil {
		t.Fatal(err)
	}
	e, err := nn.New(n, nn.Options{Tiling: tiling})
	if err != nil {
		t.Fatal(err)
	}
	return forward(t, e, size, outputFloats(t, n, size))
}

func outputFloats(t *testing.T, n *net.Net, size pyramid.Size) (sum int) {
	t.Helper()
	_, out, err := shapes(n, size)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range out {
		sum += floats(s)
	}
	return sum
}

// apart is the largest difference as a share of the range of want.
func apart(got, want []float32) float64 {
	lo, hi, most := math.Inf(1), math.Inf(-1), 0.0
	for i, w := range want {
		lo, hi = min(lo, float64(w)), max(hi, float64(w))
		d := math.Abs(float64(got[i]) - float64(w))
		if !(d <= most) {
			most = d
		}
	}
	return most / (hi - lo)
}

// TestSameAsGorgonia: the same network gives the same numbers within tolerance, whatever the size.
func TestSameAsGorgonia(t *testing.T) {
	r := need(t)
	t.Logf("ONNX Runtime %s", r.Version)
	sizes := map[string][]pyramid.Size{
		"odd sizes": {{W: 37, H: 53}, {W: 1, H: 1}, {W: 96, H: 33}},
		"":          {{W: 96, H: 64}, {W: 64, H: 128}},
	}
	for name, lower := range graphs(t) {
		t.Run(name, func(t *testing.T) {
			e, err := r.NewEngine(lower, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for _, size := range append(sizes[name], sizes[""]...) {
				for _, tiling := range []nn.Tiling{{}, {Four: 2, Two: 2}, nn.Fastest()} { // the second one is the built-in model's on slides
					want := gorgonia(t, lower, tiling, size)
					got := forward(t, e, size, len(want))
					if d := apart(got, want); !(d <= tolerance) {
						t.Errorf("%v, %v: %.2g of the range apart, want at most %g", size, tiling, d, tolerance)
					} else {
						t.Logf("%v, %v: %.2g of the range apart", size, tiling, d)
					}
				}
			}
			if len(e.shared) != 1 {
				t.Errorf("%d sessions for one graph", len(e.shared))
			}
		})
	}
}

// TestSameFile: the runtime reads the file itself, and its bytes say what Gorgonia says.
func TestSameFile(t *testing.T) {
	r := need(t)
	path := filepath.Join(t.TempDir(), "pooled.onnx")
	var file bytes.Buffer
	if err := onnx.Write(&file, segmenttest.PooledNet(true), onnx.WriteOptions{Metadata: map[string]string{"who": "us"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := onnx.Open(path, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []pyramid.Size{{W: 64, H: 48}, {W: 130, H: 34}} {
		lower := func(s pyramid.Size) (*net.Net, error) { return read.Lower(net.Shape{C: 3, H: s.H, W: s.W}) }
		graph, err := lower(size)
		if err != nil {
			t.Fatal(err)
		}
		n, err := r.OpenFile(path, graph, size, Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		want := gorgonia(t, lower, nn.Tiling{}, size)
		got := make([]float32, len(want))
		if err := errors.Join(n.Run(t.Context(), noise(3*size.W*size.H, uint64(size.W)), got), n.Close(), n.Close()); err != nil {
			t.Fatal(err)
		}
		if d := apart(got, want); !(d <= tolerance) {
			t.Errorf("%v: %.2g of the range apart", size, d)
		}
	}
	if _, err := r.OpenFile(filepath.Join(t.TempDir(), "none.onnx"), segmenttest.PooledNet(false), pyramid.Size{W: 8, H: 8}, Options{}); err == nil {
		t.Error("a file that is not there: no error")
	}
}

// TestConcurrent runs many networks of one engine at once: one session, the same numbers.
func TestConcurrent(t *testing.T) {
	r := need(t)
	n := net.UNet(net.UNetConfig{In: 3, Classes: 2, Channels: []int{8, 16}, Seed: 9})
	e, err := r.NewEngine(func(pyramid.Size) (*net.Net, error) { return n, nil }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	size := pyramid.Size{W: 64, H: 64}
	floats := outputFloats(t, n, size)
	want := forward(t, e, size, floats)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if got := forward(t, e, size, floats); apart(got, want) != 0 {
					t.Error("other numbers beside others than alone")
				}
			}
		})
	}
	wg.Wait()
	if len(e.shared) != 1 {
		t.Errorf("%d sessions, want one", len(e.shared))
	}
}

// TestStops: a context that ends stops a run, and the network runs again afterwards.
func TestStops(t *testing.T) {
	r := need(t)
	n := net.UNet(net.UNetConfig{In: 3, Classes: 2, Channels: []int{16, 32}, Seed: 9})
	e, err := r.NewEngine(func(pyramid.Size) (*net.Net, error) { return n, nil }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	size := pyramid.Size{W: 256, H: 256}
	nw, err := e.Network(size)
	if err != nil {
		t.Fatal(err)
	}
	in, out := noise(3*size.W*size.H, 1), make([]float32, outputFloats(t, n, size))
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	go func() { close(begun); cancel() }()
	<-begun
	if err := nw.Run(ctx, in, out); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := nw.Run(t.Context(), in, out); err != nil {
		t.Errorf("after being stopped: %v", err)
	}
	told := nw.(*network)
	if err := r.api.check("stop", r.api.setTerminate(told.options)); err != nil {
		t.Fatal(err)
	}
	var stopped *Error
	if err := told.run(in, out); !errors.As(err, &stopped) || !strings.Contains(stopped.Text, "terminate") {
		t.Errorf("a run that was told to stop: %v", err)
	}
	if err := r.api.check("go on", r.api.unsetTerminate(told.options)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil || len(e.shared) != 1 {
		t.Errorf("closed with a network in use: %v, %d sessions", err, len(e.shared))
	}
	if err := nw.Close(); err != nil || len(e.shared) != 0 {
		t.Errorf("last network closed: %v, %d sessions", err, len(e.shared))
	}
	if err := nw.Run(t.Context(), in, out); err == nil {
		t.Error("a closed network ran")
	}
	if _, err := e.Network(size); err == nil {
		t.Error("a closed engine made a network")
	}
}

// TestSessionsAreLetGo: graphs that depend on the size do not pile up.
func TestSessionsAreLetGo(t *testing.T) {
	r := need(t)
	e, err := r.NewEngine(func(s pyramid.Size) (*net.Net, error) {
		b := net.NewBuilder("sized", 3, 1)
		x := b.Conv("down", 0, net.ConvConfig{Out: 4, Kernel: 3, Stride: 2})
		return b.Done(b.Add("up", &net.Resize{Mode: net.Linear, Size: net.Pair{Y: s.H, X: s.W}}, x)), nil
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for i := range 5 {
		size := pyramid.Size{W: 20 + i, H: 30}
		forward(t, e, size, 4*size.W*size.H)
		if len(e.shared) != 1 {
			t.Fatalf("%d sessions after %d sizes", len(e.shared), i+1)
		}
	}
}

// TestComplaints: what the runtime refuses is an error that says why, with nothing left behind.
func TestComplaints(t *testing.T) {
	r := need(t)
	var refused *Error
	if _, err := r.openBytes([]byte("no model"), Options{}); !errors.As(err, &refused) || refused.Text == "" {
		t.Errorf("junk: %v", err)
	}
	if _, err := r.openBytes(nil, Options{}); err == nil {
		t.Error("nothing: no error")
	}
	if _, err := r.NewEngine(nil, Options{Threads: 1 << 20}); err == nil || !strings.Contains(err.Error(), "threads") {
		t.Errorf("a million threads: %v", err)
	}
	if _, err := r.NewEngine(nil, Options{Provider: "tpu"}); err == nil || !strings.Contains(err.Error(), "want cpu or cuda") {
		t.Errorf("unknown provider: %v", err)
	}
	have := r.Providers()
	if !slices.Contains(have, CPU) {
		t.Errorf("providers %v, without the CPU", have)
	}
	if _, err := r.NewEngine(nil, Options{Provider: CUDA}); err == nil != slices.Contains(have, CUDA) {
		t.Errorf("CUDA with providers %v: %v", have, err)
	} else if err != nil && !strings.Contains(err.Error(), "GPU") {
		t.Errorf("without CUDA: %v, want a hint", err)
	}
	n := net.UNet(net.UNetConfig{In: 3, Classes: 2, Channels: []int{8, 16}, Seed: 9})
	e, err := r.NewEngine(func(pyramid.Size) (*net.Net, error) { return n, nil }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	nw, err := e.Network(pyramid.Size{W: 32, H: 32})
	if err != nil {
		t.Fatal(err)
	}
	if err := nw.Run(t.Context(), make([]float32, 7), make([]float32, 2*32*32)); err == nil {
		t.Error("an input of 7 floats: no error")
	}
	if err := nw.Close(); err != nil {
		t.Error(err)
	}
}

// TestNotFound needs no library.
func TestNotFound(t *testing.T) {
	for name, path := range map[string]string{
		"no file":    filepath.Join(t.TempDir(), "libonnxruntime.so"),
		"no library": "ort_test.go",
	} {
		if _, err := Load(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	t.Setenv(EnvLibrary, filepath.Join(t.TempDir(), "nowhere.so"))
	if _, err := find(); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), EnvLibrary) || !strings.Contains(err.Error(), "nowhere.so") {
		t.Errorf("error %v", err)
	}
}
