package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// Gorgonia sums the gradients of a value with several readers by its own Add, which knows only
// dense tensors and allocates a fresh one at every step. A fork gives each reader a handle of its
// own instead: the first is the main one, each other depends on the one before it. Backpropagation
// therefore meets the side handles first; they leave their gradient with the fork, and the main
// handle adds them all up, in place. The order of the sum is the order of the readers.

// fork is what the handles of one value share.
type fork struct{ pending gorgonia.Nodes }

// mainHandle is the first reader's view of a forked value. It computes nothing.
type mainHandle struct{ f *fork }

// sideHandle is a later reader's view. Its second input is the handle before it, for the order only.
type sideHandle struct {
	f      *fork
	handed bool // the gradient has been left with the fork
}

func (*mainHandle) String() string { return "fork" }
func (*sideHandle) String() string { return "fork side" }

func (*mainHandle) aliases() int { return 0 }
func (*sideHandle) aliases() int { return 0 }

func (*mainHandle) run(_ *graph, out gorgonia.Value, in []gorgonia.Value) error {
	return checkAlias(out, in[0])
}

func (*sideHandle) run(_ *graph, out gorgonia.Value, in []gorgonia.Value) error {
	return checkAlias(out, in[0])
}

// checkAlias proves that the plan has kept its promise.
func checkAlias(out, in gorgonia.Value) error {
	a, b := out.(*act), in.(*act)
	if a.store != b.store || a.first != b.first {
		return fmt.Errorf("broken plan: %v is not where its source is", a.dims)
	}
	return nil
}

func (*mainHandle) wrt(int) []bool { return []bool{true} }

// wrt is true until the gradient has been handed to the fork: Gorgonia first asks which nodes take
// part, and after grads asks again where to add up.
func (s *sideHandle) wrt(int) []bool { return []bool{!s.handed, false} }

func (s *sideHandle) grads(_ *graph, _ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	s.f.pending = append(s.f.pending, grad)
	s.handed = true
	return gorgonia.Nodes{nil, nil}, nil
}

func (m *mainHandle) grads(g *graph, _ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	sum := grad
	for _, p := range m.f.pending {
		a, err := actOf(sum)
		if err != nil {
			return nil, err
		}
		if sum, err = g.apply(sumTask{}, a.dims, sum, p); err != nil {
			return nil, err
		}
	}
	return gorgonia.Nodes{sum}, nil
}

// sumTask adds two gradients.
type sumTask struct{}

func (sumTask) String() string    { return "sum of gradients" }
func (sumTask) overwrites() []int { return []int{0, 1} }

func (sumTask) run(g *graph, out gorgonia.Value, in []gorgonia.Value) error {
	kernel.AddTo(out.(*act).view, in[0].(*act).view, in[1].(*act).view, g.team)
	return nil
}
