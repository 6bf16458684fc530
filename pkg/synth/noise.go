package synth

import "math"

// hash mixes a seed, two coordinates and a salt (splitmix64's finaliser). All randomness comes from
// here: equal coordinates give equal numbers.
func hash(seed uint64, x, y int, salt uint64) uint64 {
	h := seed ^ uint64(uint32(x))*0x9e3779b97f4a7c15 ^ uint64(uint32(y))*0xc2b2ae3d27d4eb4f ^ salt*0x165667b19e3779f9
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// dice hands out random numbers one after the other.
type dice struct{ state uint64 }

func newDice(seed uint64, x, y int, salt uint64) *dice { return &dice{hash(seed, x, y, salt)} }

// next is uniform in [0, 1).
func (d *dice) next() float64 {
	d.state += 0x9e3779b97f4a7c15
	return float64(hash(d.state, 0, 0, 1)>>11) / (1 << 53)
}

// between is uniform in [a, b).
func (d *dice) between(a, b float64) float64 { return a + (b-a)*d.next() }

// noise is smooth value noise in [-1, 1] with features of size 1.
func noise(seed uint64, x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	tx, ty := fade(x-fx), fade(y-fy)
	top := lerp(lattice(seed, ix, iy), lattice(seed, ix+1, iy), tx)
	bottom := lerp(lattice(seed, ix, iy+1), lattice(seed, ix+1, iy+1), tx)
	return lerp(top, bottom, ty)
}

func lattice(seed uint64, x, y int) float64 {
	return float64(int64(hash(seed, x, y, 0))>>11) / (1 << 52)
}

func fade(t float64) float64 { return t * t * (3 - 2*t) }

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

// step rises smoothly from 0 at a to 1 at b.
func step(a, b, v float64) float64 { return fade(clamp((v - a) / (b - a))) }

func clamp(v float64) float64 { return min(max(v, 0), 1) }

// distance is the length of a vector; unlike math.Hypot it need not fear overflow.
func distance(x, y float64) float64 { return math.Sqrt(x*x + y*y) }
