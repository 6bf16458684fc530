package evaluate

import (
	"math"
	"testing"
)

// rect sets a rectangle of a mask of width 200.
func rect(mask []bool, x0, y0, x1, y1 int) {
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			mask[y*200+x] = true
		}
	}
}

// TestFROCByHand: at 7.776 µm/px (0.243 µm at level 5) a lesion's longer axis must reach 35.4 px, and
// outlines nearer than 9.6 px join.
func TestFROCByHand(t *testing.T) {
	tumour := make([]bool, 200*200)
	rect(tumour, 10, 10, 60, 50)     // a lesion
	rect(tumour, 120, 120, 170, 160) // another
	rect(tumour, 100, 10, 106, 16)   // isolated cells: 6 px, 14 with the margin
	slides := []DetectedSlide{
		{Name: "a", Width: 200, Tumour: tumour, MPP: 7.776, Detections: []Detection{
			{30, 30, 0.9}, {40, 40, 0.5}, // the first lesion, twice
			{102, 12, 0.95}, // the cells: ignored
			{190, 20, 0.6},  // false
		}},
		{Name: "b", Width: 200, Tumour: make([]bool, 200*200), MPP: 7.776, Detections: []Detection{{5, 5, 0.7}}},
	}
	f, err := EvaluateFROC(slides)
	if err != nil {
		t.Fatal(err)
	}
	if f.Lesions != 2 {
		t.Fatalf("%d lesions, want 2", f.Lesions)
	}
	// Thresholds 0.6, 0.7 and 0.9: 2, 1 and 0 false alarms on 2 slides, one lesion of two each time.
	want := []FROCPoint{{1, 0.5}, {0.5, 0.5}, {0, 0.5}, {0, 0}}
	if len(f.Points) != len(want) {
		t.Fatalf("points %v", f.Points)
	}
	for i := range want {
		if f.Points[i] != want[i] {
			t.Errorf("point %d is %v, want %v", i, f.Points[i], want[i])
		}
	}
	near(t, "score", float64(f.Score), 0.5, 1e-12)
}

func TestCloseOutlinesJoinAndHolesFill(t *testing.T) {
	tumour := make([]bool, 200*200)
	rect(tumour, 10, 10, 30, 50)
	rect(tumour, 37, 10, 60, 50) // 7 px away
	s := DetectedSlide{Width: 200, Tumour: tumour, MPP: 7.776}
	if _, n := s.lesions(); n != 1 {
		t.Errorf("%d lesions, want one", n)
	}
	ring := make([]bool, 200*200)
	rect(ring, 50, 50, 120, 120)
	for y := 70; y < 100; y++ {
		for x := 70; x < 100; x++ {
			ring[y*200+x] = false
		}
	}
	s = DetectedSlide{Width: 200, Tumour: ring, MPP: 7.776}
	labels, _ := s.lesions()
	if labels[85*200+85] != 1 {
		t.Error("the hole of a ring is not filled")
	}
}

// TestMajorAxis: a line of n pixels has variance (n²−1)/12 along, so with 1/12 per pixel its axis is
// 4·sqrt(n²/12).
func TestMajorAxis(t *testing.T) {
	labels := make([]int, 200*10)
	for x := range 50 {
		labels[5*200+x] = 1
	}
	near(t, "axis", majorAxes(labels, 200, 1)[1], 4*math.Sqrt(2500.0/12), 1e-9)
}

func TestFROCRefusesNonsense(t *testing.T) {
	for name, slides := range map[string][]DetectedSlide{
		"no slides": nil,
		"no scale":  {{Width: 2, Tumour: make([]bool, 4)}},
		"bad width": {{Width: 3, Tumour: make([]bool, 4), MPP: 1}},
	} {
		if _, err := EvaluateFROC(slides); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
