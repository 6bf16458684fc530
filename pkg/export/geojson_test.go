package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ring(points ...Point) iter.Seq[Point] { return slices.Values(points) }

// square is a feature that holds everything a feature can hold.
func square() Feature {
	return Feature{
		ID: "6f1a4a0e-3b7e-5a3e-9a55-0b5d2f0c1e11", Type: Annotation, Name: "AI \"carcinoma\" 1", Locked: true,
		Class:        Class{Name: "Tumor", Color: [3]uint8{200, 0, 0}},
		Shell:        ring(Point{100, 100}, Point{900.25, 100}, Point{900.25, 700}, Point{100, 700}),
		Holes:        []iter.Seq[Point]{ring(Point{300, 300}, Point{300, 400}, Point{400, 400}, Point{400, 300})},
		Measurements: []Measurement{{"area_mm2", 0.5}, {"mean_probability", math.NaN()}},
		Metadata:     map[string]string{"intended_use": "research", "model_sha256": "ab"},
	}
}

// TestGolden pins the bytes of one feature: QuPath reads exactly this.
func TestGolden(t *testing.T) {
	var buf bytes.Buffer
	g, err := NewGeoJSON(&buf, map[string]string{"run": "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Write(square()), g.Close()); err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"FeatureCollection","metadata":{"run":"1"},"features":[
{"type":"Feature","id":"6f1a4a0e-3b7e-5a3e-9a55-0b5d2f0c1e11","geometry":{"type":"Polygon","coordinates":[` +
		`[[100,100],[900.25,100],[900.25,700],[100,700],[100,100]],[[300,300],[300,400],[400,400],[400,300],[300,300]]]},` +
		`"properties":{"objectType":"annotation","name":"AI \"carcinoma\" 1","isLocked":true,` +
		`"classification":{"name":"Tumor","color":[200,0,0]},"measurements":{"area_mm2":0.5,"mean_probability":"NaN"},` +
		`"metadata":{"intended_use":"research","model_sha256":"ab"}}}
]}
`
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Error(diff)
	}
}

// TestManyAndNone: any number of features is one valid document.
func TestManyAndNone(t *testing.T) {
	for _, n := range []int{0, 1, 3000} {
		var buf bytes.Buffer
		g, err := NewGeoJSON(&buf, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := g.Write(square()); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		var got struct{ Features []json.RawMessage }
		if err := json.Unmarshal(buf.Bytes(), &got); err != nil || len(got.Features) != n {
			t.Errorf("%d features of %d: %v", len(got.Features), n, err)
		}
	}
}

// TestRefuses: what QuPath would drop or choke on is refused and spoils the document rather than half of it.
func TestRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Feature){
		"id is no UUID":     func(f *Feature) { f.ID = "lesion 1" },
		"upper-case id":     func(f *Feature) { f.ID = "6F1A4A0E-3B7E-5A3E-9A55-0B5D2F0C1E11" },
		"no type":           func(f *Feature) { f.Type = "" },
		"unknown type":      func(f *Feature) { f.Type = "lesion" },
		"no classification": func(f *Feature) { f.Class = Class{} },
		"no shell":          func(f *Feature) { f.Shell = nil },
		"line for a shell":  func(f *Feature) { f.Shell = ring(Point{0, 0}, Point{1, 1}) },
		"empty hole":        func(f *Feature) { f.Holes = append(f.Holes, ring()) },
		"not a number":      func(f *Feature) { f.Shell = ring(Point{0, 0}, Point{math.NaN(), 1}, Point{1, 1}) },
		"infinite":          func(f *Feature) { f.Shell = ring(Point{0, 0}, Point{0, math.Inf(1)}, Point{1, 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			g, err := NewGeoJSON(&bytes.Buffer{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := square()
			spoil(&f)
			if err := g.Write(f); err == nil {
				t.Error("accepted")
			}
			if err := g.Close(); err == nil {
				t.Error("a document with half a feature was closed")
			}
		})
	}
}

// broken is a writer whose disk is full after some bytes.
type broken struct{ left int }

var errFull = errors.New("full")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	for _, left := range []int{0, 100 << 10} {
		g, err := NewGeoJSON(&broken{left}, nil)
		for i := 0; err == nil && i < 2000; i++ {
			err = g.Write(square())
		}
		if err == nil {
			err = g.Close()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

// TestNumbers: every number is written as the standard library writes the shortest, on the grid of 0.01 or beside it.
func TestNumbers(t *testing.T) {
	numbers := []float64{0, math.Copysign(0, -1), -1, -0.25, 1e15, 1e15 + 0.5, 1e13, 9999999999999.99, 0.005, 0.1 + 0.2, 1.0 / 3, 1e300, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1)}
	r := rand.New(rand.NewPCG(4, 1))
	for i := range 200_000 {
		v := float64(r.Uint64N(1<<(i%50+1))) / 100
		numbers = append(numbers, float64(i)/100, v, v*(1+1e-15), math.Nextafter(v, 0), r.Float64()*1e5)
	}
	for _, v := range numbers {
		if got, want := string(appendNumber(nil, v)), strconv.FormatFloat(v, 'f', -1, 64); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}
