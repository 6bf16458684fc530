package pyramid

import (
	"encoding/json"
	"errors"
	"image"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestDeepZoom pins the levels that vips dzsave makes of a slide of 2220 × 2967 with tiles of 240.
func TestDeepZoom(t *testing.T) {
	d := DeepZoom{Size: Size{2220, 2967}, Tile: 240}
	var counts []int
	for l := range d.Max() + 1 {
		counts = append(counts, d.Grid(l).Cells())
	}
	if diff := cmp.Diff([]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 12, 35, 130}, counts); diff != "" {
		t.Error(diff)
	}
	if got, want := d.LevelSize(11), (Size{1110, 1484}); got != want {
		t.Errorf("level 11 is %v, want %v", got, want)
	}
	if d.Tiles() != 190 {
		t.Errorf("%d tiles", d.Tiles())
	}
}

// TestDeepZoomLevels: each level is half of the next, rounded up, from one pixel on.
func TestDeepZoomLevels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 1<<21)
		d := DeepZoom{Size: Size{side.Draw(t, "w"), side.Draw(t, "h")}, Tile: 256}
		if d.LevelSize(0) != (Size{1, 1}) || d.LevelSize(d.Max()) != d.Size {
			t.Fatalf("%v goes from %v to %v", d.Size, d.LevelSize(0), d.LevelSize(d.Max()))
		}
		for l := range d.Max() {
			if got, want := d.LevelSize(l), d.LevelSize(l+1).Half(); got != want {
				t.Fatalf("level %d is %v, want %v", l, got, want)
			}
		}
	})
}

// TestGrid: the cells cover every pixel once, and Cover finds exactly those that a rectangle touches.
func TestGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 90)
		g := Grid{Size: Size{side.Draw(t, "w"), side.Draw(t, "h")}, Tile: rapid.IntRange(1, 40).Draw(t, "tile")}
		at := rapid.IntRange(-20, 110)
		r := image.Rect(at.Draw(t, "x0"), at.Draw(t, "y0"), at.Draw(t, "x1"), at.Draw(t, "y1"))
		cover, pixels := g.Cover(r), 0
		for row := range g.Rows() {
			for col := range g.Cols() {
				b := g.Bounds(col, row)
				pixels += b.Dx() * b.Dy()
				if b.Overlaps(r) != image.Pt(col, row).In(cover) || !g.Contains(col, row) {
					t.Fatalf("cell %d,%d, rectangle %v, cover %v", col, row, r, cover)
				}
			}
		}
		if pixels != g.Size.W*g.Size.H || g.Contains(g.Cols(), 0) || g.Contains(0, -1) {
			t.Fatalf("the cells hold %d pixels of %v", pixels, g.Size)
		}
	})
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]Size{"1x1": {1, 1}, "40000x30000": {40000, 30000}} {
		if got, err := ParseSize(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "7", "x", "0x4", "4x-1", "3x4x5", "3x4 ", "99999999999999999999x1"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestIdentities(t *testing.T) {
	sum := [32]byte{0xab, 1, 2}
	id := NewSlideID(sum)
	if want := "ab0102000000000000000000"; id.String() != want {
		t.Errorf("%s, want %s", id, want)
	}
	type both struct {
		Slide SlideID
		Run   RunID
	}
	in := both{id, NewRunID([]byte("parameters"))}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out both
	if err := json.Unmarshal(data, &out); err != nil || in != out {
		t.Errorf("%s: %+v, %v", data, out, err)
	}
	for _, text := range []string{"", "ab", strings.Repeat("g", 24), strings.ToUpper(id.String()), id.String() + "00"} {
		if _, err := ParseSlideID(text); err == nil {
			t.Errorf("slide id %q was accepted", text)
		}
		if _, err := ParseRunID(text); err == nil {
			t.Errorf("run id %q was accepted", text)
		}
	}
}

func FuzzParseRegion(f *testing.F) {
	f.Add("12_7")
	f.Add("-1_2")
	f.Add("01_2")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRegion(text); err == nil && (r.String() != text || r.Col < 0 || r.Row < 0) {
			t.Errorf("%q was read as %+v", text, r)
		}
	})
}

func TestScale(t *testing.T) {
	for name, c := range map[string]struct {
		mpp  MPP
		want bool
	}{
		"usual": {MPP{X: 0.25, Y: 0.25}, true}, "slightly off": {MPP{X: 0.25, Y: 0.26}, true},
		"unknown": {MPP{}, false}, "half known": {MPP{X: 1}, false}, "anisotropic": {MPP{X: 0.25, Y: 0.5}, false},
		"centimetres for millimetres": {MPP{X: 2500, Y: 2500}, false}, "too fine": {MPP{X: 0.01, Y: 0.01}, false},
		"not a number": {MPP{X: math.NaN(), Y: 1}, false}, "infinite": {MPP{X: math.Inf(1), Y: math.Inf(1)}, false},
	} {
		if err := c.mpp.Validate(); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (MPP{}).Validate(); !errors.Is(err, ErrNoScale) {
		t.Errorf("unknown scale: %v", err)
	}
	m := MPP{X: 0.5, Y: 0.5, Source: FromFile}
	if got := m.SquareMM(4e6); math.Abs(got-1) > 1e-12 {
		t.Errorf("4 megapixels at 0.5 µm are %g mm²", got)
	}
	if got := m.Scaled(4); got != (MPP{2, 2, FromFile}) || got.String() != "2 µm/px (file)" || (MPP{}).String() != "unknown" {
		t.Errorf("%v", got)
	}
}

func TestLCM(t *testing.T) {
	for _, c := range []struct{ a, b, want int }{{1, 1, 1}, {32, 8, 32}, {8, 32, 32}, {48, 32, 96}, {7, 5, 35}} {
		if got := LCM(c.a, c.b); got != c.want {
			t.Errorf("of %d and %d: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
