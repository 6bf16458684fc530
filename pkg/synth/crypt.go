package synth

import "math"

// cryptRadius is that of a crypt as drawn, in microns: a human colonic crypt is 80 µm across.
const cryptRadius = 40.0

// drawCrypt draws a benign crypt across its axis: lumen, goblet cells like the petals of a flower, a
// ring of small nuclei at the base of the cells, and the cleft around it.
func drawCrypt(seed uint64) *pattern {
	d := newDice(seed, 0, 0, 30)
	shape := outline{cryptRadius, []wave{{2, d.between(0, 0.07), d.between(0, 7)}, {3, d.between(0, 0.05), d.between(0, 7)}}}
	petals := float64(int(d.between(11, 16)))
	lumen, turn := d.between(0.08, 0.2), d.between(0, 1)
	nuclei := basalNuclei(d, shape)
	return drawPattern(256, func(x, y float64) uint32 {
		theta, r := math.Atan2(y, x), distance(x, y)
		rho := r / shape.radius(theta)
		if rho > 1.12 {
			return 0
		}
		if rho > 1 { // the cleft
			return pack(step(1.12, 1.05, rho), 0.03, 0.1)
		}
		sector := math.Mod((theta/(2*math.Pi)+1)*petals+turn+0.25*noise(seed, 3*theta, 7), 1)
		wall := math.Abs(sector - 0.5) // 0 in a goblet, 0.5 between two
		grain := 0.05 * noise(seed^1, x/1.2, y/1.2)
		h, e := 0.33+grain, 0.34+grain
		if goblet := step(0.46, 0.38, wall) * step(lumen, lumen+0.1, rho) * step(0.78, 0.68, rho); goblet > 0 {
			h, e = lerp(h, 0.17+1.4*grain, goblet), lerp(e, 0.12+grain, goblet)
		}
		if inner := step(lumen+0.03, lumen-0.03, rho); inner > 0 {
			h, e = lerp(h, 0.06, inner), lerp(e, 0.06, inner)
		}
		h, e = nuclei.stain(x, y, h, e)
		return pack(1, h, e)
	})
}

// basalNuclei sit side by side along the rim.
func basalNuclei(d *dice, shape outline) nuclei {
	var out nuclei
	n := int(2 * math.Pi * shape.r / 5.6)
	for i := range n {
		theta := (float64(i) + d.between(-0.3, 0.3)) / float64(n) * 2 * math.Pi
		r := shape.radius(theta) * d.between(0.82, 0.93)
		one := newNucleus(r*math.Cos(theta), r*math.Sin(theta), theta+d.between(-0.3, 0.3))
		one.a, one.b, one.dark, one.seed = d.between(2.8, 4.2), d.between(1.9, 2.6), d.between(0.72, 0.92), uint64(i)
		out = append(out, one)
	}
	return out
}

// outline is a closed curve in polar coordinates: a circle and a few waves.
type outline struct {
	r     float64
	waves []wave
}

type wave struct{ k, size, phase float64 }

func (o outline) radius(theta float64) float64 {
	s := 1.0
	for _, w := range o.waves {
		s += w.size * math.Cos(w.k*theta+w.phase)
	}
	return o.r * s
}

// nucleus is an ellipse with semi-axes a, the one along its direction, and b in microns.
type nucleus struct {
	x, y, a, b, sin, cos, dark float64
	seed                       uint64
}

func newNucleus(x, y, angle float64) nucleus {
	n := nucleus{x: x, y: y}
	n.sin, n.cos = math.Sincos(angle)
	return n
}

// radius is the distance from the centre in units of the border's.
func (n *nucleus) radius(x, y float64) float64 {
	dx, dy := x-n.x, y-n.y
	p, q := (dx*n.cos+dy*n.sin)/n.a, (dy*n.cos-dx*n.sin)/n.b
	return math.Sqrt(p*p + q*q)
}

type nuclei []nucleus

// stain lays the nuclei over haematoxylin and eosin at a point.
func (ns nuclei) stain(x, y, h, e float64) (float64, float64) {
	for i := range ns {
		n := &ns[i]
		if reach := 1.2 * n.a; x < n.x-reach || x > n.x+reach || y < n.y-reach || y > n.y+reach {
			continue
		}
		q := n.radius(x, y)
		in := step(1.15, 0.9, q)
		if in == 0 {
			continue
		}
		chromatin := 0.16*noise(n.seed*77+5, x/0.9, y/0.9) + 0.1*step(0.6, 1, q)
		h = max(h, lerp(h, n.dark+chromatin, in))
		e = lerp(e, 0.3, in)
	}
	return h, e
}
