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

func newRenderer(c Config) *renderer {
	seed := hash(c.Seed, 0, 0, 99)
	w := newWorld(c.Size, c.mpp(), seed)
	if c.Tissue > 0 {
		w.grow(c.Tissue)
	}
	return &renderer{
		world: w, lib: patterns(),
		size: c.Size, mpp: c.mpp(), seed: seed, colour: newPalette(), face: newLettering(c.Size),
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

// cells strews nuclei over the stroma: round ones of lymphocytes, densest between crypts, and spindles
// of fibroblasts along the strands.
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
