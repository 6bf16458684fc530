// Package export writes results in the forms that other programs open. It is handed what it writes and
// knows nothing of stores: stitch calls it while a run's results are made, cmd and viewer when a
// person asks for another form.
package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
)

// GeoJSON writes polygons with holes as the GeoJSON that QuPath opens, one feature after the other. It
// is not safe for concurrent use.
//
// QuPath's rules (its GsonTools and type adapters), which this type keeps:
//
//   - coordinates are full-resolution pixels, origin at the top left, y downwards, at most two decimals,
//     because QuPath snaps to a grid of 0.01;
//   - every ring is closed explicitly; the first is the shell, the others are holes; rings must be
//     simple, which the caller guarantees;
//   - the feature's id is a UUID, anything else is dropped silently;
//   - a classification has a name and a colour, a name without colour is a parse error;
//   - measurements are an object of numbers, metadata an object of strings;
//   - objectType is "annotation" for what a person works with and "detection" for what is many.
//
// # Memory
//
// One feature at a time is formatted, through one write buffer: a whole slide's document never exists.
type GeoJSON struct {
	out     *bufio.Writer
	n       int
	scratch []byte
	failed  error // the first error; a document with half a feature is never closed
}

// NewGeoJSON begins a FeatureCollection. metadata, which may be nil, stands at its head: RFC 7946 §6.1 allows
// such a member and QuPath passes over it.
func NewGeoJSON(w io.Writer, metadata map[string]string) (*GeoJSON, error) {
	g := &GeoJSON{out: bufio.NewWriterSize(w, 64<<10)}
	g.text(`{"type":"FeatureCollection",`)
	if metadata != nil {
		g.member("metadata", metadata)
		g.text(",")
	}
	g.text("\"features\":[")
	return g, g.failed
}

// write hands bytes on and keeps the first error.
func (g *GeoJSON) write(b []byte) {
	if g.failed == nil {
		_, g.failed = g.out.Write(b)
	}
}

func (g *GeoJSON) text(s string) {
	if g.failed == nil {
		_, g.failed = g.out.WriteString(s)
	}
}

// fail keeps an error that is not the writer's.
func (g *GeoJSON) fail(err error) {
	if g.failed == nil && err != nil {
		g.failed = err
	}
}

// Write appends a feature. After an error the document is lost, and every later call reports it.
func (g *GeoJSON) Write(f Feature) error {
	if err := f.validate(); err != nil {
		g.fail(err)
	}
	if g.failed == nil {
		g.feature(&f)
	}
	if g.failed != nil {
		return fmt.Errorf("write feature %s: %w", f.ID, g.failed)
	}
	g.n++
	return nil
}

func (g *GeoJSON) feature(f *Feature) {
	if g.n > 0 {
		g.text(",")
	}
	g.text("\n{\"type\":\"Feature\",")
	g.member("id", f.ID)
	g.text(`,"geometry":{"type":"Polygon","coordinates":[`)
	g.ring(f.Shell)
	for _, h := range f.Holes {
		g.text(",")
		g.ring(h)
	}
	g.text(`]},"properties":{`)
	g.properties(f)
	g.text("}}")
}

func (g *GeoJSON) properties(f *Feature) {
	g.member("objectType", f.Type)
	if f.Name != "" {
		g.text(",")
		g.member("name", f.Name)
	}
	if f.Locked {
		g.text(`,"isLocked":true`)
	}
	g.text(",")
	g.member("classification", f.Class)
	if len(f.Measurements) > 0 {
		g.text(`,"measurements":{`)
		for i, m := range f.Measurements {
			if i > 0 {
				g.text(",")
			}
			g.member(m.Name, number(m.Value))
		}
		g.text("}")
	}
	if len(f.Metadata) > 0 {
		g.text(",")
		g.member("metadata", f.Metadata)
	}
}

// ring writes the vertices and the first one again.
func (g *GeoJSON) ring(points iter.Seq[Point]) {
	g.text("[")
	var first Point
	n := 0
	for p := range points {
		if n == 0 {
			first = p
		} else {
			g.text(",")
		}
		g.point(p)
		n++
	}
	if n < 3 {
		g.fail(fmt.Errorf("ring of %d vertices", n))
	}
	g.text(",")
	g.point(first)
	g.text("]")
}

// point writes the shortest decimals that give the same numbers; a caller on the grid of 0.01 gets at
// most two.
func (g *GeoJSON) point(p Point) {
	if s := p[0] + p[1]; math.IsNaN(s) || math.IsInf(s, 0) {
		g.fail(fmt.Errorf("vertex %v", p))
	}
	b := append(g.scratch[:0], '[')
	b = appendNumber(b, p[0])
	b = append(b, ',')
	b = appendNumber(b, p[1])
	g.scratch = append(b, ']')
	g.write(g.scratch)
}

// appendNumber writes the shortest decimal that gives the same number. On the grid of 0.01 that is the number of
// hundredths with a point in it, which takes a tenth of the time: with at most 15 digits no shorter decimal gives the same
// number, as any two of those give different ones.
func appendNumber(b []byte, v float64) []byte {
	hundredths := uint64(max(0, v)*100 + 0.5)
	if v < 0 || hundredths >= 1e15 || float64(hundredths)/100 != v || math.Signbit(v) {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	b = strconv.AppendUint(b, hundredths/100, 10)
	switch tens, ones := byte(hundredths/10%10), byte(hundredths%10); {
	case ones > 0:
		return append(b, '.', '0'+tens, '0'+ones)
	case tens > 0:
		return append(b, '.', '0'+tens)
	}
	return b
}

func (g *GeoJSON) member(name string, value any) {
	key, err := json.Marshal(name)
	if err == nil {
		var raw []byte
		raw, err = json.Marshal(value)
		g.write(append(append(key, ':'), raw...))
	}
	g.fail(err)
}

// number is a measurement as QuPath reads it: what JSON has no number for is a string.
func number(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return v
}

// Close ends the collection. It does not close the underlying writer.
func (g *GeoJSON) Close() error {
	g.text("\n]}\n")
	if g.failed == nil {
		g.failed = g.out.Flush()
	}
	if g.failed != nil {
		return fmt.Errorf("write geojson: %w", g.failed)
	}
	return nil
}
