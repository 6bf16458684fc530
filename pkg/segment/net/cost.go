package net

// Cost is the arithmetic of one forward pass and the number of stored weights. Only convolutions and
// transposed convolutions count, two operations per multiply-add, as is usual in the field: the rest
// is below a hundredth of it.
func (n *Net) Cost(in Shape) (flops, weights int64, err error) {
	shapes, err := n.Shapes(in)
	if err != nil {
		return 0, 0, err
	}
	for i, node := range n.Nodes {
		switch op := node.Op.(type) {
		case *Conv:
			flops += 2 * elements(shapes[i]) * perOutput(op.Weight)
		case *ConvTranspose:
			flops += 2 * elements(shapes[node.In[0]]) * perOutput(op.Weight)
		}
		for _, t := range Weights(node.Op) {
			weights += int64(len(t.Data))
		}
	}
	return flops, weights, nil
}

func elements(s Shape) int64 { return int64(s.C) * int64(s.H) * int64(s.W) }

// perOutput is the number of taps of one element: of the output of a convolution, of the input of a
// transposed one.
func perOutput(w *Tensor) int64 {
	return int64(w.Shape[1]) * int64(w.Shape[2]) * int64(w.Shape[3])
}

// Weights lists the tensors of an operation that are not nil, always in the same order.
func Weights(op Op) []*Tensor {
	var all []*Tensor
	switch op := op.(type) {
	case *Conv:
		all = []*Tensor{op.Weight, op.Bias}
	case *ConvTranspose:
		all = []*Tensor{op.Weight, op.Bias}
	case *BatchNorm:
		all = []*Tensor{op.Scale, op.Bias, op.Mean, op.Var}
	case *Affine:
		all = []*Tensor{op.Scale, op.Bias}
	}
	kept := all[:0]
	for _, t := range all {
		if t != nil {
			kept = append(kept, t)
		}
	}
	return kept
}
