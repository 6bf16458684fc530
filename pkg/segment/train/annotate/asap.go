package annotate

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
)

// asapFile is the part of ASAP's XML that holds areas.
type asapFile struct {
	XMLName     xml.Name         `xml:"ASAP_Annotations"`
	Annotations []asapAnnotation `xml:"Annotations>Annotation"`
}

type asapAnnotation struct {
	Name        string           `xml:"Name,attr"`
	Type        string           `xml:"Type,attr"`
	Group       string           `xml:"PartOfGroup,attr"`
	Coordinates []asapCoordinate `xml:"Coordinates>Coordinate"`
}

type asapCoordinate struct {
	Order int     `xml:"Order,attr"`
	X     float64 `xml:"X,attr"`
	Y     float64 `xml:"Y,attr"`
}

// parseASAP reads areas in the order of the file. ASAP has no holes: a hole is a later annotation of another
// group, such as _2 in CAMELYON16, painted over the first.
func parseASAP(data []byte) ([]Shape, error) {
	var file asapFile
	if err := xml.NewDecoder(bytes.NewReader(data)).Decode(&file); err != nil {
		return nil, fmt.Errorf("annotations: %w", err)
	}
	var shapes []Shape
	for _, a := range file.Annotations {
		switch a.Type {
		case "Dot", "PointSet", "Measurement", "None":
			continue // they enclose nothing
		case "Polygon", "Spline", "Rectangle":
		default:
			return nil, fmt.Errorf("annotations: %q has type %q, which ASAP does not write", a.Name, a.Type)
		}
		slices.SortStableFunc(a.Coordinates, func(p, q asapCoordinate) int { return p.Order - q.Order })
		ring := make([]Point, len(a.Coordinates))
		for i, c := range a.Coordinates {
			ring[i] = Point{c.X, c.Y}
			if err := ring[i].check(); err != nil {
				return nil, fmt.Errorf("annotations: %q: %w", a.Name, err)
			}
		}
		if len(ring) < 3 {
			return nil, fmt.Errorf("annotations: %q has %d points; an area needs three", a.Name, len(ring))
		}
		shapes = append(shapes, Shape{Class: a.Group, Rings: [][]Point{ring}})
	}
	return shapes, nil
}
