package nn

import (
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// Tiling says which 3×3 convolutions are filtered by Winograd's minimal algorithm, which needs two to
// four times fewer multiplications but works on a grid of tiles. The bits of a result then depend
// on all pixels of its tile and on its place in it, so regions must be aligned to the grid and need
// a wider halo: Engine.Field tells. On a coarse level a tile is many pixels of the input wide, so
// the halo costs more than the tiles save; that is why the tile is chosen by the level's stride.
// The zero value is direct convolution everywhere. It is part of what decides a result's bits.
type Tiling struct {
	Four int `json:"four,omitempty"` // tiles of 4×4 where the stride from the input is at most this
	Two  int `json:"two,omitempty"`  // tiles of 2×2 where it is at most this, and above Four
}

// Fastest tiles every convolution that gains by it: for single images, where nothing is stitched.
func Fastest() Tiling { return Tiling{Four: anyStride} }

const anyStride = 1 << 20

// String writes the tiling as "4@S,2@T", or "direct".
func (t Tiling) String() string {
	switch {
	case t.Four <= 0 && t.Two <= 0:
		return "direct"
	case t.Four >= anyStride:
		return "4"
	}
	return fmt.Sprintf("4@%d,2@%d", t.Four, t.Two)
}

func (t Tiling) validate() error {
	if t.Four < 0 || t.Two < 0 {
		return fmt.Errorf("tiling to strides %d and %d: neither may be negative", t.Four, t.Two)
	}
	return nil
}

// tile is the size of the tiles at a stride; 0 is direct.
func (t Tiling) tile(stride float64) int {
	switch {
	case stride <= float64(t.Four):
		return 4
	case stride <= float64(t.Two):
		return 2
	}
	return 0
}

// shapes gives each convolution of a folded network its kernel's shape under the tiling.
func (t Tiling) shapes(n *net.Net) map[int]kernel.ConvShape {
	strides, shapes := stridesOf(n), map[int]kernel.ConvShape{}
	for i, node := range n.Nodes {
		if op, ok := node.Op.(*net.Conv); ok {
			shapes[i] = convShape(op).Fast(t.tile(strides[i]))
		}
	}
	return shapes
}

// stridesOf is how many input pixels lie between two neighbours of each node's value. A resize to a
// fixed size has no stride; what follows it is never tiled.
func stridesOf(n *net.Net) []float64 {
	s := make([]float64, len(n.Nodes))
	for i, node := range n.Nodes {
		s[i] = 1
		if len(node.In) > 0 {
			s[i] = s[node.In[0]]
		}
		switch op := node.Op.(type) {
		case *net.Conv:
			s[i] *= float64(max(op.Stride.Y, op.Stride.X))
		case *net.Pool:
			s[i] *= float64(max(op.Stride.Y, op.Stride.X))
		case *net.ConvTranspose:
			s[i] /= float64(min(op.Stride.Y, op.Stride.X))
		case *net.GlobalAvgPool:
			s[i] = math.Inf(1)
		case *net.Resize:
			if op.Size != (net.Pair{}) {
				s[i] = math.Inf(1)
			} else {
				s[i] /= min(op.ScaleY, op.ScaleX)
			}
		}
	}
	return s
}

// Field is the geometry that makes regions exact under a tiling. Which pixels a tile's results depend
// on is what a convolution by m with a kernel of m+2 followed by an enlargement by m depends on,
// so the field is that of such a network.
func (t Tiling) Field(n *net.Net) (net.Field, error) {
	if err := n.Validate(); err != nil {
		return net.Field{}, err
	}
	folded := n.Fold()
	shapes := t.shapes(folded)
	out, at := &net.Net{Name: n.Name}, make([]int, len(folded.Nodes))
	zeros := make([]float32, largestTiled(shapes))
	for i, node := range folded.Nodes {
		in := make([]int, len(node.In))
		for k, j := range node.In {
			in[k] = at[j]
		}
		node.In = in
		if m := shapes[i].Tile; m > 0 {
			out.Nodes = append(out.Nodes, tileNodes(node, m, len(out.Nodes), zeros)...)
		} else {
			out.Nodes = append(out.Nodes, node)
		}
		at[i] = len(out.Nodes) - 1
	}
	for _, o := range folded.Outputs {
		out.Outputs = append(out.Outputs, at[o])
	}
	return out.Field()
}

// largestTiled is the number of weights of the largest convolution as a tile's kernel.
func largestTiled(shapes map[int]kernel.ConvShape) int {
	most := 0
	for _, s := range shapes {
		if s.Tile > 0 {
			most = max(most, s.In*s.Out*(s.Tile+2)*(s.Tile+2))
		}
	}
	return most
}

// tileNodes is a convolution by tiles of m×m as two nodes, the first of which has index first. Its
// weights are zeros: only their shape matters.
func tileNodes(node net.Node, m, first int, zeros []float32) []net.Node {
	op := *node.Op.(*net.Conv)
	w, side := op.Weight.Shape, m+2
	op.Weight = &net.Tensor{Shape: []int{w[0], w[1], side, side}, Data: zeros[:w[0]*w[1]*side*side]}
	op.Stride = net.Pair{Y: m, X: m}
	grow := &net.Resize{Coord: net.Asymmetric, Round: net.Floor, ScaleY: float64(m), ScaleX: float64(m)}
	return []net.Node{
		{Name: node.Name, In: node.In, Op: &op},
		{Name: node.Name + " tiles", In: []int{first}, Op: grow},
	}
}

// TilingWithin chooses the tiling of the least estimated time among those for which regions of that alignment and with that
// halo are exact: halos are rounded up to the alignment, and what that leaves over costs a region nothing. The choice
// depends on network and halo alone, never on the processor.
func TilingWithin(n *net.Net, halo, align int) (Tiling, error) {
	best := Tiling{}
	if _, err := best.Field(n); err != nil {
		return best, err
	}
	folded := n.Fold()
	if !keepsSize(folded) {
		return best, nil
	}
	least := best.cost(folded)
	for _, t := range tilings(folded) {
		c := t.cost(folded)
		if c >= least { // its field, which takes long to follow, does not matter
			continue
		}
		if f, err := t.Field(folded); err == nil && f.Halo() <= halo && align%f.Side() == 0 { // an error: too deep to be followed
			best, least = t, c
		}
	}
	return best, nil
}

// keepsSize reports whether every 3×3 convolution gives a result of its input's size: what Field follows instead of a tiled
// convolution (tileNodes) has the size of others otherwise.
func keepsSize(folded *net.Net) bool {
	for _, node := range folded.Nodes {
		op, ok := node.Op.(*net.Conv)
		if ok && convShape(op).Fast(4).Tile > 0 && op.Pad != (net.Padding{Top: 1, Left: 1, Bottom: 1, Right: 1}) {
			return false
		}
	}
	return true
}

// tilings are those worth a look: tiles of 4×4 up to one of the network's strides, of 2×2 up to there or one level further.
func tilings(folded *net.Net) (all []Tiling) {
	most := 1
	for _, s := range stridesOf(folded) {
		if !math.IsInf(s, 1) {
			most = max(most, int(s))
		}
	}
	for two := 1; two <= most; two *= 2 {
		all = append(all, Tiling{Two: two}, Tiling{Four: two, Two: two}, Tiling{Four: two, Two: 2 * two})
	}
	return all
}

// cost is the estimated time of one pixel of the input, in direct multiply-adds. It is rounded as written on every processor.
func (t Tiling) cost(folded *net.Net) (sum float64) {
	strides, shapes := stridesOf(folded), t.shapes(folded)
	for i := range folded.Nodes { // in their order, as sums are rounded
		if s, ok := shapes[i]; ok {
			sum += float64(float64(s.Weights()) / (strides[i] * strides[i]) * tileGain(s))
		}
	}
	return sum
}

// tileGain is the time of a tiled convolution by that of the direct one, fitted to measurements of
// U-Net layers of 16 to 512 channels: the transforms weigh more where channels are few.
func tileGain(s kernel.ConvShape) float64 {
	few := float64(min(s.In, s.Out))
	switch s.Tile {
	case 4:
		return 0.38 + 6/few
	case 2:
		return 0.52 + 10/few
	}
	return 1
}
