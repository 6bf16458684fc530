package nn

import (
	"context"
	"errors"
	"image"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

func smallUNet() *net.Net {
	return jitter(net.UNet(net.UNetConfig{Name: "small", Classes: 3, Channels: []int{16, 24, 32}, Seed: 3, Blocks: 1}), 5)
}

func mustEngine(t testing.TB, n *net.Net, threads int) *Engine {
	t.Helper()
	e, err := New(n, Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustNetwork(t testing.TB, e *Engine, w, h int) *Network {
	t.Helper()
	n, err := e.Compile(pyramid.Size{W: w, H: h}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func mustRun(t testing.TB, n *Network, in []float32) []float32 {
	t.Helper()
	out := make([]float32, n.outFloats())
	if err := n.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRunIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	x := noise(3 * 40 * 52)
	want := mustRun(t, mustNetwork(t, mustEngine(t, smallUNet(), 1), 52, 40), x)
	for _, threads := range []int{2, 5} {
		got := mustRun(t, mustNetwork(t, mustEngine(t, smallUNet(), threads), 52, 40), x)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%d threads: element %d is %v, on one thread %v", threads, i, got[i], want[i])
			}
		}
	}
}

// cut is a window of planes of width w.
func cut(x []float32, planes, w, h, x0, y0, cw, ch int) []float32 {
	out := make([]float32, 0, planes*cw*ch)
	for p := range planes {
		for y := range ch {
			out = append(out, x[(p*h+y0+y)*w+x0:][:cw]...)
		}
	}
	return out
}

// TestRegionsLeaveNoTrace: beyond the halo, an output depends neither on the size of the canvas nor
// on where on it a pixel lies, to the bit.
func TestRegionsLeaveNoTrace(t *testing.T) {
	for _, tiling := range []Tiling{{}, {Four: 1}, {Four: 1, Two: 2}, {Two: 4}, Fastest()} {
		t.Run(tiling.String(), func(t *testing.T) { checkRegions(t, smallUNet(), tiling) })
	}
}

func checkRegions(t *testing.T, n *net.Net, tiling Tiling) {
	e, err := New(n, Options{Threads: 2, Tiling: tiling})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Field()
	if err != nil {
		t.Fatal(err)
	}
	halo, align := f.Halo(), f.Side()
	w, h := 2*halo+8*align, 2*halo+6*align
	x := noise(3 * w * h)
	whole := mustRun(t, mustNetwork(t, e, w, h), x)
	for _, at := range []struct{ x, y, w, h int }{
		{0, 0, 2*halo + 2*align, 2*halo + 3*align},
		{3 * align, 2 * align, 2*halo + 5*align, 2*halo + align},
	} {
		got := mustRun(t, mustNetwork(t, e, at.w, at.h), cut(x, 3, w, h, at.x, at.y, at.w, at.h))
		iw, ih := at.w-2*halo, at.h-2*halo
		a := cut(got, 3, at.w, at.h, halo, halo, iw, ih)
		b := cut(whole, 3, w, h, at.x+halo, at.y+halo, iw, ih)
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("region %+v: element %d is %v, in the whole %v", at, i, a[i], b[i])
			}
		}
	}
}

// TestNetworksShareWeights runs two networks of one engine at once; the race detector watches.
func TestNetworksShareWeights(t *testing.T) {
	e := mustEngine(t, smallUNet(), 2)
	x := noise(3 * 24 * 24)
	want := mustRun(t, mustNetwork(t, e, 24, 24), x)
	var wg sync.WaitGroup
	for range 3 {
		n := mustNetwork(t, e, 24, 24)
		wg.Go(func() {
			out := make([]float32, n.outFloats())
			for range 3 {
				if err := n.Run(context.Background(), x, out); err != nil {
					t.Error(err)
				}
				for i := range out {
					if out[i] != want[i] {
						t.Errorf("element %d differs", i)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestSteadyRunAllocatesNothing counts what this package and the kernels allocate: the tasks are run
// as the machine runs them, without the machine. What Gorgonia's machine allocates is bounded.
func TestSteadyRunAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for name, n := range opNets() {
		nw := mustNetwork(t, mustEngine(t, n, 2), 11, 9)
		x, out := noise(nw.in.floats()), make([]float32, nw.outFloats())
		mustRun(t, nw, x)
		own, err := nw.Allocations(20)
		if err != nil {
			t.Fatal(err)
		}
		if own > 0 {
			t.Errorf("%s: %d allocations in our code", name, own)
		}
		all := testing.AllocsPerRun(20, func() {
			if err := nw.Run(context.Background(), x, out); err != nil {
				t.Fatal(err)
			}
		})
		if most := float64(20 + 8*len(nw.g.steps)); all > most {
			t.Errorf("%s: %.1f allocations of Gorgonia's machine for %d steps", name, all, len(nw.g.steps))
		}
	}
}

func TestPanicBecomesAnError(t *testing.T) {
	nw := mustNetwork(t, mustEngine(t, smallUNet(), 2), 16, 16)
	nw.g.steps[0].op.out.(*act).view.H = 1 // a broken invariant of ours
	err := nw.Run(t.Context(), noise(nw.in.floats()), make([]float32, nw.outFloats()))
	if err == nil || !strings.Contains(err.Error(), "convolution") {
		t.Errorf("got %v, want an error that names the convolution", err)
	}
}

// failing is a task whose items all panic, each on a goroutine of its own: they wait for each other.
type failing struct {
	task
	met sync.WaitGroup
}

func (f *failing) run(g *graph, _ gorgonia.Value, _ []gorgonia.Value) error {
	f.met.Add(2)
	g.team.Do(2, f)
	return nil
}

func (f *failing) Item(int) {
	f.met.Done()
	f.met.Wait()
	panic("broken kernel")
}

func TestPanicOnAnotherGoroutineBecomesAnError(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	nw := mustNetwork(t, mustEngine(t, smallUNet(), 2), 16, 16)
	in, out := noise(nw.in.floats()), make([]float32, nw.outFloats())
	want := mustRun(t, nw, in)
	third := nw.g.steps[2].op
	plain := third.task
	third.task = &failing{task: plain}
	err := nw.Run(t.Context(), in, out)
	if err == nil || !strings.Contains(err.Error(), plain.String()) || !strings.Contains(err.Error(), "broken kernel") {
		t.Errorf("got %v, want an error that names the operator and what broke", err)
	}
	third.task = plain
	if got := mustRun(t, nw, in); !slices.Equal(got, want) {
		t.Error("a run after a broken one gives another result")
	}
}

func TestRunRefuses(t *testing.T) {
	nw := mustNetwork(t, mustEngine(t, smallUNet(), 1), 16, 16)
	in, out := noise(nw.in.floats()), make([]float32, nw.outFloats())
	if err := nw.Run(t.Context(), in[1:], out); err == nil {
		t.Error("a short input was taken")
	}
	if err := nw.Run(t.Context(), in, out[1:]); err == nil {
		t.Error("a short output was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := nw.Run(ctx, in, out); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled run: %v", err)
	}
	for range 2 {
		if err := nw.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := nw.Run(t.Context(), in, out); err == nil {
		t.Error("a closed network ran")
	}
}

// TestRowsAreTheRun: a network that is loaded and read row by row computes what it computes on planes.
func TestRowsAreTheRun(t *testing.T) {
	const w, h = 52, 40
	x := noise(3 * w * h)
	whole := mustRun(t, mustNetwork(t, mustEngine(t, smallUNet(), 1), w, h), x)
	want := image.Rect(5, 3, 50, 37)
	for _, threads := range []int{1, 3} {
		nw := mustNetwork(t, mustEngine(t, smallUNet(), threads), w, h)
		got := [][]float32{nil, make([]float32, w*h), make([]float32, w*h)}
		keep := make([]segment.KeepRow, 3)
		for c := 1; c < 3; c++ {
			keep[c] = func(y int, row []float32) { copy(got[c][y*w+want.Min.X:][:want.Dx()], row) }
		}
		load := func(y int, red, green, blue []float32) {
			for c, row := range [][]float32{red, green, blue} {
				copy(row, x[(c*h+y)*w:][:w])
			}
		}
		if err := nw.RunRows(t.Context(), load, want, keep); err != nil {
			t.Fatal(err)
		}
		for c := 1; c < 3; c++ {
			inner := func(x []float32) []float32 { return cut(x, 1, w, h, want.Min.X, want.Min.Y, want.Dx(), want.Dy()) }
			if !slices.Equal(inner(got[c]), inner(whole[c*w*h:][:w*h])) {
				t.Errorf("%d threads: class %d differs", threads, c)
			}
		}
		checkRowsRefused(t, nw, load, want, keep)
	}
}

func checkRowsRefused(t *testing.T, nw *Network, load segment.LoadRow, want image.Rectangle, keep []segment.KeepRow) {
	if err := nw.RunRows(t.Context(), load, want, keep[1:]); err == nil {
		t.Error("two classes of three were taken")
	}
	if err := nw.RunRows(t.Context(), load, want.Add(image.Pt(3, 0)), keep); err == nil {
		t.Error("pixels beyond the output were promised")
	}
	broken := func(int, []float32, []float32, []float32) { panic("no such row") }
	if err := nw.RunRows(t.Context(), broken, want, keep); err == nil || !strings.Contains(err.Error(), "no such row") {
		t.Errorf("a loader that panics: %v", err)
	}
	if err := nw.Close(); err != nil {
		t.Error(err)
	}
	if err := nw.RunRows(t.Context(), load, want, keep); err == nil {
		t.Error("a closed network ran")
	}
}

// cancelling is a task during which the caller loses interest.
type cancelling struct {
	task
	cancel context.CancelFunc
}

func (c cancelling) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	c.cancel()
	return c.task.run(g, out, in)
}

func TestRunStopsBetweenOperators(t *testing.T) {
	nw := mustNetwork(t, mustEngine(t, smallUNet(), 1), 16, 16)
	in, out := noise(nw.in.floats()), make([]float32, nw.outFloats())
	want := mustRun(t, nw, in)
	ctx, cancel := context.WithCancel(t.Context())
	third := nw.g.steps[2].op
	plain := third.task
	third.task = cancelling{plain, cancel}
	if err := nw.Run(ctx, in, out); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled run", err)
	}
	third.task = plain
	if got := mustRun(t, nw, in); !slices.Equal(got, want) {
		t.Error("a run after a cancelled one gives another result")
	}
}

func TestEngineRefuses(t *testing.T) {
	e, err := New(smallUNet(), Options{MemoryLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []pyramid.Size{{W: 0, H: 16}, {W: 17, H: 16}, {W: -8, H: 8}, {W: 1 << 30, H: 1 << 30}, {W: 512, H: 512}} {
		if _, err := e.Network(size); err == nil {
			t.Errorf("%v was compiled", size)
		} else {
			t.Log(err)
		}
	}
	if _, err := New(&net.Net{}, Options{}); err == nil {
		t.Error("an empty network was taken")
	}
}

func TestBench(t *testing.T) {
	got, err := Bench(t.Context(), smallUNet(), net.Shape{C: 3, H: 32, W: 32}, BenchConfig{Tiling: Fastest(), MinRuns: 2, MinTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got.Seconds <= 0 || got.GFLOP <= 0 || got.GFLOPs <= 0 || got.Kernel == "" || got.Tiling != "4" || got.Threads != 1 || got.Runs < 2 || got.Workers != 1 || got.Megapixels <= 0 {
		t.Errorf("%+v", got)
	}
	got, err = Bench(t.Context(), smallUNet(), net.Shape{C: 3, H: 32, W: 32}, BenchConfig{Workers: 2, MinRuns: 2, MinTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got.Workers != 2 || got.Runs < 4 || got.Tiling != "direct" {
		t.Errorf("two workers: %+v", got)
	}
}
