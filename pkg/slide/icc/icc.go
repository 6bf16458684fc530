// Package icc converts scanners' colours to sRGB: RGB profiles of ICC.1:2010 that are three curves and a
// matrix. It sits below package slide and knows no files. Profiles with look-up tables (A2B0) are
// recognised and refused: how they are interpolated differs between programs, and colours that depend on
// that have no place in a measurement.
package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrTable says that a profile is made of look-up tables.
var ErrTable = errors.New("the profile holds look-up tables, which are not read")

// Profile is a matrix profile.
type Profile struct {
	Description string
	curves      [3]curve
	matrix      [3][3]float64 // linear RGB to XYZ under D50
}

// Limits on a profile.
const (
	headerSize = 128
	maxTags    = 256
	maxCurve   = 1 << 16
	maxName    = 80
)

// Parse reads a profile.
func Parse(b []byte) (*Profile, error) {
	if len(b) < headerSize+4 || string(b[36:40]) != "acsp" {
		return nil, errors.New("no ICC profile")
	}
	if space := string(b[16:20]); space != "RGB " {
		return nil, fmt.Errorf("a profile for %q, not for RGB", strings.TrimSpace(space))
	}
	tags, err := tagTable(b)
	if err != nil {
		return nil, err
	}
	p := &Profile{Description: description(tags["desc"])}
	if tags["A2B0"] != nil {
		return p, ErrTable
	}
	if pcs := string(b[20:24]); pcs != "XYZ " {
		return p, fmt.Errorf("a matrix profile to %q, not to XYZ", strings.TrimSpace(pcs))
	}
	for i, c := range []string{"r", "g", "b"} {
		xyz := tags[c+"XYZ"]
		if len(xyz) < 20 || string(xyz[:4]) != "XYZ " {
			return p, fmt.Errorf("no %sXYZ in the profile", c)
		}
		for row := range 3 {
			p.matrix[row][i] = fixed(xyz[8+4*row:])
		}
		if p.curves[i], err = parseCurve(tags[c+"TRC"]); err != nil {
			return p, fmt.Errorf("%sTRC: %w", c, err)
		}
	}
	return p, nil
}

// tagTable cuts the profile into its tags.
func tagTable(b []byte) (map[string][]byte, error) {
	n := binary.BigEndian.Uint32(b[headerSize:])
	if n > maxTags || headerSize+4+12*int(n) > len(b) {
		return nil, fmt.Errorf("a profile of %d bytes with %d tags", len(b), n)
	}
	tags := make(map[string][]byte, n)
	for i := range int(n) {
		e := b[headerSize+4+12*i:]
		at, size := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if at+size > int64(len(b)) {
			return nil, fmt.Errorf("tag %.4q runs past the profile's end", e[:4])
		}
		tags[string(e[:4])] = b[at : at+size]
	}
	return tags, nil
}

// fixed is an s15Fixed16Number.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// description is the profile's name in ASCII.
func description(tag []byte) string {
	var text []byte
	switch {
	case len(tag) > 12 && string(tag[:4]) == "desc":
		text = tag[12:]
	case len(tag) > 28 && string(tag[:4]) == "mluc":
		if at := binary.BigEndian.Uint32(tag[24:]); int64(at) < int64(len(tag)) {
			text = tag[at:]
		}
	}
	var out []byte
	for _, c := range text[:min(len(text), 2*maxName)] {
		if c == 0 && string(tag[:4]) == "desc" {
			break
		}
		if c >= ' ' && c < 127 && len(out) < maxName {
			out = append(out, c)
		}
	}
	return strings.TrimSpace(string(out))
}

// curve turns a device value of 0 to 1 into light.
type curve func(v float64) float64

// parseCurve reads a curv or para tag (ICC.1:2010 10.5 and 10.15).
func parseCurve(b []byte) (curve, error) {
	if len(b) < 12 {
		return nil, errors.New("missing")
	}
	switch string(b[:4]) {
	case "curv":
		n := int64(binary.BigEndian.Uint32(b[8:]))
		if n > maxCurve || 12+2*n > int64(len(b)) {
			return nil, fmt.Errorf("%d points in %d bytes", n, len(b))
		}
		return sampled(b[12:], int(n)), nil
	case "para":
		return parametric(b)
	}
	return nil, fmt.Errorf("a curve of type %.4q", b[:4])
}

func sampled(b []byte, n int) curve {
	switch n {
	case 0:
		return func(v float64) float64 { return v }
	case 1:
		gamma := float64(binary.BigEndian.Uint16(b)) / 256
		return func(v float64) float64 { return power(v, gamma) }
	}
	return func(v float64) float64 {
		x := float64(v * float64(n-1)) // rounded, or it may fuse with what is taken from it below
		i := min(int(x), n-2)
		lo, hi := float64(binary.BigEndian.Uint16(b[2*i:])), float64(binary.BigEndian.Uint16(b[2*i+2:]))
		return (lo + float64((hi-lo)*(x-float64(i)))) / 65535
	}
}

func parametric(b []byte) (curve, error) {
	kind := int(binary.BigEndian.Uint16(b[8:]))
	count := []int{1, 3, 4, 5, 7}
	if kind >= len(count) || len(b) < 12+4*count[kind] {
		return nil, fmt.Errorf("parametric curve %d in %d bytes", kind, len(b))
	}
	var p [7]float64 // g a b c d e f
	for i := range count[kind] {
		p[i] = fixed(b[12+4*i:])
	}
	g, a, o, c, d, e, f := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	switch kind {
	case 0:
		return func(v float64) float64 { return power(v, g) }, nil
	case 1, 2:
		if a == 0 {
			return nil, errors.New("a parametric curve without slope")
		}
		d, e, f, c = -o/a, c, c, 0
	}
	return func(v float64) float64 {
		if v < d {
			return float64(c*v) + f
		}
		return power(max(0, float64(a*v)+o), g) + e
	}, nil
}
