package synth

import "math"

// cancerRadius is that of a malignant gland as drawn, in microns.
const cancerRadius = 78.0

// drawCancer draws a malignant gland: an irregular outline full of crowded, large, dark and unequal
// nuclei, pierced by lumens of all sizes with debris in them.
func drawCancer(seed uint64) *pattern {
	d := newDice(seed, 0, 0, 40)
	shape := outline{cancerRadius, []wave{
		{2, d.between(0.05, 0.16), d.between(0, 7)}, {3, d.between(0.04, 0.12), d.between(0, 7)},
		{5, d.between(0.02, 0.07), d.between(0, 7)}, {9, d.between(0, 0.03), d.between(0, 7)},
	}}
	base := d.between(0.25, 0.4)
	holes := cancerLumens(d)
	cells := cancerNuclei(d, shape, holes)
	return drawPattern(512, func(x, y float64) uint32 {
		wx, wy := x+3*noise(seed^1, x/11, y/11), y+3*noise(seed^2, x/11, y/11)
		rho := distance(wx, wy) / shape.radius(math.Atan2(wy, wx))
		if rho > 1.06 {
			return 0
		}
		if rho > 1 { // a cleft here and there
			return pack(step(1.06, 1.03, rho)*step(-0.2, 0.3, noise(seed^6, x/30, y/30)), 0.05, 0.16)
		}
		grain := 0.06*noise(seed^3, x/1.3, y/1.3) + 0.05*noise(seed^7, x/14, y/14)
		h, e := base+grain, 0.38+grain
		if in := step(0.8, -0.8, holes.distance(wx, wy)); in > 0 {
			debris := step(0.25, 0.6, noise(seed^4, x/9, y/9)) * holes.debris
			h = lerp(h, lerp(0.02, 0.22+0.4*step(0.3, 0.7, noise(seed^5, x/1.6, y/1.6)), debris), in)
			e = lerp(e, lerp(0.03, 0.42, debris), in)
		}
		h, e = cells.near(x, y).stain(x, y, h, e)
		return pack(1, h, e)
	})
}

// lumens are the holes in a gland.
type lumens struct {
	at     []nucleus // as ellipses
	debris float64   // 0 or 1
}

func cancerLumens(d *dice) lumens {
	l := lumens{debris: math.Round(d.next())}
	for range int(d.between(4, 13)) {
		r, theta := cancerRadius*0.72*math.Sqrt(d.next()), d.between(0, 2*math.Pi)
		size := 3.5 + 19*d.next()*d.next()
		one := newNucleus(r*math.Cos(theta), r*math.Sin(theta), d.between(0, math.Pi))
		one.a, one.b = size*d.between(1, 1.9), size*d.between(0.5, 1)
		l.at = append(l.at, one)
	}
	return l
}

// distance is about the distance in microns to the nearest lumen's border, negative inside.
func (l lumens) distance(x, y float64) float64 {
	best := math.Inf(1)
	for i := range l.at {
		n := &l.at[i]
		best = min(best, (n.radius(x, y)-1)*n.b)
	}
	return best
}

// nucleusGrid finds the nuclei near a point: cells of gridStep microns, each listing what reaches in.
type nucleusGrid map[[2]int]nuclei

const gridStep = 16.0

func (g nucleusGrid) near(x, y float64) nuclei {
	return g[[2]int{int(math.Floor(x / gridStep)), int(math.Floor(y / gridStep))}]
}

func (g nucleusGrid) add(n nucleus) {
	reach := n.a + 1
	for y := math.Floor((n.y - reach) / gridStep); y <= math.Floor((n.y+reach)/gridStep); y++ {
		for x := math.Floor((n.x - reach) / gridStep); x <= math.Floor((n.x+reach)/gridStep); x++ {
			at := [2]int{int(x), int(y)}
			g[at] = append(g[at], n)
		}
	}
}

// cancerNuclei fill the epithelium, each a little out of place; near a lumen they stand across its
// border, as in stratified epithelium.
func cancerNuclei(d *dice, shape outline, holes lumens) nucleusGrid {
	pitch, dark := d.between(7.4, 9), d.between(-0.12, 0.08)
	g := make(nucleusGrid)
	side := int(math.Ceil(1.4 * cancerRadius / pitch))
	for j := -side; j <= side; j++ {
		for i := -side; i <= side; i++ {
			x, y := (float64(i)+0.5*float64(j&1)+d.between(-0.4, 0.4))*pitch, (float64(j)+d.between(-0.4, 0.4))*pitch*0.9
			angle := d.between(0, math.Pi)
			if across := holes.across(x, y); !math.IsNaN(across) {
				angle = across + d.between(-0.35, 0.35)
			}
			n := newNucleus(x, y, angle)
			n.a, n.b, n.dark, n.seed = d.between(3.2, 6.4), d.between(2.3, 4.2), dark+d.between(0.6, 1), d.state
			if distance(x, y)/shape.radius(math.Atan2(y, x)) < 0.94 && holes.distance(x, y) > 3 {
				g.add(n)
			}
		}
	}
	return g
}

// across is the direction away from a lumen within 22 µm, or not a number.
func (l lumens) across(x, y float64) float64 {
	const e = 0.5
	here := l.distance(x, y)
	if here > 22 {
		return math.NaN()
	}
	return math.Atan2(l.distance(x, y+e)-here, l.distance(x+e, y)-here)
}
