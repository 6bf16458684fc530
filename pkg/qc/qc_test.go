package qc_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/slidemill/slidemill/pkg/qc"
)

// sheet is 400 × 300 pixels of 8 µm: white glass around a rectangle of tissue of one stain.
func sheet(stain func(x, y int) (od [3]float64)) qc.Picture {
	const w, h = 400, 300
	p := qc.Picture{Image: image.NewRGBA(image.Rect(0, 0, w, h)), White: [3]uint8{240, 240, 240}, MPP: 8, Tissue: make([]bool, w*h)}
	for y := range h {
		for x := range w {
			c := color.RGBA{240, 240, 240, 255}
			if x >= 50 && x < 350 && y >= 50 && y < 250 {
				p.Tissue[y*w+x] = true
				od := stain(x, y)
				c.R, c.G, c.B = light(od[0]), light(od[1]), light(od[2])
			}
			p.Image.SetRGBA(x, y, c)
		}
	}
	return p
}

func light(od float64) uint8 { return uint8(240*math.Exp(-od) + 0.5) }

// he mixes haematoxylin and eosin.
func he(h, e float64) [3]float64 {
	return [3]float64{0.65*h + 0.07*e, 0.70*h + 0.99*e, 0.29*h + 0.11*e}
}

func ordinary(x, y int) [3]float64 {
	if (x/3+y/3)%3 == 0 {
		return he(0.6, 0.2) // nuclei
	}
	return he(0.05, 0.3)
}

func TestOrdinarySlide(t *testing.T) {
	f := qc.Look(sheet(ordinary))
	if f.OffStain != 0 || f.Folded != 0 || f.Bubbles != 0 {
		t.Errorf("an ordinary slide: stain %g, folds %g, bubbles %g", f.OffStain, f.Folded, f.Bubbles)
	}
}

// The stains that are not H&E, and how much of them makes a slide one of another stain.
func TestStain(t *testing.T) {
	for name, c := range map[string]struct {
		stain func(x, y int) [3]float64
		want  qc.Status
	}{
		"haematoxylin alone": {func(int, int) [3]float64 { return he(0.7, 0) }, qc.Pass},
		"eosin alone":        {func(int, int) [3]float64 { return he(0, 0.5) }, qc.Pass},
		"DAB, brown":         {func(int, int) [3]float64 { return [3]float64{0.27, 0.57, 0.78} }, qc.Fail},
		"a third DAB": {func(x, y int) [3]float64 {
			if x%3 == 0 {
				return [3]float64{0.27, 0.57, 0.78}
			}
			return ordinary(x, y)
		}, qc.Warn},
		"methylene blue":      {func(int, int) [3]float64 { return [3]float64{0.9, 0.5, 0.1} }, qc.Fail},
		"fluorescence, black": {func(int, int) [3]float64 { return [3]float64{4, 3.9, 3.8} }, qc.Fail},
		"pale, without a hue": {func(int, int) [3]float64 { return [3]float64{0.02, 0.03, 0.05} }, qc.Pass},
		"a little brown blood": {func(x, y int) [3]float64 {
			if x < 70 {
				return [3]float64{0.3, 0.5, 0.7}
			}
			return ordinary(x, y)
		}, qc.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			f := qc.Look(sheet(c.stain))
			if got := qc.Judge(qc.OffStain, f.OffStain); got.Status != c.want {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

// A dark band is a fold; a dark round cluster of the same density is not.
func TestFolds(t *testing.T) {
	band := qc.Look(sheet(func(x, y int) [3]float64 {
		if y >= 100 && y < 108 && x < 300 {
			return he(0.7, 0.7)
		}
		return ordinary(x, y)
	}))
	if want := 8.0 * 250 / (300 * 200); math.Abs(band.Folded-want) > 0.01 {
		t.Errorf("a fold of %.3f is found as %.3f", want, band.Folded)
	}
	cluster := qc.Look(sheet(func(x, y int) [3]float64 {
		if (x-200)*(x-200)+(y-150)*(y-150) < 20*20 {
			return he(0.7, 0.7)
		}
		return ordinary(x, y)
	}))
	if cluster.Folded != 0 {
		t.Errorf("a cluster of crowded nuclei counts as a fold: %.3f", cluster.Folded)
	}
}

// A grey ring is a bubble, inside and rim; a grey disc is dirt; a ring of stain is a gland.
func TestBubbles(t *testing.T) {
	ring := func(od [3]float64, from, to int) qc.Findings {
		return qc.Look(sheet(func(x, y int) [3]float64 {
			if d := (x-200)*(x-200) + (y-150)*(y-150); d >= from*from && d < to*to {
				return od
			}
			return ordinary(x, y)
		}))
	}
	grey := [3]float64{0.9, 0.95, 0.9}
	f := ring(grey, 36, 40)
	if want := math.Pi * 40 * 40 / (300 * 200); math.Abs(f.Bubbles-want) > 0.005 {
		t.Errorf("a bubble of %.3f is found as %.3f", want, f.Bubbles)
	}
	if !f.Bubble[150*400+200] || !f.Bubble[150*400+238] || f.Bubble[150*400+245] || f.Bubble[60*400+60] {
		t.Error("the bubble lies elsewhere")
	}
	if qc.Judge(qc.Bubbles, f.Bubbles).Status != qc.Warn {
		t.Error("a bubble is no reason to warn")
	}
	if f := ring(grey, 0, 40); f.Bubbles != 0 {
		t.Errorf("a disc of dirt counts as a bubble: %.3f", f.Bubbles)
	}
	if f := ring(he(0.8, 0.4), 36, 40); f.Bubbles != 0 {
		t.Errorf("a gland counts as a bubble: %.3f", f.Bubbles)
	}
	if f := ring(grey, 5, 6); f.Bubbles != 0 {
		t.Errorf("a speck counts as a bubble: %.3f", f.Bubbles)
	}
}

// Every row of the table has a reason and limits in order, and judges by them.
func TestLimits(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range qc.Limits() {
		if seen[l.Check] || len(l.Reason) < 20 || (l.Warn > l.Fail) == (l.Bad == qc.Above) && l.Warn != l.Fail {
			t.Errorf("row %+v", l)
		}
		seen[l.Check] = true
		if l.Bad == qc.Below {
			continue
		}
		if l.Warn > 0 && qc.Judge(l.Check, l.Warn).Status != qc.Pass || qc.Judge(l.Check, l.Warn+1e-6).Status != qc.Warn {
			t.Errorf("%s does not warn above %g", l.Check, l.Warn)
		}
		if l.Fail < qc.Never && qc.Judge(l.Check, l.Fail+1e-6).Status != qc.Fail {
			t.Errorf("%s does not fail above %g", l.Check, l.Fail)
		}
	}
}

// What there must be enough of is judged from the other side.
func TestTooLittle(t *testing.T) {
	for _, c := range []struct {
		check string
		value float64
		want  qc.Status
	}{
		{qc.TissueMM2, 0, qc.Fail}, {qc.TissueMM2, 0.01, qc.Warn}, {qc.TissueMM2, 0.05, qc.Pass}, {qc.TissueMM2, 400, qc.Pass},
		{qc.Scale, 0, qc.Fail}, {qc.Scale, 0.01, qc.Pass}, {qc.Scale, 0.5, qc.Pass},
	} {
		if got := qc.Judge(c.check, c.value); got != (qc.Finding{Check: c.check, Status: c.want, Value: c.value}) {
			t.Errorf("%+v, want %s", got, c.want)
		}
	}
}
