package annotate

import (
	"bytes"
	"compress/gzip"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const geo = `{"type":"FeatureCollection","features":[
{"type":"Feature","id":"6f1a4a0e-3b7e-4a3e-9a55-0b5d2f0c1e11","geometry":{"type":"Polygon","coordinates":[[[0,0],[8,0],[8,8],[0,8],[0,0]],[[2,2],[2,6],[6,6],[6,2],[2,2]]]},
"properties":{"objectType":"annotation","classification":{"name":"Tumor","color":[200,0,0]},"metadata":{"a":"b"},"metadata":{"a":"b"}}},
{"type":"Feature","geometry":{"type":"Point","coordinates":[1,1]},"properties":{}},
{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[8,0],[10,0],[10,4],[8,4],[8,0]]]]},"properties":{"classification":"Stroma"}}]}`

const asap = `<?xml version="1.0"?><ASAP_Annotations><Annotations>
<Annotation Name="A0" Type="Polygon" PartOfGroup="Tumor"><Coordinates>
<Coordinate Order="2" X="8" Y="8"/><Coordinate Order="0" X="0" Y="0"/><Coordinate Order="1" X="8" Y="0"/><Coordinate Order="3" X="0" Y="8"/></Coordinates></Annotation>
<Annotation Name="A1" Type="Rectangle" PartOfGroup="Exclusion"><Coordinates>
<Coordinate Order="0" X="2" Y="2"/><Coordinate Order="1" X="6" Y="2"/><Coordinate Order="2" X="6" Y="6"/><Coordinate Order="3" X="2" Y="6"/></Coordinates></Annotation>
<Annotation Name="A2" Type="Dot" PartOfGroup="Tumor"><Coordinates><Coordinate Order="0" X="2" Y="2"/></Coordinates></Annotation>
</Annotations><AnnotationGroups><Group Name="Tumor"/></AnnotationGroups></ASAP_Annotations>`

func read(t *testing.T, text string) []Shape {
	t.Helper()
	shapes, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return shapes
}

// mask is 5×4 pixels of two level-0 pixels each.
func mask(t *testing.T, shapes []Shape, classes map[string]uint8) []uint8 {
	t.Helper()
	m, err := Canvas{Step: 2, W: 5, H: 4}.Paint(shapes, classes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGeoJSON(t *testing.T) {
	got := mask(t, read(t, geo), map[string]uint8{"Tumor": 3, "Stroma": 1})
	want := []uint8{
		3, 3, 3, 3, 1,
		3, 0, 0, 3, 1,
		3, 0, 0, 3, 0,
		3, 3, 3, 3, 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASAP(t *testing.T) {
	got := mask(t, read(t, asap), map[string]uint8{"Tumor": 3, "Exclusion": 0})
	want := []uint8{
		3, 3, 3, 3, 0,
		3, 0, 0, 3, 0,
		3, 0, 0, 3, 0,
		3, 3, 3, 3, 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGzip(t *testing.T) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write([]byte(geo)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, geo), got); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownClassIsAnError(t *testing.T) {
	_, err := Canvas{Step: 1, W: 4, H: 4}.Paint(read(t, geo), map[string]uint8{"Tumor": 3})
	if err == nil || !strings.Contains(err.Error(), `"Stroma"`) {
		t.Errorf("error %v", err)
	}
}

func TestDamage(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            "",
		"text":             "hello",
		"truncated json":   geo[:len(geo)/2],
		"truncated xml":    asap[:len(asap)/2],
		"collection":       `{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[]}}`,
		"no geometry":      `[{"type":"Feature"}]`,
		"two points":       `{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}}`,
		"far away":         `{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1e300,1],[0,5]]]}}`,
		"other xml":        "<html></html>",
		"unknown type":     strings.Replace(asap, "Rectangle", "Blob", 1),
		"not a number":     strings.Replace(asap, `X="8"`, `X="NaN"`, 1),
		"too short a ring": strings.Replace(asap, `<Coordinate Order="0" X="2" Y="2"/><Coordinate Order="1" X="6" Y="2"/>`, "", 1),
	} {
		if shapes, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %v", name, shapes)
		}
	}
}

// TestPaintAgreesWithPoints compares the scan-line fill with a test of every pixel's middle.
func TestPaintAgreesWithPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coordinate := rapid.Float64Range(-5, 20)
		ring := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Point {
			return Point{coordinate.Draw(t, "x"), coordinate.Draw(t, "y")}
		}), 3, 9)
		s := Shape{Class: "a", Rings: rapid.SliceOfN(ring, 1, 3).Draw(t, "rings")}
		c := Canvas{X: 1, Y: -2, Step: 1.25, W: 11, H: 9}
		got, err := c.Paint([]Shape{s}, map[string]uint8{"a": 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			x, y := c.X+(float64(i%c.W)+0.5)*c.Step, c.Y+(float64(i/c.W)+0.5)*c.Step
			left := 0
			near := false
			for _, v := range crossings(nil, edges(s.Rings, math.Inf(-1), math.Inf(1)), y) {
				if v <= x {
					left++
				}
				near = near || v > x-1e-9 && v < x+1e-9
			}
			if !near && int(got[i]) != left%2 {
				t.Fatalf("pixel %d is %d, want %d", i, got[i], left%2)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(geo))
	f.Add([]byte(asap))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		shapes, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		classes := map[string]uint8{}
		for _, s := range shapes {
			classes[s.Class] = 7
		}
		m, err := Canvas{Step: 3, W: 16, H: 16}.Paint(shapes, classes)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(m, func(v uint8) bool { return v != 0 && v != 7 }) {
			t.Fatal("a label from nowhere")
		}
	})
}
