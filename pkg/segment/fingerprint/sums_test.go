package fingerprint

import (
	"image"
	"math/rand/v2"
	"testing"
)

// plainMeter is Meter as one would write it down: one pixel, one cell at a time. It makes the same numbers.
type plainMeter struct{ Meter }

func (m *plainMeter) measure(pix []uint8, stride int, s *Sums) {
	*s = Sums{}
	for y := range Block {
		for x := range Block {
			m.pixel(pix[y*stride+4*x:], y*Block+x, s)
		}
	}
	side := Block
	for k := range levels {
		if k == 1 || k == 2 {
			m.gradients(side, k, s)
		}
		m.halve(side, k, s)
		side /= 2
	}
}

func (m *plainMeter) pixel(rgb []uint8, i int, s *Sums) {
	r, g, b := density[rgb[0]], density[rgb[1]], density[rgb[2]]
	var v [channels]int64
	for c := range 3 {
		v[c] = int64((unmix[c][0]*r + unmix[c][1]*g + unmix[c][2]*b) >> 12)
	}
	v[bright] = int64(77*int32(rgb[0])+150*int32(rgb[1])+29*int32(rgb[2])) >> 4
	m.plane[0][i], m.plane[1][i], m.tissue[i] = int32(v[stainH]), int32(v[bright]), 0
	if v[bright] >= glass {
		return
	}
	m.tissue[i] = 1
	s.Tissue++
	for c, a := range v {
		s.first[c] += a
		s.square[c] += a * a
	}
	for p, c := range closer {
		s.cube[p] += v[c] * v[c] * v[c]
	}
	s.cross[0] += v[stainH] * v[stainE]
	s.cross[1] += v[stainH] * v[stainR]
	s.cross[2] += v[stainE] * v[stainR]
}

func (m *plainMeter) halve(side, k int, s *Sums) {
	half := side / 2
	for y := range half {
		for x := range half {
			i, to := 2*y*side+2*x, y*half+x
			tissue := m.tissue[i] + m.tissue[i+1] + m.tissue[i+side] + m.tissue[i+side+1]
			enough := tissue >= int32(1)<<(2*k+1)
			for p := range m.plane {
				cells := &m.plane[p]
				a, b, c, d := cells[i], cells[i+1], cells[i+side], cells[i+side+1]
				if enough {
					h, v, o := int64(a-b+c-d), int64(a+b-c-d), int64(a-b-c+d)
					s.detail[p][k] += h*h + v*v + o*o
				}
				cells[to] = a + b + c + d
			}
			if enough {
				s.count[k]++
			}
			m.tissue[to] = tissue
		}
	}
}

// blocks are pictures of all kinds: any bytes, tissue, specks on glass, glass.
func blocks(n int) (list []*image.RGBA) {
	r := rand.New(rand.NewPCG(8, 8))
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, Block+3, Block))
		for k := range img.Pix {
			switch i % 4 {
			case 0:
				img.Pix[k] = uint8(r.IntN(256))
			case 1:
				img.Pix[k] = uint8(90 + r.IntN(80))
			case 2:
				img.Pix[k] = uint8(255 - r.IntN(40)*r.IntN(2)*r.IntN(2))
			case 3:
				img.Pix[k] = uint8(240 + r.IntN(16))
			}
		}
		list = append(list, img)
	}
	return list
}

// TestMeasureAsWrittenDown: the sums are those of the plain loops, to the last one.
func TestMeasureAsWrittenDown(t *testing.T) {
	var m Meter
	var plain plainMeter
	judged, glassy := 0, 0
	for i, img := range blocks(80) {
		var got, want Sums
		m.Measure(img.Pix[4:], img.Stride, &got)
		plain.measure(img.Pix[4:], img.Stride, &want)
		if got != want {
			t.Fatalf("picture %d: %+v, want %+v", i, got, want)
		}
		switch {
		case want.Tissue == 0:
			glassy++
		case want.windows[0] > 0 && want.count[levels-1] > 0:
			judged++
		}
	}
	if judged < 20 || glassy < 20 {
		t.Errorf("%d pictures of tissue and %d of glass prove little", judged, glassy)
	}
}

// TestJudgeOnlyWhatIsWanted: the verdict on a block that is wanted does not depend on what else is.
func TestJudgeOnlyWhatIsWanted(t *testing.T) {
	fp := learned(t)
	r := image.Rect(-64, 0, 448, 448)
	canvas := noisy(4, Cover(r).Dx(), Cover(r).Dy(), 0.5, 0.3)
	canvas.Rect = Cover(r)
	all := fp.Judge(canvas, r, nil)
	wanted := func(b image.Rectangle) bool { return (b.Min.X/Block*7+b.Min.Y/Block*3)%5 == 0 }
	some := fp.Judge(canvas, r, wanted)
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y += Block {
		for x := r.Min.X; x < r.Max.X; x += Block {
			want := uint8(0)
			if wanted(image.Rect(x, y, x+Block, y+Block)) {
				want = all.At(x, y)
				n++
			}
			if got := some.At(x, y); got != want {
				t.Errorf("block at %d,%d: level %d, want %d", x, y, got, want)
			}
		}
	}
	if n == 0 || all.At(0, 0) == 0 {
		t.Error("nothing was judged, which proves little")
	}
}
