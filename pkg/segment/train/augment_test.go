package train

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// dots is a case with a dark disc of class 3 on a pale ground.
func dots(size int) Case {
	c := Case{Name: "dots", Patient: "1", Group: "adenocarcinoma", W: size, H: size}
	c.RGB, c.Label = make([]uint8, 3*size*size), make([]uint8, size*size)
	for y := range size {
		for x := range size {
			i := y*size + x
			dx, dy := 2*x-size, 2*y-size
			rgb := []uint8{230, 190, 215}
			if dx*dx+dy*dy < size*size/3 {
				rgb, c.Label[i] = []uint8{120, 60, 150}, Carcinoma
			}
			copy(c.RGB[3*i:], rgb)
		}
	}
	c.finish()
	return c
}

func sampleOf(t *testing.T, a Augment, seed uint64, size int) *Sample {
	t.Helper()
	c := dots(48)
	return newAugmenter(a, size).sample(rand.New(rand.NewPCG(seed, 1)), &c, func() *Case { return &c })
}

func TestZeroAugmentIsTheImage(t *testing.T) {
	c := dots(48)
	s := sampleOf(t, Augment{}, 1, 48)
	if !slices.Equal(s.RGB, c.RGB) {
		t.Error("no augmentation changed the colours")
	}
	for i, l := range c.Label {
		if s.Share[int(l)*48*48+i] != 1 {
			t.Fatalf("pixel %d of class %d has share %g", i, l, s.Share[int(l)*48*48+i])
		}
	}
}

func TestSharesAddUpToOne(t *testing.T) {
	for seed := range uint64(40) {
		s := sampleOf(t, DefaultAugment(), seed, 32)
		for i := range 32 * 32 {
			sum := float32(0)
			for c := range Classes {
				sum += s.Share[c*32*32+i]
			}
			if sum < 0.9999 || sum > 1.0001 {
				t.Fatalf("seed %d pixel %d: shares add up to %g", seed, i, sum)
			}
		}
	}
}

func TestGeometryMovesImageAndLabelTogether(t *testing.T) {
	a := Augment{Flip: true, Rotate: 1, ScaleMin: 0.7, ScaleMax: 1.4}
	for seed := range uint64(30) {
		s := sampleOf(t, a, seed, 64)
		for i := range 64 * 64 {
			share := s.Share[Carcinoma*64*64+i]
			dark := s.RGB[3*i] < 176
			if share > 0.75 && !dark || share < 0.25 && dark {
				t.Fatalf("seed %d pixel %d: red %d but carcinoma share %g", seed, i, s.RGB[3*i], share)
			}
		}
	}
}

func TestSameSeedSameSample(t *testing.T) {
	a := sampleOf(t, DefaultAugment(), 7, 40)
	b := sampleOf(t, DefaultAugment(), 7, 40)
	if !slices.Equal(a.RGB, b.RGB) || !slices.Equal(a.Share, b.Share) {
		t.Error("the same seed gave two samples")
	}
}

func TestIdentityShiftKeepsEveryByte(t *testing.T) {
	rgb := make([]uint8, 0, 3*256)
	for v := range 256 {
		rgb = append(rgb, uint8(v), uint8(255-v), uint8(v*7))
	}
	want := slices.Clone(rgb)
	ShiftStain(rgb, 1, 1)
	if !slices.Equal(rgb, want) {
		t.Errorf("identity changed bytes:\n got %v\nwant %v", rgb, want)
	}
}

func TestShiftStainChangesOnlyItsStain(t *testing.T) {
	// A pixel of pure haematoxylin with density 0.8 along its vector: eosin's factor leaves it alone,
	// haematoxylin's factor 1.2 multiplies its density.
	pure := func(density float64) []uint8 {
		px := make([]uint8, 3)
		for k := range px {
			px[k] = uint8(nearestDensity(density * haematoxylin[k]))
		}
		return px
	}
	got := pure(0.8)
	ShiftStain(got, 1, 1.5)
	if d := maxDiff(got, pure(0.8)); d > 2 {
		t.Errorf("eosin changed pure haematoxylin by %d", d)
	}
	got = pure(0.8)
	ShiftStain(got, 1.2, 1)
	if d := maxDiff(got, pure(0.96)); d > 2 {
		t.Errorf("haematoxylin × 1.2 is %d away from 0.96", d)
	}
}

func nearestDensity(od float64) int {
	best := 0
	for v, d := range densityOf {
		if diff := float64(d) - od; diff*diff < square(float64(densityOf[best])-od) {
			best = v
		}
	}
	return best
}

func square(v float64) float64 { return v * v }

func maxDiff(a, b []uint8) int {
	worst := 0
	for i := range a {
		worst = max(worst, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return worst
}

func TestBlurKeepsConstantsAndMass(t *testing.T) {
	flat := slices.Repeat([]uint8{7, 130, 255}, 20*10)
	want := slices.Clone(flat)
	blur(flat, make([]uint8, len(flat)), 20, 10, 1.3)
	if !slices.Equal(flat, want) {
		t.Error("blur changed a constant image")
	}
}

func TestReflect(t *testing.T) {
	var got []int
	for i := -4; i < 8; i++ {
		got = append(got, reflect(i, 3))
	}
	want := []int{2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1}
	want[0] = reflect(-4, 3) // −4 is two mirrors away
	if want[0] != 2 || !slices.Equal(got, want) {
		t.Errorf("reflect = %v, want %v", got, want)
	}
}

// BenchmarkAugment is the price of one 224×224 training image; beyond 6 ms it would compete with the
// mathematics of training.
func BenchmarkAugment(b *testing.B) {
	c := dots(224)
	g := newAugmenter(DefaultAugment(), 224)
	batch := newBatch(1, 224)
	norm := Measure([]Case{c}).table()
	r := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		batch.fill(0, g.sample(r, &c, func() *Case { return &c }), &norm)
	}
}
