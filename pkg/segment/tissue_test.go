package segment

import (
	"image"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func TestTissueMap(t *testing.T) {
	canvas := pyramid.Size{W: 100, H: 50}
	m := NewTissueMap(canvas)
	if want := (pyramid.Size{W: 7, H: 4}); m.Cells != want {
		t.Fatalf("%v cells, want %v", m.Cells, want)
	}
	m.Class[1*7+2] = Tissue // model pixels 32–47 by 16–31
	m.Class[3*7+6] = Pen
	for _, c := range []struct {
		x, y int
		want TissueClass
	}{{32, 16, Tissue}, {47, 31, Tissue}, {48, 16, Glass}, {32, 15, Glass}, {99, 49, Pen}, {-1, 0, Glass}, {112, 49, Glass}, {5000, 1, Glass}} {
		if got := m.At(c.x, c.y); got != c.want {
			t.Errorf("at %d,%d: %v, want %v", c.x, c.y, got, c.want)
		}
	}
	if !m.Any(image.Rect(47, 31, 60, 60), Tissue) || m.Any(image.Rect(48, 32, 90, 48), Tissue) {
		t.Error("Any misses the tissue's last pixel, or sees it beyond")
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeTissueMap(data, canvas)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Error(d)
	}
	if _, err := DecodeTissueMap(data, pyramid.Size{W: 200, H: 50}); err == nil {
		t.Error("a map of another canvas passed")
	}
}

func FuzzDecodeTissueMap(f *testing.F) {
	canvas := pyramid.Size{W: 64, H: 32}
	data, err := NewTissueMap(canvas).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeTissueMap(data, canvas)
		if err != nil {
			return
		}
		for _, c := range m.Class {
			if c >= tissueClasses {
				t.Fatalf("class %d", c)
			}
		}
	})
}
