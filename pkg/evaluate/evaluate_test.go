package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s = %g, want %g", what, got, want)
	}
}

// twoClass is a scheme of background and carcinoma.
func twoClass() Scheme {
	return Scheme{Classes: []string{"background", "carcinoma"}, Carcinoma: 1, HighGrade: -1, Threshold: 0.5}
}

// image2 makes a one-row image from truths and carcinoma bytes.
func image2(patient string, truth, carcinoma []uint8) *Image {
	other := make([]uint8, len(carcinoma))
	for i, p := range carcinoma {
		other[i] = 255 - p
	}
	return &Image{Name: patient, Patient: patient, W: len(truth), H: 1, Truth: truth, Prob: [][]uint8{other, carcinoma}}
}

func summarise(t *testing.T, s Scheme, img *Image) *Summary {
	t.Helper()
	sum, err := s.Summarise(img)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestOverlapByHand(t *testing.T) {
	// Three carcinoma pixels of which two are found, and one false alarm: TP 2, FP 1, FN 1.
	sum := summarise(t, twoClass(), image2("p", []uint8{1, 1, 1, 0, 0}, []uint8{255, 128, 127, 200, 0}))
	o := overlapOf(sum.Confusion, 1)
	if o != (Overlap{TP: 2, FP: 1, FN: 1}) {
		t.Fatalf("overlap %+v", o)
	}
	near(t, "Dice", o.Dice(), 4.0/6, 1e-12)
	near(t, "IoU", o.IoU(), 2.0/4, 1e-12)
	near(t, "Dice of nothing", Overlap{}.Dice(), math.NaN(), 0)
	if got := overlapAt(&sum.Carcinoma, &sum.Other, 128); got != o {
		t.Errorf("overlap from the histogram is %+v", got)
	}
}

// TestDecision: carcinoma from the threshold on, even when another class is more probable.
func TestDecision(t *testing.T) {
	s := Scheme{Classes: []string{"background", "benign", "carcinoma"}, Carcinoma: 2, HighGrade: -1, Threshold: 0.3}
	img := &Image{Name: "i", Patient: "p", W: 3, H: 1, Truth: []uint8{0, 1, 2}, Prob: [][]uint8{{10, 20, 150}, {200, 160, 20}, {45, 75, 85}}}
	sum := summarise(t, s, img)
	want := [][]int64{{0, 1, 0}, {0, 1, 0}, {0, 0, 1}}
	for i := range want {
		if !slices.Equal(sum.Confusion[i], want[i]) {
			t.Errorf("confusion %v, want %v", sum.Confusion, want)
		}
	}
}

func TestScoreIsTheTopTenth(t *testing.T) {
	prob := make([]uint8, 40)
	prob[3], prob[17], prob[20], prob[21] = 255, 255, 51, 51
	prob[5] = 10
	sum := summarise(t, twoClass(), image2("p", make([]uint8, 40), prob))
	near(t, "score", sum.Score, (1+1+0.2+0.2)/4, 1e-12)
}

func TestAUCByHand(t *testing.T) {
	// Pairs: 0.9 beats both; 0.5 ties one and beats the other; 0.2 loses both: (2 + 1.5 + 0) / 6.
	near(t, "AUC", AUC([]float64{0.9, 0.5, 0.2}, []float64{0.5, 0.3}), 3.5/6, 1e-12)
	near(t, "AUC of nothing", AUC(nil, []float64{1}), math.NaN(), 0)
}

func TestAUCAgreesWithPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := func(name string) (scores []float64, hist [256]int64) {
			for _, b := range rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, name) {
				b = b / 16 * 16 // ties
				scores = append(scores, float64(b)/255)
				hist[b]++
			}
			return scores, hist
		}
		pos, hp := bytes("positive")
		neg, hn := bytes("negative")
		wins := 0.0
		for _, p := range pos {
			for _, n := range neg {
				switch {
				case p > n:
					wins++
				case p == n:
					wins += 0.5
				}
			}
		}
		want := wins / float64(len(pos)*len(neg))
		if got := AUC(pos, neg); math.Abs(got-want) > 1e-12 {
			t.Fatalf("AUC %g, pairs %g", got, want)
		}
		if got := histogramAUC(&hp, &hn); math.Abs(got-want) > 1e-12 {
			t.Fatalf("histogram AUC %g, pairs %g", got, want)
		}
	})
}

func TestDistanceAgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 12).Draw(t, "w"), rapid.IntRange(1, 12).Draw(t, "h")
		targets := rapid.SliceOfN(rapid.IntRange(0, w*h-1), 0, 6).Draw(t, "targets")
		got := DistanceTo(targets, w*h, w)
		for i := range got {
			want := math.Inf(1)
			for _, p := range targets {
				dx, dy := float64(p%w-i%w), float64(p/w-i/w)
				want = min(want, dx*dx+dy*dy)
			}
			if got[i] != want {
				t.Fatalf("%d×%d, targets %v: distance² of %d is %g, want %g", w, h, targets, i, got[i], want)
			}
		}
	})
}

func TestHD95(t *testing.T) {
	square := func(x0 int) []bool {
		m := make([]bool, 40*40)
		for y := 10; y < 20; y++ {
			for x := x0; x < x0+10; x++ {
				m[y*40+x] = true
			}
		}
		return m
	}
	near(t, "same", HD95(square(5), square(5), 40), 0, 0)
	near(t, "shifted by 7", HD95(square(5), square(12), 40), 7, 0)
	near(t, "empty", HD95(square(5), make([]bool, 1600), 40), math.NaN(), 0)
}

func TestWilson(t *testing.T) {
	// Newcombe, Stat Med 1998, 17:857, method 3: 81/263 gives 0.2553 to 0.3662, 0/20 gives 0 to 0.1611.
	i := Wilson(81, 263)
	near(t, "low", float64(i.Low), 0.2553, 5e-5)
	near(t, "high", float64(i.High), 0.3662, 5e-5)
	i = Wilson(0, 20)
	near(t, "low", float64(i.Low), 0, 1e-12)
	near(t, "high", float64(i.High), 0.1611, 5e-5)
}

func TestECEByHand(t *testing.T) {
	// Ten pixels said 1 of which 8 were; ten said 0.2 of which none was:
	// half the pixels are off by 0.2, half by 0.2.
	var hit, miss [256]int64
	hit[255], miss[255], miss[51] = 8, 2, 10
	near(t, "ECE", ece(&hit, &miss), 0.2, 1e-12)
	near(t, "Brier", brier(&hit, &miss), (2*1+10*0.04)/20, 1e-12)
}

func TestReliabilityAgreesWithPixels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var hit, miss [256]int64
	var sum, hits, n [Bins]float64
	for range 5000 {
		b := r.IntN(256)
		k := min(int(float64(b)/255*Bins), Bins-1)
		n[k]++
		sum[k] += float64(b) / 255
		if r.IntN(3) == 0 {
			hit[b]++
			hits[k]++
		} else {
			miss[b]++
		}
	}
	for k, bin := range reliability(&hit, &miss) {
		near(t, "said", float64(bin.Confidence), sum[k]/n[k], 1e-9)
		near(t, "was", float64(bin.Frequency), hits[k]/n[k], 1e-9)
	}
}

// TestTemperatureIsFound: labels drawn from softmax(z/3) are best explained by a temperature of 3.
func TestTemperatureIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	l := Logits{Classes: 3}
	for range 20000 {
		z := []float32{float32(4 * r.NormFloat64()), float32(4 * r.NormFloat64()), float32(4 * r.NormFloat64())}
		var p [3]float64
		sum := 0.0
		for c := range p {
			p[c] = math.Exp(float64(z[c]) / 3)
			sum += p[c]
		}
		u, truth := r.Float64()*sum, 0
		for u > p[truth] && truth < 2 {
			u -= p[truth]
			truth++
		}
		l.Add(uint8(truth), z...)
	}
	near(t, "temperature", l.Temperature(), 3, 0.15)
	best := l.NLL(l.Temperature())
	for _, other := range []float64{0.5, 1, 2, 2.8, 3.3, 5} {
		if l.NLL(other) < best-1e-6 {
			t.Errorf("temperature %g explains better than the one found", other)
		}
	}
}

func TestImageLevelByHand(t *testing.T) {
	s := Scheme{Classes: []string{"bg", "benign", "high", "ca"}, Carcinoma: 3, HighGrade: 2, Threshold: 0.5, Negatives: []string{"polyp"}}
	one := func(patient, group string, truth, ca, high uint8) *Summary {
		img := &Image{Name: patient, Patient: patient, Group: group, W: 1, H: 1, Truth: []uint8{truth}, Prob: [][]uint8{{0}, {255 - ca - high}, {high}, {ca}}}
		return summarise(t, s, img)
	}
	f := s.Figures([]*Summary{
		one("a", "adenocarcinoma", 3, 204, 0), one("b", "adenocarcinoma", 3, 51, 0),
		one("c", "high-grade-in", 2, 153, 51), one("d", "polyp", 1, 153, 0), one("e", "polyp", 1, 0, 51),
	})
	near(t, "AUC", f.AUC, (2+1)/4.0, 1e-12)              // 0.8 beats 0.6 and 0; 0.2 beats 0 only
	near(t, "high-grade AUC", f.HighGradeAUC, 1, 1e-12)  // 0.8 beats 0.6 and 0.2
	near(t, "only", f.HighGradeOnlyAUC, (1+0.5)/2, 1e-9) // 0.2 beats 0 and ties 0.2
	near(t, "sensitivity", f.Sensitivity, 0.5, 0)
	near(t, "specificity", f.Specificity, 0.5, 0)
	near(t, "false area", f.FalseArea, 0.5, 0)
	near(t, "false mm²", f.FalseMM2, math.NaN(), 0)
}

func TestBadImagesAreRefused(t *testing.T) {
	s := twoClass()
	good := func() *Image { return image2("p", []uint8{0, 1}, []uint8{3, 4}) }
	for name, damage := range map[string]func(*Image){
		"truth too short":      func(i *Image) { i.Truth = i.Truth[:1] },
		"prediction too short": func(i *Image) { i.Prob[1] = i.Prob[1][:1] },
		"class missing":        func(i *Image) { i.Prob = i.Prob[:1] },
		"unknown class":        func(i *Image) { i.Truth[0] = 2 },
		"no patient":           func(i *Image) { i.Patient = "" },
		"no pixels":            func(i *Image) { i.W = 0 },
	} {
		img := good()
		damage(img)
		if _, err := s.Summarise(img); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
