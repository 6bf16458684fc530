package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// addGlobalPool adds the mean over height and width.
func (g *graph) addGlobalPool(d dims, in *gorgonia.Node) (*gorgonia.Node, error) {
	a, err := actOf(in)
	if err != nil {
		return nil, err
	}
	return g.apply(newImageSums(a.c, 1/float64(a.h*a.w)), d, in)
}

// imageSums sums each channel of each image over height and width, times a factor; with a second
// input it sums the products. Sums are taken in float64.
type imageSums struct {
	factor   float64
	sum, dot []float64
}

func newImageSums(channels int, factor float64) *imageSums {
	return &imageSums{factor, make([]float64, channels), make([]float64, channels)}
}

func (t *imageSums) String() string { return fmt.Sprintf("sum over the image times %g", t.factor) }

func (t *imageSums) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, a, b := out.(*act).view, in[0].(*act).view, in[len(in)-1].(*act).view
	totals := t.sum
	if len(in) > 1 {
		totals = t.dot
	}
	for n := range dst.N {
		kernel.ChannelDots(imageOf(a, n), imageOf(b, n), t.sum, t.dot, g.team)
		for block := range dst.Blocks() {
			to := rowOf(&dst, n, block, 0)
			clear(to)
			for l := range min(kernel.Block, dst.C-block*kernel.Block) {
				to[l] = float32(totals[block*kernel.Block+l] * t.factor)
			}
		}
	}
	return nil
}

func (t *imageSums) wrt(inputs int) []bool { return []bool{true, false}[:inputs] }

func (t *imageSums) grads(g *graph, in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, err := actOf(in[0])
	if err != nil {
		return nil, err
	}
	if len(in) > 1 {
		return nil, fmt.Errorf("%v of products has no gradient", t)
	}
	d, err := g.apply(&fillTask{newBroadcast(net.Add, a, a), t.factor}, a.dims, grad)
	return gorgonia.Nodes{d}, err
}

// fillTask gives every pixel of an image the image's vector times a factor.
type fillTask struct {
	line   *broadcastTask
	factor float64
}

func (t *fillTask) String() string { return fmt.Sprintf("fill with %g times a vector", t.factor) }

func (t *fillTask) run(_ *graph, out gorgonia.Value, in []gorgonia.Value) error {
	dst, vector := out.(*act).view, in[0].(*act).view
	for n := range dst.N {
		t.line.line(&vector, n)
		for block := range dst.Blocks() {
			var pixel [kernel.Block]float32
			for l := range min(kernel.Block, dst.C-block*kernel.Block) {
				pixel[l] = float32(float64(t.line.shift[block*kernel.Block+l]) * t.factor)
			}
			for y := range dst.H {
				row := rowOf(&dst, n, block, y)
				for p := 0; p < len(row); p += kernel.Block {
					copy(row[p:], pixel[:])
				}
			}
		}
	}
	return nil
}
