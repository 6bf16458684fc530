package synth

import (
	"image"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// renderer draws tiles. It is safe for concurrent use.
type renderer struct {
	world  *world
	lib    *library
	size   pyramid.Size
	mpp    float64
	seed   uint64
	colour *palette
	face   lettering
}

func newRenderer(size pyramid.Size, mpp float64, seed uint64) *renderer {
	seed = hash(seed, 0, 0, 99)
	return &renderer{
		world: newWorld(size, mpp, seed), lib: patterns(),
		size: size, mpp: mpp, seed: seed, colour: newPalette(), face: newLettering(size),
	}
}

// sheet is a rectangle of the slide in the making: stains and truth per pixel, row-major.
type sheet struct {
	r      image.Rectangle
	h, e   []uint8 // haematoxylin and eosin
	tissue []uint8 // how much of the pixel is tissue; nothing is drawn where it is 0
	cancer []uint8 // 255 in a malignant gland
	nodes  nodes
	blank  bool // nothing but glass
}

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

// draw renders the rectangle, whose corner must be a multiple of nodeStep.
func (r *renderer) draw(rect image.Rectangle, s *sheet) {
	s.reset(rect)
	r.survey(s)
	if !s.blank {
		r.ground(s)
		r.cells(s)
		r.glands(s)
	}
}

func (s *sheet) reset(rect image.Rectangle) {
	n := rect.Dx() * rect.Dy()
	if cap(s.h) < n {
		s.h, s.e, s.tissue, s.cancer = make([]uint8, n), make([]uint8, n), make([]uint8, n), make([]uint8, n)
	}
	s.r, s.h, s.e, s.tissue, s.cancer = rect, s.h[:n], s.e[:n], s.tissue[:n], s.cancer[:n]
	clear(s.h)
	clear(s.e)
	clear(s.tissue)
	clear(s.cancer)
}

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

// ground draws what lies between the glands: stroma and fat.
func (r *renderer) ground(s *sheet) {
	w := s.r.Dx()
	for y := range s.r.Dy() {
		for x0 := 0; x0 < w; x0 += nodeStep {
			f, g := s.nodes.at(x0, y), s.nodes.at(x0+nodeStep, y)
			if max(f[fDepth], g[fDepth]) < -4 {
				continue
			}
			for k := range g {
				g[k] = (g[k] - f[k]) / nodeStep
			}
			r.groundRun(s, y*w+x0, y*w+min(x0+nodeStep, w), f, g)
		}
	}
}

// groundRun draws pixels [from, to) from fields f on, which change by g per pixel. Stroma is pale in
// the deep and pink around carcinoma.
func (r *renderer) groundRun(s *sheet, from, to int, f, g fields) {
	for i := from; i < to; i++ {
		if edge := min((f[fDepth]+4)/6, 1); edge > 0 {
			u, v := int(f[fU]*(1<<coordBits)), int(f[fV]*(1<<coordBits))
			_, h, e := r.lib.stroma.sample(u, v)
			pink := clamp((f[fTumour] + 110) / 80)
			tone := lerp(1-0.35*f[fDeep], 1.3, pink)
			sh, se := tone*float64(h), tone*float64(e)
			if f[fFat] > 0 {
				_, h, e := r.lib.fat.sample(u, v)
				sh, se = lerp(sh, float64(h), f[fFat]), lerp(se, float64(e), f[fFat])
			}
			s.h[i], s.e[i], s.tissue[i] = uint8(min(sh*edge, 255)), uint8(min(se*edge, 255)), uint8(255*edge)
		}
		for k := range f {
			f[k] += g[k]
		}
	}
}

// cells strews nuclei over the stroma: round ones of lymphocytes, densest between crypts, and spindles of
// fibroblasts along the strands.
func (r *renderer) cells(s *sheet) {
	const pitch = 7.4 // microns
	eachCell(s.r, r.mpp, pitch, nucleusReach, func(col, row int) {
		d := newDice(r.seed, col, row, 70)
		u, v := (float64(col)+d.next())*pitch, (float64(row)+d.next())*pitch
		x, y := u/r.mpp, v/r.mpp
		px, py := int(math.Floor(x))-s.r.Min.X, int(math.Floor(y))-s.r.Min.Y
		if !image.Pt(px, py).In(image.Rectangle{Max: s.r.Size()}.Inset(-s.nodes.pad * nodeStep)) {
			return // too far away to be seen
		}
		f := s.nodes.at(px, py)
		chance := 0.62 * (1 - f[fDeep]) * (0.35 + f[fCells])
		if f[fTumour] > -60 {
			chance = 0.3 * f[fCells]
		}
		chance = max(chance, 0.08) * (1 - f[fFat])
		if f[fDepth] < 5 || d.next() > chance {
			return
		}
		a, b, angle := d.between(1.7, 2.6), d.between(1.6, 2.2), d.between(0, math.Pi)
		if d.next() < lerp(0.35, 0.85, max(f[fDeep], clamp(f[fTumour]/60+1))) {
			a, b, angle = d.between(2.8, 5), d.between(1, 1.5), s.nodes.along(px, py)+d.between(-0.25, 0.25)
		}
		r.stamp(s, x, y, a, b, angle, uint8(255*d.between(0.62, 0.95)))
	})
}

// eachCell visits the cells of a grid of the pitch that can reach into the rectangle, row by row.
func eachCell(r image.Rectangle, mpp, pitch, reach float64, visit func(col, row int)) {
	first := func(px int) int { return int(math.Floor((float64(px)*mpp - reach) / pitch)) }
	last := func(px int) int { return int(math.Floor((float64(px)*mpp + reach) / pitch)) }
	for row := first(r.Min.Y); row <= last(r.Max.Y); row++ {
		for col := first(r.Min.X); col <= last(r.Max.X); col++ {
			visit(col, row)
		}
	}
}

// stamp draws a nucleus with semi-axes a and b in microns at a point in pixels of the slide.
func (r *renderer) stamp(s *sheet, x, y, a, b, angle float64, dark uint8) {
	sin, cos := math.Sincos(angle)
	reach := (max(a, b) + 0.7) / r.mpp
	box := image.Rect(int(x-reach), int(y-reach), int(x+reach)+2, int(y+reach)+2).Intersect(s.r)
	for py := box.Min.Y; py < box.Max.Y; py++ {
		for px := box.Min.X; px < box.Max.X; px++ {
			dx, dy := (float64(px)+0.5-x)*r.mpp, (float64(py)+0.5-y)*r.mpp
			p, q := (dx*cos+dy*sin)/a, (dy*cos-dx*sin)/b
			in := (1.25 - (p*p + q*q)) * 2
			if in <= 0 {
				continue
			}
			in = min(in, 1)
			i := (py-s.r.Min.Y)*s.r.Dx() + px - s.r.Min.X
			in *= float64(s.tissue[i]) / 255
			if h := uint8(float64(s.h[i]) + (float64(dark)-float64(s.h[i]))*in); h > s.h[i] {
				s.h[i] = h
			}
		}
	}
}
