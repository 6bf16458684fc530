package net

import "slices"

// Clone copies the network, its operations and its tensors: nothing is shared.
func (n *Net) Clone() *Net {
	c := n.shallow()
	for i := range c.Nodes {
		eachTensor(c.Nodes[i].Op, func(t **Tensor) { *t = (*t).clone() })
	}
	return c
}

// shallow copies everything but the tensors.
func (n *Net) shallow() *Net {
	c := &Net{Name: n.Name, Outputs: slices.Clone(n.Outputs), Nodes: slices.Clone(n.Nodes)}
	for i := range c.Nodes {
		c.Nodes[i].In = slices.Clone(c.Nodes[i].In)
		c.Nodes[i].Op = copyOp(c.Nodes[i].Op)
	}
	return c
}

func (t *Tensor) clone() *Tensor {
	if t == nil {
		return nil
	}
	return &Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Data)}
}

func eachTensor(op Op, do func(**Tensor)) {
	switch op := op.(type) {
	case *Conv:
		do(&op.Weight)
		do(&op.Bias)
	case *ConvTranspose:
		do(&op.Weight)
		do(&op.Bias)
	case *BatchNorm:
		do(&op.Scale)
		do(&op.Bias)
		do(&op.Mean)
		do(&op.Var)
	case *Affine:
		do(&op.Scale)
		do(&op.Bias)
	}
}

func copyOp(op Op) Op {
	switch op := op.(type) {
	case *Input:
		return dup(op)
	case *Conv:
		return dup(op)
	case *ConvTranspose:
		return dup(op)
	case *BatchNorm:
		return dup(op)
	case *Affine:
		return dup(op)
	case *Activation:
		return dup(op)
	case *Pool:
		return dup(op)
	case *GlobalAvgPool:
		return dup(op)
	case *Resize:
		return dup(op)
	case *Concat:
		return dup(op)
	case *Binary:
		return dup(op)
	case *Pad:
		return dup(op)
	case *Slice:
		return dup(op)
	case *Softmax:
		return dup(op)
	}
	return op
}

func dup[T any](p *T) *T { c := *p; return &c }
