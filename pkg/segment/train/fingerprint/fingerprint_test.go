package fingerprint

import (
	"math"
	"testing"
)

// stained is a checkerboard of two densities of pure haematoxylin.
func stained(a, b float64, w, h int) []uint8 {
	v := [3]float64{0.65, 0.70, 0.29}
	n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
	var rgb []uint8
	for i := range w * h {
		od := a
		if (i%w+i/w)%2 == 1 {
			od = b
		}
		for k := range 3 {
			rgb = append(rgb, uint8(math.Round(256*math.Exp(-od*v[k]/n)-1)))
		}
	}
	return rgb
}

func TestFeaturesByHand(t *testing.T) {
	f, ok := Of(stained(1, 1, 8, 8), 8, 8)
	if !ok {
		t.Fatal("tissue was taken for glass")
	}
	if math.Abs(f[Haematoxylin]-1) > 0.01 || math.Abs(f[Eosin]) > 0.01 {
		t.Errorf("haematoxylin %.3f and eosin %.3f, want 1 and 0", f[Haematoxylin], f[Eosin])
	}
	if f[Contrast] > 1e-6 || f[Sharpness] != -8 {
		t.Errorf("a flat image has contrast %g and sharpness %g", f[Contrast], f[Sharpness])
	}
	g, _ := Of(stained(0.8, 1.2, 8, 8), 8, 8)
	if g[Sharpness] < -3 || g[Contrast] < 0.05 {
		t.Errorf("a checkerboard has contrast %g and sharpness %g", g[Contrast], g[Sharpness])
	}
}

func TestGlassSaysNothing(t *testing.T) {
	if _, ok := Of(stained(0, 0, 8, 8), 8, 8); ok {
		t.Error("bare glass has features")
	}
	if _, ok := Of(nil, 1000, 1000); ok {
		t.Error("missing pixels have features")
	}
}

func TestCompare(t *testing.T) {
	var images [][Count]float64
	for i := range 101 {
		var f [Count]float64
		f[Eosin] = float64(i) / 100
		images = append(images, f)
	}
	fp := New(images)
	if r := fp.Features["eosin"]; r.Mean != 0.5 || r.Low != 0.01 || r.High != 0.99 {
		t.Errorf("range %+v", r)
	}
	var far [Count]float64
	far[Eosin] = 2
	d := fp.Compare(far)[Eosin]
	if !d.Outside || math.Abs(d.Sigmas-1.5/0.2915) > 0.01 {
		t.Errorf("distance %+v", d)
	}
	if d := fp.Compare(images[50])[Eosin]; d.Outside {
		t.Errorf("the middle lies outside: %v", d)
	}
}
