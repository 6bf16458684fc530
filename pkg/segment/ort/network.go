package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// network is a session at one input size. The runtime reads and writes the caller's memory.
//
// # Memory
//
// Only a name for its runs. The activations lie in the runtime's arena, which grows to what as many runs
// need as there are at once, and is kept until the session closes.
type network struct {
	session *session
	options handle // of its runs
	in      net.Shape
	out     []net.Shape
	done    func() // tells whoever shares the session
}

var _ segment.Network = (*network)(nil)

func newNetwork(s *session, in net.Shape, out []net.Shape, done func()) (*network, error) {
	if len(out) > len(s.outputs) {
		return nil, fmt.Errorf("onnxruntime: the model has %d outputs, want %d", len(s.outputs), len(out))
	}
	n := &network{session: s, in: in, out: out, done: done}
	a := s.runtime.api
	return n, a.check("run options", a.createRunOptions(&n.options))
}

// Run implements segment.Network. A context that ends has the runtime stop at the next operation.
func (n *network) Run(ctx context.Context, in, out []float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.options == 0 {
		return errors.New("run network: it is closed")
	}
	total := 0
	for _, s := range n.out {
		total += floats(s)
	}
	if len(in) != floats(n.in) || len(out) != total {
		return fmt.Errorf("run network: %d and %d floats, want %d and %d", len(in), len(out), floats(n.in), total)
	}
	var late error
	told := make(chan struct{})
	a := n.session.runtime.api
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		late = a.check("stop", a.setTerminate(n.options))
	})
	err := n.run(in, out)
	if stop() {
		return err
	}
	<-told
	return errors.Join(ctx.Err(), late, a.check("go on", a.unsetTerminate(n.options)))
}

func (n *network) run(in, out []float32) (err error) {
	a := n.session.runtime.api
	image, err := n.tensor(in, n.in)
	if err != nil {
		return err
	}
	defer a.releaseValue(image)
	values := make([]handle, 0, len(n.out))
	defer func() {
		for _, v := range values {
			a.releaseValue(v)
		}
	}()
	for rest, k := out, 0; k < len(n.out); k++ {
		v, err := n.tensor(rest[:floats(n.out[k])], n.out[k])
		if err != nil {
			return err
		}
		values, rest = append(values, v), rest[floats(n.out[k]):]
	}
	err = a.check("run", a.run(n.session.handle, n.options, &n.session.inputs[0], &image, 1,
		&n.session.outputs[0], uintptr(len(values)), &values[0]))
	runtime.KeepAlive(in)
	runtime.KeepAlive(out)
	return err
}

// tensor wraps floats for the runtime. They must live as long as the tensor.
func (n *network) tensor(data []float32, s net.Shape) (v handle, err error) {
	a := n.session.runtime.api
	shape := []int64{1, int64(s.C), int64(s.H), int64(s.W)}
	err = a.check("wrap tensor", a.createTensor(n.session.runtime.cpu, unsafe.SliceData(data), uintptr(4*len(data)),
		&shape[0], uintptr(len(shape)), elementFloat, &v))
	runtime.KeepAlive(shape)
	return v, err
}

func floats(s net.Shape) int { return s.C * s.H * s.W }

// Close implements segment.Network. Closing twice does no harm.
func (n *network) Close() error {
	if n.options == 0 {
		return nil
	}
	n.session.runtime.api.releaseRunOptions(n.options)
	n.options = 0
	n.done()
	return nil
}
