package train

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/train/annotate"
)

// ramp is a slide whose red is its column and whose green its row, in level-0 pixels over 4.
type ramp struct{ w, h int }

func (r ramp) Size() (int, int) { return r.w, r.h }
func (ramp) MPP() float64       { return 0.5 }

func (r ramp) Read(_ context.Context, x, y, step float64, w, h int) ([]uint8, error) {
	rgb := make([]uint8, 0, 3*w*h)
	for j := range h {
		for i := range w {
			sx, sy := int(x+float64(i)*step), int(y+float64(j)*step)
			if sx >= r.w || sy >= r.h {
				rgb = append(rgb, 255, 255, 255)
				continue
			}
			rgb = append(rgb, uint8(sx/4), uint8(sy/4), 0)
		}
	}
	return rgb, nil
}

func square4(x0, y0, x1, y1 float64) annotate.Shape {
	return annotate.Shape{Class: "Tumor", Rings: [][]annotate.Point{{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}}}
}

func drawing(outside uint8, shapes ...annotate.Shape) annotate.Drawing {
	return annotate.Drawing{Shapes: shapes, Classes: map[string]uint8{"Tumor": Carcinoma}, Outside: outside}
}

func TestSlideCases(t *testing.T) {
	// At 1 µm an image of 32 pixels covers 64 level-0 pixels. The area reaches into columns 1 and 2 of row 1.
	s := SlideSource{Name: "s", Patient: "p", MPP: 1, Side: 32}
	cases, err := SlideCases(t.Context(), ramp{300, 200}, drawing(Ignore, square4(80, 70, 150, 100)), s)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"s-1-1", "s-2-1"}; !slices.Equal(names(cases), want) {
		t.Fatalf("images %v, want %v", names(cases), want)
	}
	c := cases[0]
	for i, l := range c.Label {
		x, y := 64+2*(i%32), 64+2*(i/32)
		want := uint8(Ignore)
		if x+1 > 80 && x+1 < 150 && y+1 > 70 && y+1 < 100 {
			want = Carcinoma
		}
		if l != want || int(c.RGB[3*i]) != x/4 || int(c.RGB[3*i+1]) != y/4 {
			t.Fatalf("pixel %d: label %d, want %d; colour %v", i, l, want, c.RGB[3*i:3*i+3])
		}
	}
	if c.Main != Carcinoma || c.Coarse || c.Group != "carcinoma" {
		t.Errorf("class %d, coarse %v, group %q", c.Main, c.Coarse, c.Group)
	}
}

func names(cases []Case) (all []string) {
	for _, c := range cases {
		all = append(all, c.Name)
	}
	return all
}

// TestSlideCasesOfNegatives: where the whole slide was judged, tissue without a lesion teaches too, and
// glass does not. The ramp is grey as glass in its top left corner.
func TestSlideCasesOfNegatives(t *testing.T) {
	s := SlideSource{Name: "s", Patient: "p", MPP: 1, Side: 32}
	cases, err := SlideCases(t.Context(), ramp{300, 200}, drawing(Background), s)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(cases); len(got) < 10 || slices.Contains(got, "s-0-0") || !slices.Contains(got, "s-2-1") {
		t.Errorf("images %v", got)
	}
	for _, c := range cases {
		if c.Main != Background || c.Group != "background" || slices.Contains(c.Label, Ignore) {
			t.Errorf("image %s of class %d, group %q", c.Name, c.Main, c.Group)
		}
	}
}

func TestSlideCasesRefuses(t *testing.T) {
	good, shape := SlideSource{Name: "s", MPP: 1, Side: 32}, square4(0, 0, 290, 190)
	for want, change := range map[string]func(*SlideSource, *annotate.Drawing){
		"more than 3":   func(s *SlideSource, _ *annotate.Drawing) { s.MaxImages = 3 },
		"each must be":  func(s *SlideSource, _ *annotate.Drawing) { s.MPP = 0 },
		"no tissue":     func(_ *SlideSource, d *annotate.Drawing) { d.Shapes = nil },
		"class map":     func(_ *SlideSource, d *annotate.Drawing) { d.Classes = nil },
		"names class 9": func(_ *SlideSource, d *annotate.Drawing) { d.Classes = map[string]uint8{"Tumor": 9} },
	} {
		s, d := good, drawing(Ignore, shape)
		change(&s, &d)
		if _, err := SlideCases(t.Context(), ramp{300, 200}, d, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestIgnoredPixelsWeighNothing: what nobody judged must not teach.
func TestIgnoredPixelsWeighNothing(t *testing.T) {
	c := dots(32)
	for i := range c.Label {
		if i%32 < 16 {
			c.Label[i] = Ignore
		}
	}
	c.finish()
	g := newAugmenter(Augment{}, 32)
	b := newBatch(1, 32)
	norm := Measure([]Case{c}).table()
	b.fill(0, g.sample(random(1, 2, 3, 4), &c, nil), &norm)
	for i, w := range b.Weight {
		if want := float32(i % 32 / 16); w != want {
			t.Fatalf("pixel %d weighs %g, want %g", i, w, want)
		}
		sum := float32(0)
		for class := range Classes {
			sum += b.Target[class*32*32+i]
		}
		if sum < 0.999 || sum > 1.001 {
			t.Fatalf("pixel %d: targets add up to %g", i, sum)
		}
	}
}
