package fingerprint

import (
	"image"
	"math"
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

func (m *plainMeter) gradients(side, k int, s *Sums) {
	for y := 0; y < side; y += window {
		for x := 0; x < side; x += window {
			m.coherent(side, k, x, y, s)
		}
	}
}

func (m *plainMeter) coherent(side, k, left, top int, s *Sums) {
	var xx, yy, xy, tissue int64
	for y := range window {
		for x := range window {
			i := (top+y)*side + left + x
			tissue += int64(m.tissue[i])
			if x%(window-1) == 0 || y%(window-1) == 0 {
				continue // an edge, beyond which there are no cells
			}
			cells := &m.plane[1]
			gx, gy := int64(cells[i+1]-cells[i-1]), int64(cells[i+side]-cells[i-side])
			xx, yy, xy = xx+gx*gx, yy+gy*gy, xy+gx*gy
		}
	}
	if 2*tissue < window*window<<(2*k) || xx+yy == 0 {
		return
	}
	s.coherence[k-1] += int64(1024 * math.Sqrt(float64(float64(xx-yy)*float64(xx-yy))+float64(float64(2*xy)*float64(2*xy))) / float64(xx+yy))
	s.windows[k-1]++
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

// blocks are pictures of all kinds: any bytes, tissue, specks on glass, glass, and the ends of all ranges: the corners of
// the cube of colours, in each pixel another, or two of them side by side.
func blocks(n int) (list []*image.RGBA) {
	r := rand.New(rand.NewPCG(8, 8))
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, Block+3, Block))
		pair := [2]int{r.IntN(8), r.IntN(8)}
		for k := range img.Pix {
			switch i % 6 {
			case 0:
				img.Pix[k] = uint8(r.IntN(256))
			case 1:
				img.Pix[k] = uint8(90 + r.IntN(80))
			case 2:
				img.Pix[k] = uint8(255 - r.IntN(40)*r.IntN(2)*r.IntN(2))
			case 3:
				img.Pix[k] = uint8(240 + r.IntN(16))
			case 4:
				img.Pix[k] = uint8(255 * r.IntN(2))
			case 5:
				img.Pix[k] = uint8(255 * (pair[k/4%2] >> (k % 4) & 1))
			}
		}
		list = append(list, img)
	}
	return list
}

// plain switches the assembly off until the test ends.
func plain(t testing.TB) {
	before := fast
	fast = false
	t.Cleanup(func() { fast = before })
}

// eachWay runs a test with the assembly, where there is one, and with the portable loops.
func eachWay(t *testing.T, test func(t *testing.T)) {
	t.Run("assembly", func(t *testing.T) {
		if !fast {
			t.Skip("this processor takes the portable loops")
		}
		test(t)
	})
	t.Run("go", func(t *testing.T) {
		plain(t)
		test(t)
	})
}

// TestMeasureAsWrittenDown: the sums are those of the plain loops, to the last one.
func TestMeasureAsWrittenDown(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		var m Meter
		var written plainMeter
		judged, glassy := 0, 0
		for i, img := range blocks(240) {
			var got, want Sums
			m.Measure(img.Pix[4:], img.Stride, &got)
			written.measure(img.Pix[4:], img.Stride, &want)
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
	})
}

// FuzzMeasure: whatever way is taken, the sums of a block of any few colours are those of the plain loops.
func FuzzMeasure(f *testing.F) {
	f.Add(uint64(1), []byte{0, 255, 0, 255, 0, 255})
	f.Add(uint64(2), []byte{230, 210, 220, 90, 40, 120, 255, 255, 255})
	f.Fuzz(func(t *testing.T, seed uint64, colours []byte) {
		if len(colours) < 3 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 6))
		pix := make([]uint8, 4*Block*Block)
		for i := 0; i < len(pix); i += 4 {
			copy(pix[i:], colours[3*r.IntN(len(colours)/3):][:3])
		}
		var m Meter
		var written plainMeter
		var got, want, portable Sums
		m.Measure(pix, 4*Block, &got)
		written.measure(pix, 4*Block, &want)
		plain(t)
		m.Measure(pix, 4*Block, &portable)
		if got != want || portable != want {
			t.Fatalf("%+v and %+v, want %+v", got, portable, want)
		}
	})
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
