package segment

import (
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Windows say how a model without a receptive field is run: whatever its outputs depend on beyond a
// halo, such as the mean of the whole picture, is taken from a window of a fixed side. The windows lie
// on a grid over the canvas, each overlaps its neighbours by half, and every pixel is the weighted mean of
// the four that hold it. Side and grid are the same for every region, so the result depends on
// slide, model and these numbers alone. The zero value is that of a model with a receptive field.
type Windows struct {
	Side    int `json:"side"`    // pixels at the model's scale
	Overlap int `json:"overlap"` // of neighbours, pixels: half the side
}

// The sides of windows. The largest follows from the 32 bits of blender's sums.
const (
	DefaultWindow = 512
	minWindow     = 64
	maxWindow     = 1024
	windowUnit    = 2 * TissueCell // half a window must be whole cells of the tissue map
)

// newWindows is the grid of windows of a side; 0 is DefaultWindow.
func newWindows(side int) Windows {
	if side == 0 {
		side = DefaultWindow
	}
	return Windows{Side: side, Overlap: side / 2}
}

// Validate reports windows that this program does not blend.
func (w Windows) Validate() error {
	if w == (Windows{}) {
		return nil
	}
	if err := checkWindow(w.Side); err != nil {
		return err
	}
	if w.Overlap != w.Side/2 {
		return fmt.Errorf("windows of %d that overlap by %d: this program overlaps them by half", w.Side, w.Overlap)
	}
	return nil
}

func checkWindow(side int) error {
	if side < minWindow || side > maxWindow || side%windowUnit != 0 {
		return fmt.Errorf("window %d: want %d to %d pixels, a multiple of %d", side, minWindow, maxWindow, windowUnit)
	}
	return nil
}

// field is what windows need of regions: they begin on the grid, and their halo holds the rest of the
// windows that touch them. Regions compute those windows each for themselves.
func (w Windows) field() Field { return Field{Halo: w.Overlap, Align: w.Side - w.Overlap} }

// Cost is how often a pixel is computed with regions of a side: four times, and the windows across the
// borders of regions once more for each.
func (w Windows) Cost(region int) float64 {
	step := float64(w.Side - w.Overlap)
	each := float64(w.Side) / step * (1 + step/float64(region))
	return each * each
}

// unboundedBy says what leaves a model without a receptive field, naming the node.
func unboundedBy(err error) string {
	var node *net.NodeError
	switch {
	case !errors.As(err, &node):
		return err.Error()
	case node.Op == net.OpName(&net.GlobalAvgPool{}):
		return fmt.Sprintf("global pooling at node %d %q", node.Node, node.Name)
	}
	return fmt.Sprintf("%s at node %d %q: %s", node.Op, node.Node, node.Name, node.Reason)
}

// Reach says in words how far the model looks, and with it how its regions fit together.
func (m *Model) Reach() string {
	if m.Unbounded == "" {
		return fmt.Sprintf("halo %d px, stride %d", m.Field.Halo, m.Field.Align)
	}
	return fmt.Sprintf("no receptive field: %s; windows of %d px overlap by %d and are blended", m.Unbounded, m.Windows.Side, m.Windows.Overlap)
}

// Blend is the engine with which the model's regions are exact: the engine itself, or for a
// model without a receptive field one that blends windows. The engine's outputs must be
// probabilities.
func (m *Model) Blend(e Engine) Engine {
	if m.Unbounded == "" {
		return e
	}
	return &blendingEngine{engine: e, windows: m.Windows, classes: len(m.Description.Classes)}
}

type blendingEngine struct {
	engine  Engine
	windows Windows
	classes int
}

// Network implements Engine. The input begins half a window before the grid's first point that it is asked for.
func (e *blendingEngine) Network(input pyramid.Size) (Network, error) {
	side, step := e.windows.Side, e.windows.Side-e.windows.Overlap
	if input.W < side || input.H < side || input.W%step != 0 || input.H%step != 0 {
		return nil, fmt.Errorf("input %v: want multiples of %d from %d on", input, step, side)
	}
	one, err := e.engine.Network(pyramid.Size{W: side, H: side})
	if err != nil {
		return nil, err
	}
	return newBlender(one, input, e.classes, e.windows), nil
}
