package onnx

import (
	"fmt"
	"strconv"
)

// graph is what a GraphProto says. Field numbers are those of onnx.proto.
type graph struct {
	name         string
	nodes        []node
	initializers []*tensor
	inputs       []valueInfo
	outputs      []valueInfo
}

// node is a NodeProto.
type node struct {
	name, op, domain string
	in, out          []string
	attrs            map[string]*attribute
}

// attribute is an AttributeProto: whichever fields were set.
type attribute struct {
	name    string
	f       float32
	i       int64
	s       string
	t       *tensor
	floats  []float32
	ints    []int64
	strings []string
	isGraph bool
}

// valueInfo is a ValueInfoProto of a tensor. Dimensions are −1 where dynamic; dims is nil if unknown.
type valueInfo struct {
	name string
	elem int64
	dims []int64
}

func parseGraph(msg []byte, l Limits) (*graph, error) {
	g := &graph{}
	err := fields("graph", msg, func(f field) error { return g.field(f, l) })
	return g, err
}

func (g *graph) field(f field, l Limits) (err error) {
	switch f.num {
	case 1:
		if len(g.nodes) >= l.Nodes {
			return &FormatError{"graph", fmt.Sprintf("more than %d nodes", l.Nodes)}
		}
		var n node
		n, err = parseNode(len(g.nodes), f)
		g.nodes = append(g.nodes, n)
	case 2:
		g.name, err = f.text("graph")
	case 5:
		var t *tensor
		t, err = parseTensor("initializer "+strconv.Itoa(len(g.initializers)), f)
		g.initializers = append(g.initializers, t)
	case 11:
		err = parseValueInfo("input", f, &g.inputs)
	case 12:
		err = parseValueInfo("output", f, &g.outputs)
	case 15:
		err = &UnsupportedError{"graph", "sparse initializers", "export with dense weights"}
	}
	return err
}

func parseNode(index int, f field) (node, error) {
	where := "node " + strconv.Itoa(index)
	n := node{attrs: map[string]*attribute{}}
	if err := f.expect("graph", 2); err != nil {
		return n, err
	}
	err := fields(where, f.data, func(f field) (err error) {
		switch f.num {
		case 1:
			n.in, err = collect(where, f, n.in)
		case 2:
			n.out, err = collect(where, f, n.out)
		case 3:
			n.name, err = f.text(where)
		case 4:
			n.op, err = f.text(where)
		case 5:
			var a *attribute
			if a, err = parseAttribute(where, f); err == nil {
				n.attrs[a.name] = a
			}
		case 7:
			n.domain, err = f.text(where)
		}
		return err
	})
	return n, err
}

func collect(where string, f field, to []string) ([]string, error) {
	s, err := f.text(where)
	return append(to, s), err
}

// parseAttribute does not descend into graphs, so that nothing here recurses.
func parseAttribute(where string, f field) (*attribute, error) {
	a := &attribute{}
	if err := f.expect(where, 2); err != nil {
		return nil, err
	}
	err := fields(where+" attribute", f.data, func(f field) (err error) {
		switch f.num {
		case 1:
			a.name, err = f.text(where)
		case 2:
			a.f, err = f.float(where)
		case 3:
			a.i, err = f.int(where)
		case 4:
			a.s, err = f.text(where)
		case 5:
			a.t, err = parseTensor(where+" tensor", f)
		case 6, 11:
			a.isGraph = true
		case 7:
			a.floats, err = f.floats(where, a.floats)
		case 8:
			a.ints, err = f.ints(where, a.ints)
		case 9:
			a.strings, err = collect(where, f, a.strings)
		}
		return err
	})
	return a, err
}

func parseValueInfo(what string, f field, to *[]valueInfo) error {
	v := valueInfo{}
	if err := f.expect("graph", 2); err != nil {
		return err
	}
	err := fields(what, f.data, func(f field) (err error) {
		switch f.num {
		case 1:
			v.name, err = f.text(what)
		case 2:
			err = inside(what, f, 1, func(f field) error { return v.tensorType(what, f) })
		}
		return err
	})
	*to = append(*to, v)
	return err
}

// inside calls do for the sub-messages of number num.
func inside(what string, f field, num int, do func(field) error) error {
	if err := f.expect(what, 2); err != nil {
		return err
	}
	return fields(what, f.data, func(f field) error {
		if int(f.num) != num {
			return nil
		}
		return do(f)
	})
}

func (v *valueInfo) tensorType(what string, f field) error {
	if err := f.expect(what, 2); err != nil {
		return err
	}
	return fields(what, f.data, func(f field) (err error) {
		switch f.num {
		case 1:
			v.elem, err = f.int(what)
		case 2:
			v.dims = []int64{}
			err = inside(what, f, 1, func(f field) error { return v.dimension(what, f) })
		}
		return err
	})
}

func (v *valueInfo) dimension(what string, f field) error {
	if err := f.expect(what, 2); err != nil {
		return err
	}
	size := int64(-1)
	err := fields(what, f.data, func(f field) (err error) {
		if f.num == 1 {
			size, err = f.int(what)
		}
		return err
	})
	if size <= 0 {
		size = -1
	}
	v.dims = append(v.dims, size)
	return err
}
