package annotate

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Read reads an annotation file of either kind, gzipped or not, by what it holds.
func Read(r io.Reader) ([]Shape, error) {
	data, err := readAll(r)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("annotations: %w", err)
		}
		if data, err = readAll(z); err != nil {
			return nil, err
		}
	}
	switch text := bytes.TrimLeft(data, "\ufeff \t\r\n"); {
	case len(text) == 0:
		return nil, errors.New("annotations: the file is empty")
	case text[0] == '<':
		return parseASAP(text)
	case text[0] == '{' || text[0] == '[':
		return parseGeoJSON(text)
	}
	return nil, errors.New("annotations: neither GeoJSON (QuPath) nor XML (ASAP)")
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("annotations: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("annotations: more than %d bytes", MaxBytes)
	}
	return data, nil
}

// feature is what matters of a QuPath object.
type feature struct {
	Type       string          `json:"type"`
	Features   []feature       `json:"features"`
	Geometry   *geometry       `json:"geometry"`
	Properties json.RawMessage `json:"properties"`
}

type geometry struct {
	Type        string          `json:"type"`
	Coordinates json.RawMessage `json:"coordinates"`
}

func parseGeoJSON(data []byte) ([]Shape, error) {
	var all []feature
	if data[0] == '[' {
		if err := json.Unmarshal(data, &all); err != nil {
			return nil, fmt.Errorf("annotations: %w", err)
		}
	} else {
		var one feature
		if err := json.Unmarshal(data, &one); err != nil {
			return nil, fmt.Errorf("annotations: %w", err)
		}
		if all = one.Features; one.Type != "FeatureCollection" {
			all = []feature{one}
		}
	}
	var shapes []Shape
	for i, f := range all {
		s, err := f.shapes()
		if err != nil {
			return nil, fmt.Errorf("annotations: feature %d: %w", i+1, err)
		}
		shapes = append(shapes, s...)
	}
	return shapes, nil
}

// shapes turns a feature into shapes; points and lines enclose nothing and are left out.
func (f *feature) shapes() ([]Shape, error) {
	if f.Geometry == nil {
		return nil, errors.New("it has no geometry")
	}
	class := className(f.Properties)
	var polygons [][][][2]float64
	switch f.Geometry.Type {
	case "Polygon":
		polygons = make([][][][2]float64, 1)
		if err := json.Unmarshal(f.Geometry.Coordinates, &polygons[0]); err != nil {
			return nil, err
		}
	case "MultiPolygon":
		if err := json.Unmarshal(f.Geometry.Coordinates, &polygons); err != nil {
			return nil, err
		}
	case "Point", "MultiPoint", "LineString", "MultiLineString":
		return nil, nil
	default:
		return nil, fmt.Errorf("geometry %q is not one that QuPath writes", f.Geometry.Type)
	}
	var shapes []Shape
	for _, polygon := range polygons {
		s := Shape{Class: class}
		for _, ring := range polygon {
			points, err := ringOf(ring)
			if err != nil {
				return nil, err
			}
			s.Rings = append(s.Rings, points)
		}
		shapes = append(shapes, s)
	}
	return shapes, nil
}

// ringOf drops the repeated last point.
func ringOf(ring [][2]float64) ([]Point, error) {
	if n := len(ring); n > 1 && ring[0] == ring[n-1] {
		ring = ring[:n-1]
	}
	if len(ring) < 3 {
		return nil, fmt.Errorf("a ring of %d points encloses nothing", len(ring))
	}
	points := make([]Point, len(ring))
	for i, p := range ring {
		points[i] = Point{p[0], p[1]}
		if err := points[i].check(); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// maxCoordinate is beyond every slide: a metre of glass at a nanometre per pixel.
const maxCoordinate = 1e9

// check refuses coordinates that no slide has.
func (p Point) check() error {
	if math.IsNaN(p.X) || math.IsNaN(p.Y) || math.Abs(p.X) > maxCoordinate || math.Abs(p.Y) > maxCoordinate {
		return fmt.Errorf("point (%g, %g) is on no slide", p.X, p.Y)
	}
	return nil
}

// className reads a classification in any of the forms that QuPath has written.
func className(properties json.RawMessage) string {
	var p struct {
		Classification json.RawMessage `json:"classification"`
	}
	if json.Unmarshal(properties, &p) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(p.Classification, &text) == nil {
		return text
	}
	var object struct {
		Name  string   `json:"name"`
		Names []string `json:"names"`
	}
	if json.Unmarshal(p.Classification, &object) != nil {
		return ""
	}
	if object.Name == "" && len(object.Names) > 0 {
		return object.Names[len(object.Names)-1] // the most derived
	}
	return object.Name
}
