package train

import (
	"math"
	"math/rand/v2"
)

// view maps output pixels to source pixels: source = centre + matrix · (output − middle).
type view struct {
	cx, cy         float64 // the source point under the output's middle
	xx, xy, yx, yy float64
	scale          float64 // enlargement
	dihedral       int     // 0-7
	angle          float64
}

// jitter is how far the window may leave a source that it already covers, in source pixels.
const jitter = 16

// draw chooses the window of one sample.
func (g *augmenter) draw(r *rand.Rand, c *Case) view {
	v := view{scale: 1, cx: float64(c.W) / 2, cy: float64(c.H) / 2}
	lo, hi := math.Log(g.scaleMin()), math.Log(g.scaleMax())
	if hi > lo {
		v.scale = math.Exp(lo + (hi-lo)*r.Float64())
	}
	if g.Flip {
		v.dihedral = r.IntN(8)
	}
	if chance(r, g.Rotate) {
		v.angle = spread(r, math.Pi/4)
	}
	if hi > lo {
		cover := float64(g.size) / v.scale
		v.cx += spread(r, math.Abs(float64(c.W)-cover)/2+jitter)
		v.cy += spread(r, math.Abs(float64(c.H)-cover)/2+jitter)
	}
	v.matrix()
	return v
}

// matrix composes dihedral element, turn and scale.
func (v *view) matrix() {
	sin, cos := math.Sincos(v.angle + float64(v.dihedral%4)*math.Pi/2)
	if v.angle == 0 {
		sin, cos = math.Round(sin), math.Round(cos) // quarter turns are exact
	}
	v.xx, v.xy, v.yx, v.yy = cos/v.scale, -sin/v.scale, sin/v.scale, cos/v.scale
	if v.dihedral >= 4 {
		v.xx, v.yx = -v.xx, -v.yx
	}
}

// cut samples colours and class shares bilinearly; outside the source its mirror image continues.
func (v *view) cut(c *Case, rgb []uint8, s *Sample) {
	n := s.Size
	clear(s.Share)
	mid := float64(n) / 2
	for y := range n {
		dy := float64(y) + 0.5 - mid
		for x := range n {
			dx := float64(x) + 0.5 - mid
			sx := v.cx + v.xx*dx + v.xy*dy - 0.5
			sy := v.cy + v.yx*dx + v.yy*dy - 0.5
			bilinear(c, rgb, sx, sy, s, y*n+x)
		}
	}
}

// bilinear writes one pixel of a sample, with weights in 1/64.
func bilinear(c *Case, rgb []uint8, sx, sy float64, s *Sample, at int) {
	fx, fy := math.Floor(sx), math.Floor(sy)
	x0, y0 := int(fx), int(fy)
	wx, wy := int32((sx-fx)*64), int32((sy-fy)*64)
	x1, y1 := x0+1, y0+1
	if x0 < 0 || y0 < 0 || x1 >= c.W || y1 >= c.H {
		x0, x1 = reflect(x0, c.W), reflect(x1, c.W)
		y0, y1 = reflect(y0, c.H), reflect(y1, c.H)
	}
	p00, p01 := y0*c.W+x0, y0*c.W+x1
	p10, p11 := y1*c.W+x0, y1*c.W+x1
	w00, w01 := (64-wx)*(64-wy), wx*(64-wy)
	w10, w11 := (64-wx)*wy, wx*wy
	for k := range 3 {
		sum := int32(rgb[3*p00+k])*w00 + int32(rgb[3*p01+k])*w01 + int32(rgb[3*p10+k])*w10 + int32(rgb[3*p11+k])*w11
		s.RGB[3*at+k] = uint8((sum + 2048) >> 12)
	}
	plane := len(s.Eps)
	l := c.Label
	if a := l[p00]; a == l[p01] && a == l[p10] && a == l[p11] && a != Ignore {
		s.Share[int(a)*plane+at] = 1
		return
	}
	s.give(l[p00], at, w00)
	s.give(l[p01], at, w01)
	s.give(l[p10], at, w10)
	s.give(l[p11], at, w11)
}

// give adds a share in 1/4096 to a class. What is ignored goes to none.
func (s *Sample) give(class uint8, at int, share int32) {
	if class != Ignore {
		s.Share[int(class)*len(s.Eps)+at] += float32(share) * (1.0 / 4096)
	}
}

// reflect folds an index into [0, n) by mirroring at the borders; the border pixel is repeated, because
// pixels are areas.
func reflect(i, n int) int {
	period := 2 * n
	i %= period
	if i < 0 {
		i += period
	}
	if i >= n {
		i = period - 1 - i
	}
	return i
}

// join lets a second sample continue the first beyond a soft straight edge.
func join(r *rand.Rand, s, other *Sample) {
	edge := drawEdge(r, s.Size, 0.3)
	plane := len(s.Eps)
	edge.each(func(at int, w float32) {
		mix(s.RGB[3*at:3*at+3], other.RGB[3*at:3*at+3], w)
		for c := range Classes {
			i := c*plane + at
			s.Share[i] += w * (other.Share[i] - s.Share[i])
		}
		s.Eps[at] += w * (other.Eps[at] - s.Eps[at])
	})
}

// bareGlass whitens one side of a soft straight edge, where the class is background.
func bareGlass(r *rand.Rand, s *Sample) {
	edge := drawEdge(r, s.Size, 0.45)
	plane := len(s.Eps)
	glass := [3]uint8{uint8(236 + r.IntN(20)), uint8(236 + r.IntN(20)), uint8(236 + r.IntN(20))}
	edge.each(func(at int, w float32) {
		mix(s.RGB[3*at:3*at+3], glass[:], w)
		for c := range Classes {
			s.Share[c*plane+at] *= 1 - w
		}
		s.Share[Background*plane+at] += w
	})
}

func mix(dst, src []uint8, w float32) {
	for k := range 3 {
		dst[k] = uint8(float32(dst[k]) + w*(float32(src[k])-float32(dst[k])) + 0.5)
	}
}

// edge is a line across a square with a soft transition.
type edge struct {
	size           int
	nx, ny, offset float64
	softness       float64 // pixels from 0 to 1
}

// drawEdge places a line whose distance from the middle is at most reach of the side.
func drawEdge(r *rand.Rand, size int, reach float64) edge {
	sin, cos := math.Sincos(2 * math.Pi * r.Float64())
	return edge{size: size, nx: cos, ny: sin, offset: spread(r, reach*float64(size)), softness: 1 + 5*r.Float64()}
}

// each visits the pixels where the far side shows, with its share.
func (e edge) each(visit func(at int, w float32)) {
	mid := float64(e.size) / 2
	for y := range e.size {
		for x := range e.size {
			d := (e.nx*(float64(x)+0.5-mid)+e.ny*(float64(y)+0.5-mid)-e.offset)/e.softness + 0.5
			if d > 0 {
				visit(y*e.size+x, float32(min(d, 1)))
			}
		}
	}
}
