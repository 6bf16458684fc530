package segment

import (
	"context"
	"image"
	"math"
	"slices"
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
	plane := make([]uint8, len(values))
	quantise := func() error {
		l := &levels{inner: image.Rect(2, 3, 2+len(values), 4)}
		l.of(plane)(3, values)
		return l.damage()
	}
	if err := quantise(); err != nil {
		t.Fatal(err)
	}
	for i, p := range values {
		want := uint8(math.Max(0, math.Min(255, math.Floor(float64(float32(p*255)+0.5)))))
		if plane[i] != want {
			t.Errorf("%g becomes %d, want %d", p, plane[i], want)
		}
	}
	values[3] = float32(math.NaN())
	if err := quantise(); err == nil || !strings.Contains(err.Error(), "not a number at 3,0") {
		t.Errorf("not a number: %v", err)
	}
}

// TestDamageIsTheFirst: whichever row comes first, the place told is the first one.
func TestDamageIsTheFirst(t *testing.T) {
	nan := float32(math.NaN())
	l := &levels{inner: image.Rect(1, 1, 4, 4)}
	keep := l.of(make([]uint8, 9))
	keep(3, []float32{nan, 0, 0})
	keep(2, []float32{0, 0, nan})
	l.of(make([]uint8, 9))(2, []float32{0, nan, 0})
	if err := l.damage(); err == nil || !strings.Contains(err.Error(), "at 1,1:") {
		t.Error(err)
	}
}

// TestRowsOfAnyNetwork: a network that knows whole planes only hands over what it computed, row by row.
func TestRowsOfAnyNetwork(t *testing.T) {
	n := byRows(sums{}, pyramid.Size{W: 5, H: 4}, 2)
	load := func(y int, red, green, blue []float32) {
		for x := range red {
			red[x], green[x], blue[x] = float32(x), float32(10*y), 100
		}
	}
	var got []float32
	keep := func(y int, row []float32) { got = append(append(got, float32(y)), row...) }
	if err := n.RunRows(t.Context(), load, image.Rect(1, 2, 3, 4), []KeepRow{nil, keep}); err != nil {
		t.Fatal(err)
	}
	if want := []float32{2, -121, -122, 3, -131, -132}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// sums has two classes: what the channels add up to, and minus that.
type sums struct{}

func (sums) Run(_ context.Context, in, out []float32) error {
	pixels := len(in) / 3
	for i := range pixels {
		out[i] = in[i] + in[pixels+i] + in[2*pixels+i]
		out[pixels+i] = -out[i]
	}
	return nil
}

func (sums) Close() error { return nil }

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
