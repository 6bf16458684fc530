package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// convTask is a convolution with constant weights, fused with bias, an optional residual (its
// second input) and activation. The filter is shared by all networks of an engine.
type convTask struct {
	filter *kernel.Filter
	bias   []float32
	act    net.Act
}

func (t *convTask) String() string {
	return fmt.Sprintf("convolution %+v bias %t then %v", t.filter.Shape, t.bias != nil, t.act)
}

func (t *convTask) border(i int) int {
	if i > 0 {
		return 0
	}
	return forwardBorder(t.filter.Shape)
}

// overwrites: the sum may replace the residual, never the source.
func (t *convTask) overwrites() []int { return []int{1} }

func (t *convTask) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *convTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	e := kernel.Epilogue{Bias: t.bias, Act: t.act}
	if len(in) > 1 {
		e.Add = &in[1].(*act).view
	}
	t.filter.Forward(out.(*act).view, in[0].(*act).view, e, g.work())
	return nil
}

// transposeTask is a transposed convolution with constant weights, fused with bias and activation.
type transposeTask struct {
	filter *kernel.TransposeFilter
	bias   []float32
	act    net.Act
}

func (t *transposeTask) String() string {
	return fmt.Sprintf("transposed convolution %+v bias %t then %v", t.filter.Shape, t.bias != nil, t.act)
}

func (t *transposeTask) border(int) int { return transposeBorder(t.filter.Shape) }

func (t *transposeTask) scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int {
	return t.filter.ScratchForward(out.(*act).view, in[0].(*act).view, g.team.Threads())
}

func (t *transposeTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	t.filter.Forward(out.(*act).view, in[0].(*act).view, kernel.Epilogue{Bias: t.bias, Act: t.act}, g.work())
	return nil
}
