package tiler

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// scene is a small slide at 8 µm: glass with uneven light and noise, and things painted on it in
// order. 400 × 300 pixels are 3.2 × 2.4 mm.
type scene []shape

type shape struct {
	in    func(x, y int) bool
	color color.RGBA
}

func disc(cx, cy, r int) func(x, y int) bool {
	return func(x, y int) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) <= r*r }
}

func box(x0, y0, x1, y1 int) func(x, y int) bool {
	return func(x, y int) bool { return x >= x0 && x < x1 && y >= y0 && y < y1 }
}

func ring(cx, cy, r, hole int) func(x, y int) bool {
	return func(x, y int) bool { return disc(cx, cy, r)(x, y) && !disc(cx, cy, hole)(x, y) }
}

func (s scene) pixel(x, y int) color.RGBA {
	c := color.RGBA{246, 244, 245, 255}
	for _, sh := range s {
		if sh.in(x, y) {
			c = sh.color
		}
	}
	if c.A == 0 {
		return c
	}
	shade := 1000 - x/10 // 4 % across the picture
	grain := int(noise(x, y).R%5) - 2
	level := func(v uint8) uint8 { return uint8(min(max(int(v)*shade/1000+grain, 0), 255)) }
	return color.RGBA{level(c.R), level(c.G), level(c.B), 255}
}

// tissueOf finds the tissue of a scene and returns the class at an overview pixel.
func tissueOf(t *testing.T, s scene) (classAt func(x, y int) segment.TissueClass, sum TissueSummary) {
	t.Helper()
	f := newFake(400, 300, 64, s.pixel)
	f.mpp = 8
	r, _ := cut(t, Config{Slide: f, Quality: 90})
	frame := frameOf(t, f, pyramid.MPP{X: 8, Y: 8}, 1.3)
	m, sum := FindTissue(&r, frame, DefaultTissue())
	return func(x, y int) segment.TissueClass {
		return m.At(int((float64(x)+0.5)/frame.StepX()), int((float64(y)+0.5)/frame.StepY()))
	}, sum
}

var (
	denseTissue = color.RGBA{150, 80, 150, 255}
	eosinOnly   = color.RGBA{236, 205, 222, 255}
	mucin       = color.RGBA{226, 222, 236, 255}
)

// TestTissueClasses holds one kind of thing per case, at the picture's centre unless the case says.
func TestTissueClasses(t *testing.T) {
	piece := shape{disc(200, 150, 60), denseTissue}
	for name, c := range map[string]struct {
		scene scene
		at    image.Point
		want  segment.TissueClass
	}{
		"glass alone":           {nil, image.Pt(200, 150), segment.Glass},
		"glass beside tissue":   {scene{piece}, image.Pt(40, 40), segment.Glass},
		"dense tissue":          {scene{piece}, image.Pt(200, 150), segment.Tissue},
		"its edge, outside":     {scene{piece}, image.Pt(200-61, 150), segment.Tissue},
		"eosin only":            {scene{{disc(200, 150, 60), eosinOnly}}, image.Pt(200, 150), segment.Tissue},
		"pale mucin at tissue":  {scene{piece, {disc(280, 150, 30), mucin}}, image.Pt(295, 150), segment.Tissue},
		"lumen":                 {scene{{ring(200, 150, 60, 20), denseTissue}}, image.Pt(200, 150), segment.Tissue},
		"gap between pieces":    {scene{{ring(200, 150, 140, 110), denseTissue}}, image.Pt(200, 150), segment.Glass},
		"fat's thin walls":      {scene{piece, {func(x, y int) bool { return x > 200 && x < 330 && y > 100 && y < 200 && (x%12 < 1 || y%12 < 1) }, color.RGBA{225, 190, 210, 255}}}, image.Pt(306, 150), segment.Tissue},
		"grey dust":             {scene{{disc(200, 150, 8), color.RGBA{90, 90, 92, 255}}}, image.Pt(200, 150), segment.Glass},
		"small stained dirt":    {scene{{disc(200, 150, 3), denseTissue}}, image.Pt(200, 150), segment.Glass},
		"coverslip edge":        {scene{{box(0, 149, 400, 151), color.RGBA{170, 172, 176, 255}}}, image.Pt(200, 150), segment.Glass},
		"coloured fibre":        {scene{{box(60, 150, 340, 151), denseTissue}}, image.Pt(200, 150), segment.Glass},
		"blue pen":              {scene{piece, {box(180, 20, 220, 60), color.RGBA{50, 80, 170, 255}}}, image.Pt(200, 40), segment.Pen},
		"green pen":             {scene{piece, {box(180, 20, 220, 60), color.RGBA{40, 140, 80, 255}}}, image.Pt(200, 40), segment.Pen},
		"black pen":             {scene{piece, {box(180, 20, 220, 60), color.RGBA{30, 28, 34, 255}}}, image.Pt(200, 40), segment.Pen},
		"red pen":               {scene{piece, {box(180, 20, 220, 60), color.RGBA{225, 40, 45, 255}}}, image.Pt(200, 40), segment.Pen},
		"pen across tissue":     {scene{piece, {box(190, 0, 210, 300), color.RGBA{50, 80, 170, 255}}}, image.Pt(200, 150), segment.Pen},
		"tissue beside the pen": {scene{piece, {box(190, 0, 210, 300), color.RGBA{50, 80, 170, 255}}}, image.Pt(160, 150), segment.Tissue},
		"filled with black":     {scene{piece, {box(0, 0, 100, 300), color.RGBA{0, 0, 0, 255}}}, image.Pt(50, 150), segment.Unscanned},
		"glass beside black":    {scene{piece, {box(0, 0, 100, 300), color.RGBA{0, 0, 0, 255}}}, image.Pt(115, 150), segment.Glass},
		"never scanned":         {scene{piece, {box(0, 0, 100, 300), color.RGBA{}}}, image.Pt(50, 150), segment.Unscanned},
		"all tissue":            {scene{{box(0, 0, 400, 300), eosinOnly}, {box(100, 100, 300, 200), denseTissue}}, image.Pt(5, 5), segment.Tissue},
	} {
		t.Run(name, func(t *testing.T) {
			classAt, sum := tissueOf(t, c.scene)
			if got := classAt(c.at.X, c.at.Y); got != c.want {
				t.Errorf("pixel %v is %v, want %v; %+v", c.at, got, c.want, sum)
			}
		})
	}
}

// TestTissueArea: the area is that of the piece and its margin, neither more nor less.
func TestTissueArea(t *testing.T) {
	_, sum := tissueOf(t, scene{{box(100, 100, 300, 200), denseTissue}})
	const plain, grown = 1.6 * 0.8, (1.6 + 0.12) * (0.8 + 0.12) // mm², by 60 µm on each side
	if sum.TissueMM2 < plain || sum.TissueMM2 > grown {
		t.Errorf("%.3f mm² of tissue, want %.3f to %.3f", sum.TissueMM2, plain, grown)
	}
}

func TestUnreadableTilesAreMarked(t *testing.T) {
	f := newFake(400, 300, 50, scene{{box(0, 0, 400, 300), denseTissue}}.pixel)
	f.mpp, f.damaged = 1.3, map[image.Point]bool{{X: 2, Y: 1}: true}
	r, _ := cut(t, Config{Slide: f, Tile: 50})
	m, _ := FindTissue(&r, frameOf(t, f, pyramid.MPP{X: 1.3, Y: 1.3}, 1.3), DefaultTissue())
	for y := range m.Cells.H {
		for x := range m.Cells.W {
			cell := image.Rect(x*16, y*16, x*16+16, y*16+16)
			if bad := cell.Overlaps(image.Rect(100, 50, 150, 100)); bad != (m.Class[y*m.Cells.W+x] == segment.Unreadable) {
				t.Errorf("cell %d,%d is %v", x, y, m.Class[y*m.Cells.W+x])
			}
		}
	}
}

// TestTissueOfAnySize: no picture is too small, too coarse or too empty to be judged.
func TestTissueOfAnySize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 60)
		f := newFake(side.Draw(rt, "w"), side.Draw(rt, "h"), 16, noise)
		f.mpp = rapid.Float64Range(0.06, 90).Draw(rt, "mpp")
		if rapid.Bool().Draw(rt, "empty") {
			f.pixel = func(int, int) color.RGBA { return color.RGBA{} }
		}
		r, _ := cut(t, Config{Slide: f})
		frame := frameOf(t, f, pyramid.MPP{X: f.mpp, Y: f.mpp}, 1.3)
		m, sum := FindTissue(&r, frame, DefaultTissue())
		total := 0
		for _, n := range sum.Cells {
			total += n
		}
		if total != len(m.Class) || math.IsNaN(sum.TissueMM2+sum.Blurred) {
			rt.Fatalf("%d cells of %d: %+v", total, len(m.Class), sum)
		}
	})
}

func TestTissueIsDeterministic(t *testing.T) {
	f := newFake(400, 300, 64, scene{{disc(150, 150, 60), eosinOnly}, {disc(250, 150, 40), denseTissue}}.pixel)
	f.mpp = 8
	var first []byte
	for _, workers := range []int{1, 3} {
		r, _ := cut(t, Config{Slide: f, Workers: workers})
		m, _ := FindTissue(&r, frameOf(t, f, pyramid.MPP{X: 8, Y: 8}, 1.3), DefaultTissue())
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Error("the map differs")
		}
	}
}

// A bubble is left out with what lies below it, tissue beside it is not.
func TestBubbleIsNotAnalysed(t *testing.T) {
	grey := color.RGBA{95, 93, 94, 255}
	at, sum := tissueOf(t, scene{{box(60, 60, 340, 240), denseTissue}, {ring(200, 150, 44, 39), grey}})
	if at(200, 150) != segment.Bubble || at(100, 100) != segment.Tissue || at(20, 20) != segment.Glass {
		t.Errorf("inside %v, tissue %v, glass %v", at(200, 150), at(100, 100), at(20, 20))
	}
	if want := math.Pi * 44 * 44 / (280 * 180); math.Abs(sum.Bubbles-want) > 0.02 {
		t.Errorf("bubbles %.3f of the tissue, want %.3f", sum.Bubbles, want)
	}
}

// Tissue without any detail is far out of focus; sharp tissue beside it is analysed.
func TestBlurIsNotAnalysed(t *testing.T) {
	size := pyramid.Size{W: 512, H: 256}
	f := newFake(size.W, size.H, 64, func(x, y int) color.RGBA {
		c := denseTissue
		c.R += uint8(x / 8) // soft, but not without any grain
		c.G += uint8(y / 8)
		if x < 256 && (x/3+y/3)%2 == 0 {
			c.G -= 40
		}
		return c
	})
	f.mpp = 1
	r, _ := cut(t, Config{Slide: f, Quality: 90})
	frame := frameOf(t, f, pyramid.MPP{X: 1, Y: 1}, 1.3)
	m, sum := FindTissue(&r, frame, DefaultTissue())
	class := func(x, y int) segment.TissueClass {
		return m.At(int(float64(x)/frame.StepX()), int(float64(y)/frame.StepY()))
	}
	if class(100, 100) != segment.Tissue || class(420, 100) != segment.Blurred {
		t.Errorf("sharp %v, blurred %v", class(100, 100), class(420, 100))
	}
	if sum.Blurred < 0.3 || sum.Blurred > 0.7 || sum.Cells["blurred"] == 0 {
		t.Errorf("%g blurred, cells %v", sum.Blurred, sum.Cells)
	}
}
