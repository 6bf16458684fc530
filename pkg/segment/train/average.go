package train

import (
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// average is an exponential moving average of a network: its weights and its batch-norm statistics
// alike, so that the averaged network is ready to use.
type average struct {
	net   *net.Net
	decay float64
	steps int
}

func newAverage(n *net.Net, decay float64) *average { return &average{net: n.Clone(), decay: decay} }

// add moves the average towards a network of the same shape. The first steps weigh more: after k of
// them the decay is at most (1+k)/(10+k), so the random start is soon forgotten.
func (a *average) add(n *net.Net) {
	k := float64(a.steps)
	d := min(a.decay, (1+k)/(10+k))
	a.steps++
	keep, take := float32(d), float32(1-d)
	from := tensors(n)
	for i, t := range tensors(a.net) {
		src := from[i].Data
		for j, v := range t.Data {
			t.Data[j] = keep*v + take*src[j]
		}
	}
}

// tensors lists everything a network learns, in node order.
func tensors(n *net.Net) []*net.Tensor {
	var all []*net.Tensor
	for _, node := range n.Nodes {
		all = append(all, net.Weights(node.Op)...)
	}
	return all
}

// flatten copies a network's values into one slice.
func flatten(n *net.Net) []float32 {
	var all []float32
	for _, t := range tensors(n) {
		all = append(all, t.Data...)
	}
	return all
}

// unflatten is the inverse of flatten.
func unflatten(n *net.Net, values []float32) error {
	at := 0
	for _, t := range tensors(n) {
		if at+len(t.Data) > len(values) {
			return fmt.Errorf("%d values are too few for this network", len(values))
		}
		at += copy(t.Data, values[at:])
	}
	if at != len(values) {
		return fmt.Errorf("%d values for a network of %d", len(values), at)
	}
	return nil
}
