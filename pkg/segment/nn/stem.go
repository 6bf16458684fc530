package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// stemTask is the first convolution of a network, which takes the image row by row from fill.
type stemTask struct {
	convTask
	in   *act
	fill segment.LoadRow // while the network runs
}

func (t *stemTask) String() string { return "stem: " + t.convTask.String() }

func (t *stemTask) border(int) int { return 0 }

func (t *stemTask) overwrites() []int { return nil }

func (t *stemTask) scratch(g *graph, out gorgonia.Value, _ []gorgonia.Value) int {
	return t.filter.ScratchRows(out.(*act).view, t.in.h, t.in.w, g.team.Threads())
}

func (t *stemTask) run(g *graph, out gorgonia.Value, _ []gorgonia.Value) error {
	if t.fill == nil {
		return fmt.Errorf("%v has no rows to take", t)
	}
	e := kernel.Epilogue{Bias: t.bias, Act: t.act}
	t.filter.ForwardRows(out.(*act).view, t.in.h, t.in.w, t.fill, e, g.work())
	return nil
}

// stems reports whether the image needs to lie nowhere: one image of three channels, read by one convolution alone.
func (b *inferBuilder) stems(image int) bool {
	if s := b.shapes[image]; b.batch != 1 || s.C != 3 || b.reads[image] != 1 {
		return false
	}
	for i, n := range b.e.net.Nodes {
		if len(n.In) == 0 || n.In[0] != image {
			continue
		}
		_, ok := n.Op.(*net.Conv)
		return ok && !b.inner[i] && b.chains[i] == nil && b.later[i] == 0 && b.e.filters[i].Stems()
	}
	return false
}
