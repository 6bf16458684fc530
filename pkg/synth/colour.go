package synth

import (
	"image"
	"math"
)

// palette turns stain into light by the law of Lambert and Beer: each stain multiplies the light of
// each channel by a factor from its table.
type palette struct{ h, e [256][3]uint32 } // factors × 2^12

const factorBits = 12

// The optical densities (natural) of a full dose of each stain in red, green and blue light.
var (
	haematoxylin = [3]float64{1.75, 1.95, 0.80}
	eosin        = [3]float64{0.16, 1.42, 0.52}
)

func newPalette() *palette {
	var p palette
	for v := range 256 {
		for c := range 3 {
			p.h[v][c] = factor(haematoxylin[c], v)
			p.e[v][c] = factor(eosin[c], v)
		}
	}
	return &p
}

func factor(density float64, dose int) uint32 {
	return uint32(math.Round((1 << factorBits) * math.Exp(-density*float64(dose)/255)))
}

// paint turns a sheet into pixels: light, shaded towards the corners, through the stains.
func (r *renderer) paint(s *sheet, dst *image.RGBA) {
	w := s.r.Dx()
	for y := range s.r.Dy() {
		row := dst.Pix[y*dst.Stride:][:4*w]
		hs, es := s.h[y*w:][:w], s.e[y*w:][:w]
		shadeY := square(s.r.Min.Y+y, r.size.H)
		for x := range w {
			shade := 4096 - (square(s.r.Min.X+x, r.size.W)+shadeY)>>14 // up to 128 of 4096 less
			grain := grainAt(s.r.Min.X+x, s.r.Min.Y+y)
			px, th, te := row[4*x:][:4:4], &r.colour.h[hs[x]], &r.colour.e[es[x]]
			for c, v := range glass {
				light := v*shade>>4 - 256 + grain // 8.8 fixed point
				px[c] = uint8((light*th[c]>>factorBits*te[c] + 1<<(factorBits+7)) >> (factorBits + 8))
			}
			px[3] = 255
		}
	}
	r.dust(s, dst)
	r.face.draw(s.r, dst)
}

// glass is the light through empty glass.
var glass = [3]uint32{244, 242, 245}

// square is the squared distance of a coordinate from the middle of its axis, at most 2^20.
func square(at, size int) uint32 {
	d := (int64(2*at-size) << 10) / int64(size)
	return uint32(d * d)
}

// grainAt is the noise of the camera, 0 to 511 of 256 per level.
func grainAt(x, y int) uint32 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77
	h = (h ^ h>>15) * 0x2c1b3c6d
	return (h ^ h>>13) >> 23
}

// dust draws grey specks on the glass.
func (r *renderer) dust(s *sheet, dst *image.RGBA) {
	const pitch, reach = 900.0, 30.0 // microns
	eachCell(s.r, r.mpp, pitch, reach, func(col, row int) {
		d := newDice(r.seed, col, row, 90)
		if d.next() > 0.3 {
			return
		}
		x, y := (float64(col)+d.next())*pitch/r.mpp, (float64(row)+d.next())*pitch/r.mpp
		size, dark := d.between(3, 22)/r.mpp, uint32(d.between(90, 200))
		box := image.Rect(int(x-size), int(y-size), int(x+size)+1, int(y+size)+1).Intersect(s.r)
		for py := box.Min.Y; py < box.Max.Y; py++ {
			for px := box.Min.X; px < box.Max.X; px++ {
				dx, dy := (float64(px)-x)/size, (float64(py)-y)/size
				rough := 0.25 * noise(uint64(col)<<20^uint64(row), 4*dx, 4*dy)
				if dx*dx+dy*dy*1.4+rough < 0.7 {
					darken(dst.Pix[4*((py-s.r.Min.Y)*s.r.Dx()+px-s.r.Min.X):][:3], dark)
				}
			}
		}
	})
}

// darken multiplies a pixel by v/255.
func darken(px []uint8, v uint32) {
	for c := range px {
		px[c] = uint8(uint32(px[c]) * v / 255)
	}
}
