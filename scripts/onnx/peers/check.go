package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// oracleLimit is the largest arithmetic that the plain interpreter is asked for.
const oracleLimit = 3e8

// finding is how far apart the results of one case are, relative to the range of ONNX Runtime's.
type finding struct {
	ours, interpreter float64
	winograd          float64 // ours, by Winograd's algorithm
	rewritten         float64 // ONNX Runtime's own results, from the file as we write it again
	flipped           int     // pixels on the other side of the threshold, unless they are close to it
}

func (f finding) within(tolerance float64) bool {
	return f.ours <= tolerance && f.winograd <= 10*tolerance && f.interpreter <= tolerance && f.rewritten <= tolerance && f.flipped == 0
}

// and is the worst of both.
func (f finding) and(g finding) finding {
	return finding{
		ours: math.Max(f.ours, g.ours), winograd: math.Max(f.winograd, g.winograd), interpreter: math.Max(f.interpreter, g.interpreter),
		rewritten: math.Max(f.rewritten, g.rewritten), flipped: f.flipped + g.flipped,
	}
}

// check compares outputs on random and on real images: ONNX Runtime's with ours, and with the plain
// interpreter's where that is quick.
func (c config) check(folder string, cases []testCase) error {
	photos, err := realImages(c.images)
	if err != nil {
		return err
	}
	var failed, compared int
	var worst finding
	for _, t := range cases {
		for _, photo := range append([]string{""}, photos...) {
			f, err := c.compare(t, photo)
			bad := err != nil || !f.within(c.tolerance)
			if compared++; bad {
				failed++
			}
			if bad || c.verbose {
				fmt.Printf("%-32s %-14s %-26s ours %.1e  winograd %.1e  interpreter %.1e  rewritten %.1e  mask %d  %s\n", t.File, fmt.Sprint(t.Shape), imageName(photo), f.ours, f.winograd, f.interpreter, f.rewritten, f.flipped, message(err))
			}
			worst = worst.and(f)
		}
	}
	fmt.Printf("%s: %d comparisons, %d failed; largest difference to ONNX Runtime relative to its range: ours %.1e, by Winograd %.1e, interpreter %.1e, itself on our file %.1e; mask pixels that differ: %d\n",
		folder, compared, failed, worst.ours, worst.winograd, worst.interpreter, worst.rewritten, worst.flipped)
	if failed > 0 {
		return fmt.Errorf("%d of %d comparisons differ", failed, compared)
	}
	return nil
}

func imageName(path string) string {
	if path == "" {
		return "noise"
	}
	return filepath.Base(path)
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (c config) compare(t testCase, photo string) (f finding, err error) {
	if _, err := c.runtime.ask(request{Do: "load", Model: t.path, Threads: c.threads}); err != nil {
		return f, err
	}
	x := nettest.Random(t.shape(), 42)
	if photo != "" {
		if x, err = planes(photo, t.shape()); err != nil {
			return f, err
		}
	}
	in := x.Float32()
	if t.Last {
		in = channelsLast(in, t.shape())
	}
	want, dims, err := c.runtime.run(in, t.dims())
	if err != nil {
		return f, err
	}
	if t.Last && len(dims) == 4 {
		want = channelsFirst(want, shapeOf(dims))
	}
	return c.judge(t, x, want)
}

// judge runs the network here and compares.
func (c config) judge(t testCase, x nettest.Planes, want []float32) (f finding, err error) {
	n, err := t.lower()
	if err != nil {
		return f, err
	}
	shapes, err := n.Shapes(t.shape())
	if err != nil {
		return f, err
	}
	if f.interpreter, err = interpreted(n, x, want); err != nil {
		return f, err
	}
	if f.rewritten, err = c.rewritten(n, x, want); err != nil {
		return f, err
	}
	out := shapes[n.Outputs[0]]
	for tiling, worst := range map[nn.Tiling]*float64{{}: &f.ours, nn.Fastest(): &f.winograd} {
		got, err := c.infer(n, x, out, tiling)
		if err != nil {
			return f, err
		}
		if *worst, err = difference(got, want); err != nil {
			return f, err
		}
		if out.C == 2 {
			f.flipped += flipped(got, want)
		}
	}
	return f, nil
}

// rewritten writes the network, folded, and lets ONNX Runtime run that file.
func (c config) rewritten(n *net.Net, x nettest.Planes, want []float32) (float64, error) {
	var file bytes.Buffer
	if err := onnx.Write(&file, n.Fold(), onnx.WriteOptions{}); err != nil {
		return 0, err
	}
	path := filepath.Join(c.runtime.temp, "rewritten.onnx")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		return 0, err
	}
	if _, err := c.runtime.ask(request{Do: "load", Model: path, Threads: c.threads}); err != nil {
		return 0, err
	}
	got, _, err := c.runtime.run(x.Float32(), []int{1, x.C, x.H, x.W})
	if err != nil {
		return 0, err
	}
	return difference(got, want)
}

// flipped counts the pixels of a mask, thresholded at a probability of one half, that differ although
// the probability is not within a thousandth of it. The values are logits of two classes.
func flipped(got, want []float32) (n int) {
	size := len(want) / 2
	for k := range size {
		p := 1 / (1 + math.Exp(float64(want[k])-float64(want[size+k])))
		if (got[size+k] > got[k]) != (want[size+k] > want[k]) && math.Abs(p-0.5) >= 1e-3 {
			n++
		}
	}
	return n
}

func (c config) infer(n *net.Net, x nettest.Planes, out net.Shape, tiling nn.Tiling) ([]float32, error) {
	engine, err := nn.New(n, nn.Options{Threads: c.threads, Tiling: tiling})
	if err != nil {
		return nil, err
	}
	network, err := engine.Network(pyramid.Size{W: x.W, H: x.H})
	if err != nil {
		return nil, err
	}
	defer network.Close()
	got := make([]float32, out.C*out.H*out.W)
	return got, network.Run(context.Background(), x.Float32(), got)
}

func interpreted(n *net.Net, x nettest.Planes, want []float32) (float64, error) {
	if flops, _, err := n.Cost(x.Shape); err != nil || flops > oracleLimit {
		return 0, err
	}
	values, err := nettest.Run(n, x)
	if err != nil {
		return 0, err
	}
	return difference(values[0].Float32(), want)
}

// difference is the largest one, relative to the range of what is wanted.
func difference(got, want []float32) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d values, not %d", len(got), len(want))
	}
	lo, hi, worst := math.Inf(1), math.Inf(-1), 0.0
	for k, w := range want {
		d := math.Abs(float64(got[k]) - float64(w))
		if got[k] == w { // infinities
			d = 0
		}
		if d > worst || d != d {
			worst = d
		}
		lo, hi = math.Min(lo, float64(w)), math.Max(hi, float64(w))
	}
	if hi == lo {
		hi = lo + math.Max(1e-6, math.Abs(lo))
	}
	return worst / (hi - lo), nil
}

func channelsLast(in []float32, s net.Shape) []float32 {
	out := make([]float32, len(in))
	for k := range in {
		c, p := k/(s.H*s.W), k%(s.H*s.W)
		out[p*s.C+c] = in[k]
	}
	return out
}

func channelsFirst(in []float32, s net.Shape) []float32 {
	out := make([]float32, len(in))
	for k := range in {
		p, c := k/s.C, k%s.C
		out[c*s.H*s.W+p] = in[k]
	}
	return out
}

// shapeOf reads channels-last dimensions.
func shapeOf(dims []int) net.Shape { return net.Shape{C: dims[3], H: dims[1], W: dims[2]} }
