package synth

import (
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// lattice of the large-scale fields: they are computed at every nodeStep-th pixel of the slide and
// interpolated in between.
const nodeStep = 8

// nodes are the fields at lattice points, row-major, from pad points before the sheet to as many
// behind it.
type nodes struct {
	pad        int
	cols, rows int
	field      []fields
}

// fields are what changes slowly from pixel to pixel.
type fields [7]float64

// The fields.
const (
	fDepth  = iota // microns
	fTumour        // microns
	fDeep          // 0 to 1
	fFat           // 0 to 1
	fU             // coordinates in the stroma's texture, cells
	fV
	fCells // density of lymphocytes, 0 to 1
)

// nucleusReach is how far a nucleus can reach from its centre, in microns.
const nucleusReach = 6.0

// survey computes the fields and whether there is anything to draw. The fields go on beyond the sheet
// as far as a nucleus that reaches into it.
func (r *renderer) survey(s *sheet) {
	n := &s.nodes
	n.pad = int(nucleusReach/r.mpp)/nodeStep + 1
	n.cols = pyramid.CeilDiv(s.r.Dx(), nodeStep) + 2*n.pad + 2
	n.rows = pyramid.CeilDiv(s.r.Dy(), nodeStep) + 2*n.pad + 2
	if cap(n.field) < n.cols*n.rows {
		n.field = make([]fields, n.cols*n.rows)
	}
	n.field = n.field[:n.cols*n.rows]
	s.blank = true
	for i := range n.field {
		u, v := r.node(s, i)
		at := r.world.at(u, v)
		n.field[i] = fields{fDepth: at.depth}
		if at.depth >= noTissue {
			s.blank = false
			n.field[i] = r.bend(at, u, v)
		}
	}
	if !s.blank {
		r.complete(s)
	}
}

// noTissue is the depth in microns below which a lattice point leaves its neighbourhood empty.
const noTissue = -20

// node is the place of a lattice point in microns.
func (r *renderer) node(s *sheet, i int) (u, v float64) {
	x, y := i%s.nodes.cols-s.nodes.pad, i/s.nodes.cols-s.nodes.pad
	return float64(s.r.Min.X+x*nodeStep) * r.mpp, float64(s.r.Min.Y+y*nodeStep) * r.mpp
}

// complete fills in the nodes outside the tissue, whose neighbours need them to interpolate.
func (r *renderer) complete(s *sheet) {
	for i := range s.nodes.field {
		if s.nodes.field[i][fDepth] < noTissue {
			u, v := r.node(s, i)
			s.nodes.field[i] = r.bend(r.world.at(u, v), u, v)
		}
	}
}

// bend finds the place in the stroma's texture: displaced by hundreds of microns, so that strands run
// in all directions and the repetition does not show.
func (r *renderer) bend(at place, u, v float64) fields {
	const far, period = 300, 900
	du := far * noise(r.seed^31, u/period, v/period)
	dv := far*noise(r.seed^32, u/period, v/period) + 60*noise(r.seed^33, u/190, v/190)
	cells := 0.5 + 0.5*noise(r.seed^34, u/230, v/230)
	return fields{
		float64(at.depth), float64(at.tumour), float64(at.deep), float64(at.fat),
		float64((u + du) / patternMPP), float64((v + dv) / patternMPP), float64(cells),
	}
}

// at interpolates the fields at a pixel of the sheet, or within the padding around it.
func (n *nodes) at(x, y int) (f fields) {
	x, y = x+n.pad*nodeStep, y+n.pad*nodeStep
	i := y/nodeStep*n.cols + x/nodeStep
	tx, ty := float64(x%nodeStep)/nodeStep, float64(y%nodeStep)/nodeStep
	a, b, c, d := &n.field[i], &n.field[i+1], &n.field[i+n.cols], &n.field[i+n.cols+1]
	for k := range f {
		top := a[k] + (b[k]-a[k])*tx
		f[k] = top + (c[k]+(d[k]-c[k])*tx-top)*ty
	}
	return f
}

// along is the direction of the strands at a pixel: the one in which the texture's v does not change.
func (n *nodes) along(x, y int) float64 {
	i := (y+n.pad*nodeStep)/nodeStep*n.cols + (x+n.pad*nodeStep)/nodeStep
	v := n.field[i][fV]
	return math.Atan2(v-n.field[i+1][fV], n.field[i+n.cols][fV]-v)
}
