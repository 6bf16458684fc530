package net

import (
	"math"
	"slices"
)

// Fold returns an equal network with less to do: batch normalisations become scales, scales and
// activations move into the operation before them where they are its only reader, zero padding moves
// into the convolution after it, and what no output reads is dropped. The order of Outputs stays.
// Folding is done in float64. The receiver is unchanged; tensors that need no change are shared
// with it. The network must be valid.
func (n *Net) Fold() *Net {
	f := &folder{net: n.shallow()}
	f.dropDead()
	f.normalise()
	f.countUses()
	// Chains of scales become one before it is multiplied into weights: a long chain costs no more.
	for _, deep := range []bool{false, true} {
		f.deep = deep
		for i := range f.net.Nodes {
			f.fuse(i)
		}
	}
	f.net.Outputs = f.resolved(f.net.Outputs)
	f.dropDead()
	return f.net
}

// folder rewrites a network in place. alias[i] is the node that now holds node i's value.
type folder struct {
	net   *Net
	alias []int
	uses  []int // readers of each node's value, outputs included
	deep  bool  // fuse into every operation, not only into scales
}

// normalise turns batch norms into affine operations.
func (f *folder) normalise() {
	f.alias = make([]int, len(f.net.Nodes))
	for i := range f.net.Nodes {
		f.alias[i] = i
		if bn, ok := f.net.Nodes[i].Op.(*BatchNorm); ok {
			f.net.Nodes[i].Op = bn.affine()
		}
	}
}

// affine is the batch norm with its statistics as constants.
func (bn *BatchNorm) affine() *Affine {
	c := len(bn.Scale.Data)
	a := &Affine{Scale: vector(c), Bias: vector(c)}
	for i := range c {
		s := float64(bn.Scale.Data[i]) / math.Sqrt(float64(bn.Var.Data[i])+float64(bn.Epsilon))
		a.Scale.Data[i] = float32(s)
		a.Bias.Data[i] = float32(float64(bn.Bias.Data[i]) - float64(bn.Mean.Data[i])*s)
	}
	return a
}

func vector(n int) *Tensor { return &Tensor{Shape: []int{n}, Data: make([]float32, n)} }

func (f *folder) countUses() {
	f.uses = make([]int, len(f.net.Nodes))
	for _, node := range f.net.Nodes {
		for _, j := range node.In {
			f.uses[j]++
		}
	}
	for _, o := range f.net.Outputs {
		f.uses[o]++
	}
}

func (f *folder) resolved(in []int) []int {
	out := slices.Clone(in)
	for k, j := range out {
		for f.alias[j] != j {
			j = f.alias[j]
		}
		out[k] = j
	}
	return out
}

// fuse moves node i into its producer if it may. The producers of i are final when it is called.
func (f *folder) fuse(i int) {
	node := &f.net.Nodes[i]
	node.In = f.resolved(node.In)
	if f.alias[i] != i || f.uses[i] == 0 {
		return // fused already, or read no more
	}
	f.hardSwish(i)
	if conv, ok := node.Op.(*Conv); ok {
		f.absorbPad(node, conv)
		return
	}
	if len(node.In) != 1 {
		return
	}
	p := node.In[0]
	if act, ok := node.Op.(*Activation); ok && act.Act.Kind == Identity {
		f.replace(i, p)
		return
	}
	if _, scale := f.net.Nodes[p].Op.(*Affine); !scale && !f.deep {
		return
	}
	if f.uses[p] == 1 && fuseInto(f.net.Nodes[p].Op, node.Op) {
		f.replace(i, p)
	}
}

// replace makes p hold the value of i.
func (f *folder) replace(i, p int) {
	f.alias[i] = p
	f.uses[p] += f.uses[i] - 1
}

// absorbPad moves zero padding into a convolution. The Pad stays for its other readers.
func (f *folder) absorbPad(node *Node, conv *Conv) {
	pad, ok := f.net.Nodes[node.In[0]].Op.(*Pad)
	if !ok || pad.Value != 0 || checkPadding(pad.Pad, maxKernel/2) != nil || checkPadding(conv.Pad, maxKernel/2) != nil {
		return
	}
	conv.Pad = Padding{conv.Pad.Top + pad.Pad.Top, conv.Pad.Left + pad.Pad.Left, conv.Pad.Bottom + pad.Pad.Bottom, conv.Pad.Right + pad.Pad.Right}
	from := node.In[0]
	node.In[0] = f.net.Nodes[from].In[0]
	f.uses[from]--
	if f.uses[from] > 0 {
		f.uses[node.In[0]]++
	}
}

// hardSwish recognises x · HardSigmoid(x), which PyTorch exports before opset 14.
func (f *folder) hardSwish(i int) {
	node := &f.net.Nodes[i]
	b, ok := node.Op.(*Binary)
	if !ok || b.Kind != Mul || b.Act.Kind != Identity {
		return
	}
	for k, j := range node.In {
		gate, ok := f.net.Nodes[j].Op.(*Activation)
		x := node.In[1-k]
		if !ok || !isHardSwishGate(gate.Act) || f.net.Nodes[j].In[0] != x {
			continue
		}
		node.Op, node.In = &Activation{Act{Kind: HardSwish}}, []int{x}
		if f.uses[j]--; f.uses[j] == 0 {
			f.uses[x]--
		}
		return
	}
}

func isHardSwishGate(a Act) bool {
	return a.Kind == HardSigmoid && math.Abs(float64(a.Alpha)-1.0/6) < 1e-6 && a.Beta == 0.5
}

// fuseInto merges next into op, which alone produces its input, and says whether it could.
func fuseInto(op, next Op) bool {
	act := actOf(op)
	if act == nil || act.Kind != Identity {
		return false
	}
	switch next := next.(type) {
	case *Activation:
		*act = next.Act
		return true
	case *Affine:
		if scaleInto(op, next) {
			*act = next.Act
			return true
		}
	}
	return false
}

// actOf is where an operation keeps its fused activation; nil if it can have none.
func actOf(op Op) *Act {
	switch op := op.(type) {
	case *Conv:
		return &op.Act
	case *ConvTranspose:
		return &op.Act
	case *Affine:
		return &op.Act
	case *Binary:
		return &op.Act
	}
	return nil
}

// dropDead removes the nodes that no output reads, but never the input.
func (f *folder) dropDead() {
	n := f.net
	live := make([]bool, len(n.Nodes))
	live[0] = true
	for _, o := range n.Outputs {
		live[o] = true
	}
	for i := len(n.Nodes) - 1; i >= 0; i-- {
		for _, j := range n.Nodes[i].In {
			live[j] = live[j] || live[i]
		}
	}
	index := make([]int, len(n.Nodes))
	kept := n.Nodes[:0]
	for i, node := range n.Nodes {
		index[i] = len(kept)
		if !live[i] {
			continue
		}
		for k, j := range node.In {
			node.In[k] = index[j]
		}
		kept = append(kept, node)
	}
	n.Nodes = kept
	for k, o := range n.Outputs {
		n.Outputs[k] = index[o]
	}
}
