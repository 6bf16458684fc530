package segment

import (
	"image"
	"math"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// TestQuantise: every probability is rounded to the nearest 255th, what is beyond 0 and 1 is cut off, and
// what is no number is an error.
func TestQuantise(t *testing.T) {
	values := []float32{0, 1, 0.5, -0.25, 1.5, float32(math.Inf(1)), float32(math.Inf(-1)), math.SmallestNonzeroFloat32, math.Nextafter32(1, 0), math.Nextafter32(1, 2)}
	for i := range 1021 {
		v := float32(i) / 1020 // every fourth lies on a 255th, every fourth between two
		values = append(values, v, math.Nextafter32(v, -1), math.Nextafter32(v, 2))
	}
	size := pyramid.Size{W: len(values), H: 1}
	s := &segmenter{size: size, out: values}
	plane := make([]uint8, len(values))
	if err := s.quantise(plane, 0, size); err != nil {
		t.Fatal(err)
	}
	for i, p := range values {
		want := uint8(math.Max(0, math.Min(255, math.Floor(float64(float32(p*255)+0.5)))))
		if plane[i] != want {
			t.Errorf("%g becomes %d, want %d", p, plane[i], want)
		}
	}
	values[3] = float32(math.NaN())
	if err := s.quantise(plane, 0, size); err == nil || !strings.Contains(err.Error(), "not a number at 3,0") {
		t.Errorf("not a number: %v", err)
	}
}

// TestAverageLeavesOutWhatNobodyAsksFor: a class without a plane has none in the mean.
func TestAverageLeavesOutWhatNobodyAsksFor(t *testing.T) {
	canvas := image.NewRGBA(image.Rect(0, 0, 6, 4))
	got, err := Average(canvas, 1, func(turned *image.RGBA) ([][]uint8, error) {
		plane := make([]uint8, (turned.Rect.Dx()-2)*(turned.Rect.Dy()-2))
		for i := range plane {
			plane[i] = 9
		}
		return [][]uint8{nil, plane}, nil
	})
	if err != nil || got[0] != nil || len(got[1]) != 8 || got[1][7] != 9 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestRegionPlanesOf: room for the classes that a region file holds, and for no other.
func TestRegionPlanesOf(t *testing.T) {
	inner := pyramid.Size{W: 3, H: 2}
	for _, c := range []struct{ carcinoma, highGrade, planes int }{{1, 2, 2}, {1, -1, 1}, {2, 2, 1}} {
		d := &Description{Classes: []string{"a", "b", "c"}, Carcinoma: c.carcinoma, HighGrade: c.highGrade}
		n := 0
		for i, plane := range RegionPlanesOf(d, inner, nil) {
			if asked := i == c.carcinoma || i == c.highGrade; asked != (len(plane) == 6) {
				t.Errorf("%+v: class %d has %d bytes", c, i, len(plane))
			}
			n += len(plane) / 6
		}
		if n != c.planes {
			t.Errorf("%+v: %d planes", c, n)
		}
	}
}
