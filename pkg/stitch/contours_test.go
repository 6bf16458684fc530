package stitch

import (
	"encoding/json"
	"math"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// collection is what QuPath reads of a GeoJSON file.
type collection struct {
	Type     string
	Metadata map[string]string
	Features []feature
}

type feature struct {
	Type     string
	ID       string
	Geometry struct {
		Type        string
		Coordinates [][][]json.Number
	}
	Properties struct {
		ObjectType     string
		Name           string
		IsLocked       bool
		Classification struct {
			Name  string
			Color []int
		}
		Measurements map[string]float64
		Metadata     map[string]string
	}
}

func contoursOf(t *testing.T, w *world) (collection, *Report, *segment.Plan) {
	t.Helper()
	b, p, r := w.stitched(t, 128, 2)
	var c collection
	if err := json.Unmarshal(read(t, b, store.Slide(p.Slide).Run(p.Run).Contours()), &c); err != nil {
		t.Fatal(err)
	}
	return c, r, p
}

var (
	uuid5    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	decimals = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,2})?$`)
)

// TestQuPathRules checks the file that a run leaves against every rule that makes QuPath refuse a file
// or drop something silently.
func TestQuPathRules(t *testing.T) {
	c, r, p := contoursOf(t, blobs(tiny, 41))
	if c.Type != "FeatureCollection" || len(c.Features) != len(r.Lesions)+r.Foci() {
		t.Fatalf("%s of %d features", c.Type, len(c.Features))
	}
	seen := map[string]bool{}
	for i, f := range c.Features {
		if f.Type != "Feature" || f.Geometry.Type != "Polygon" || !uuid5.MatchString(f.ID) || seen[f.ID] {
			t.Fatalf("feature %d: %s %s id %s", i, f.Type, f.Geometry.Type, f.ID)
		}
		seen[f.ID] = true
		if class := f.Properties.Classification; class.Name != "Tumor" || len(class.Color) != 3 {
			t.Errorf("classification %+v", class)
		}
		if f.Properties.Metadata["intended_use"] != Notice || f.Properties.Metadata["run"] != p.Run.String() {
			t.Errorf("metadata %v", f.Properties.Metadata)
		}
		checkRings(t, p.Frame, f)
		if i < len(r.Lesions) {
			checkLesion(t, f, r.Lesions[i], r)
		} else if f.Properties.ObjectType != "detection" {
			t.Errorf("a focus is a %s", f.Properties.ObjectType)
		}
	}
}

// A file without outlines says whether that is because nobody has looked; one of a slide that was looked at says nothing.
func TestContoursSayThatNobodyLooked(t *testing.T) {
	hidden := blobs(tiny, 41)
	for i := range hidden.tissue.Class {
		hidden.tissue.Class[i] = segment.Pen
	}
	hidden.gate()
	for want, w := range map[string]*world{"": blobs(tiny, 41), "all of it pen on the glass": hidden} {
		c, r, _ := contoursOf(t, w)
		if none, said := c.Metadata["no_statement"]; none != want || said != (want != "") || r.Unseen() != said {
			t.Errorf("the head says %q, want %q, of %d features", none, want, len(c.Features))
		}
		if c.Metadata["intended_use"] != Notice || c.Metadata["run"] != r.Run.ID {
			t.Errorf("the head is %v", c.Metadata)
		}
	}
}

func checkLesion(t *testing.T, f feature, l Lesion, r *Report) {
	t.Helper()
	if f.ID != l.ID || f.Properties.Name != "AI carcinoma "+l.Name || f.Properties.ObjectType != "annotation" || !f.Properties.IsLocked {
		t.Errorf("lesion %s is feature %s, %+v", l.ID, f.ID, f.Properties)
	}
	want := map[string]float64{
		"area_mm2": l.AreaMM2, "longest_mm": l.LongestMM, "mean_probability": l.MeanProbability, "max_probability": l.MaxProbability, "uncertain": l.Uncertain,
	}
	if diff := cmp.Diff(want, f.Properties.Measurements); diff != "" {
		t.Error(diff)
	}
	if f.Properties.Metadata["slide_sha256"] != r.Slide.SHA256 || f.Properties.Metadata["model_sha256"] != r.Run.Model.SHA256 {
		t.Errorf("provenance %v", f.Properties.Metadata)
	}
}

// checkRings: closed, on the grid of 0.01, inside the slide, turning, shell first.
func checkRings(t *testing.T, frame segment.Frame, f feature) {
	t.Helper()
	for i, ring := range f.Geometry.Coordinates {
		n := len(ring)
		if n < 5 || !cmp.Equal(ring[0], ring[n-1]) {
			t.Fatalf("feature %s: ring %d of %d points is not closed", f.ID, i, n)
		}
		area := 0.0
		var last [2]float64
		for k, p := range ring {
			if len(p) != 2 || !decimals.MatchString(string(p[0])) || !decimals.MatchString(string(p[1])) {
				t.Fatalf("feature %s: point %v", f.ID, p)
			}
			x, y := number(t, p[0]), number(t, p[1])
			if x > float64(frame.Slide.W) || y > float64(frame.Slide.H) {
				t.Fatalf("feature %s: point %v is outside the slide", f.ID, p)
			}
			if k > 0 && (x == last[0]) == (y == last[1]) {
				t.Fatalf("feature %s: piece to %v is slanted or has no length", f.ID, p)
			}
			area += last[0]*y - x*last[1]
			last = [2]float64{x, y}
		}
		if (area > 0) != (i == 0) {
			t.Errorf("feature %s: ring %d has area %g", f.ID, i, area/2)
		}
	}
}

func number(t *testing.T, n json.Number) float64 {
	t.Helper()
	v, err := n.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestContoursHoldTheMask: the areas of all features together are the mask's.
func TestContoursHoldTheMask(t *testing.T) {
	w := blobs(tiny, 42)
	c, r, p := contoursOf(t, w)
	total := 0.0
	for _, f := range c.Features {
		for _, ring := range f.Geometry.Coordinates {
			for k := range len(ring) - 1 {
				a, b := ring[k], ring[k+1]
				total += number(t, a[0])*number(t, b[1]) - number(t, b[0])*number(t, a[1])
			}
		}
	}
	mm2 := total / 2 * p.Frame.MPP.X * p.Frame.MPP.Y / 1e6
	// Corners are snapped to 0.01 pixels and the last row and column end at the slide's edge.
	if math.Abs(mm2-r.CarcinomaMM2) > 0.002*r.CarcinomaMM2 {
		t.Errorf("contours of %g mm², mask of %g mm²", mm2, r.CarcinomaMM2)
	}
}

// TestSnapKeepsOrder: corners that differ stay different, whatever the scales, so no ring collapses.
func TestSnapKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mpp := rapid.Float64Range(0.1, 10).Draw(t, "mpp")
		model := rapid.Float64Range(mpp*0.02, mpp*20).Draw(t, "model")
		side := rapid.IntRange(1, 200000).Draw(t, "side")
		frame, err := segment.NewFrame(pyramid.Size{W: side, H: side}, pyramid.MPP{X: mpp, Y: mpp, Source: pyramid.FromFile}, model)
		if err != nil {
			t.Skip(err)
		}
		n := frame.Size.W
		at := func(i int) float64 { return snap(i, frame.StepX(), n, side) }
		for _, i := range []int{0, n / 3, n / 2, n - 2, n - 1} {
			if i >= 0 && !(at(i) < at(i+1)) {
				t.Fatalf("corner %d at %v, corner %d at %v of %d", i, at(i), i+1, at(i+1), n)
			}
		}
		if at(0) != 0 || at(n) != float64(side) {
			t.Fatalf("from %v to %v", at(0), at(n))
		}
	})
}

// TestTooComplexAMask: outlines beyond the limit are traced in larger squares; the totals stay exact.
func TestTooComplexAMask(t *testing.T) {
	w := blobs(tiny, 43)
	for i := range w.probability {
		x, y := i%tiny.W, i/tiny.W
		w.probability[i] = uint8((x ^ y) & 1 * 200)
	}
	w.gate()
	b, p := b0(t, w)
	r := newRegions(&Config{Bucket: b, Plan: p, Workers: 1})
	r.outlineLimit = 1 << 20
	file, err := newSpool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer file.discard()
	got, err := join(t.Context(), r, file, maskConfig{size: tiny, workers: 1}, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	for _, v := range w.probability {
		want += int64(b2u(v >= 128))
	}
	if got.step < 2 || len(got.outlines) == 0 || got.carcinoma != want {
		t.Errorf("step %d, %d outlines, %d pixels, want %d", got.step, len(got.outlines), got.carcinoma, want)
	}
}
