package stitch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// tiny is a canvas of odd sides, so that every level and every region has an edge.
var tiny = pyramid.Size{W: 331, H: 283}

// TestTilingLeavesNoTrace: whatever the size of the regions, the number of workers and the order of the
// plan, every output is the same to the byte. The run's id differs, because the region's size is a
// parameter, so it is held equal here.
func TestTilingLeavesNoTrace(t *testing.T) {
	w := blobs(tiny, 1)
	var want map[string][]byte
	for _, c := range []struct{ region, workers int }{{256, 1}, {64, 2}, {512, 4}, {1024, 2}} {
		b, p := mem.New(), w.plan(t, c.region)
		p.Run = pyramid.RunID{1, 2, 3}
		for i := range p.Regions[:len(p.Regions)/2] {
			j := len(p.Regions) - 1 - i
			p.Regions[i], p.Regions[j] = p.Regions[j], p.Regions[i]
		}
		w.put(t, b, p)
		p.Parameters.Region = c.region
		if _, err := Run(t.Context(), w.config(t, b, p, c.workers)); err != nil {
			t.Fatal(err)
		}
		got := objects(t, b, p)
		for _, name := range []string{"report.json", "report.html", "run.json"} { // name the region's size
			delete(got, name)
		}
		if want == nil {
			want = got
		}
		for name := range want {
			if !bytes.Equal(want[name], got[name]) {
				t.Errorf("region %d: %s differs", c.region, name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("region %d: %d objects, want %d", c.region, len(got), len(want))
		}
	}
}

// TestSums: the report's sums are those of the whole canvas, computed here from the world itself.
func TestSums(t *testing.T) {
	w := blobs(tiny, 2)
	_, _, r := w.stitched(t, 128, 2)
	mask := make([]uint8, len(w.probability))
	for i, v := range w.probability {
		if float64(v)/255 >= 0.5 {
			mask[i] = 1
		}
	}
	probability, masked := sha256.Sum256(w.probability), sha256.Sum256(mask)
	want := Sums{Mask: hexOf(masked[:]), Probability: hexOf(probability[:])}
	if diff := cmp.Diff(want, r.SHA256); diff != "" {
		t.Error(diff)
	}
}

// TestAreas counts every pixel of the world by hand.
func TestAreas(t *testing.T) {
	w := blobs(tiny, 3)
	_, _, r := w.stitched(t, 128, 2)
	var n [5]int
	var carcinoma, highGrade, weighted float64
	for y := range tiny.H {
		for x := range tiny.W {
			n[w.tissue.At(x, y)]++
			p := w.at(w.probability, image.Pt(x, y))
			switch {
			case p >= 128:
				carcinoma++
				weighted += float64(p) / 255
			case w.at(w.highGrade, image.Pt(x, y)) >= 128:
				highGrade++
			}
		}
	}
	mm2 := func(pixels float64) float64 { return micro(pixels * 1.3 * 1.3 / 1e6) }
	want := &Areas{
		TissueMM2: mm2(float64(n[segment.Tissue])), AnalysedMM2: mm2(float64(n[segment.Tissue])),
		NotAnalysedMM2: mm2(float64(n[segment.Pen] + n[segment.Unscanned])),
		CarcinomaMM2:   mm2(carcinoma), HighGradeMM2: mm2(highGrade),
		CarcinomaFraction: micro(carcinoma / float64(n[segment.Tissue])),
		NotAnalysed:       NotAnalysed{PenMM2: mm2(float64(n[segment.Pen])), UnscannedMM2: mm2(float64(n[segment.Unscanned]))},
	}
	if diff := cmp.Diff(want, r.Areas); diff != "" {
		t.Error(diff)
	}
	var lesions float64
	for _, l := range r.Lesions {
		lesions += l.AreaMM2
		if l.AreaMM2 < minLesionMM2 || l.LongestMM < math.Sqrt(l.AreaMM2) || l.MeanProbability < 0.5 || l.MaxProbability < l.MeanProbability {
			t.Errorf("impossible lesion %+v", l)
		}
	}
	if len(r.Lesions) == 0 || lesions > r.CarcinomaMM2+1e-6*float64(len(r.Lesions)) {
		t.Errorf("%d lesions of %g mm² in %g mm²", len(r.Lesions), lesions, r.CarcinomaMM2)
	}
}

// TestUnplannedTissue: tissue that the plan forgot was not analysed, is drawn so and leaves the
// denominator.
func TestUnplannedTissue(t *testing.T) {
	w := blobs(tiny, 3)
	b, p := mem.New(), w.plan(t, 128)
	w.put(t, b, p)
	forgotten := p.Regions[4]
	p.Regions = append(p.Regions[:4:4], p.Regions[5:]...)
	r, err := Run(t.Context(), w.config(t, b, p, 1))
	if err != nil {
		t.Fatal(err)
	}
	if r.NotAnalysed.UnplannedMM2 <= 0 || math.Abs(r.AnalysedMM2+r.NotAnalysed.UnplannedMM2-r.TissueMM2) > 2e-6 {
		t.Errorf("%+v", r.Areas)
	}
	cell := p.Grid().Bounds(forgotten.Col, forgotten.Row)
	centre := image.Pt((cell.Min.X+cell.Max.X)/2, (cell.Min.Y+cell.Max.Y)/2)
	if w.tissue.At(centre.X, centre.Y) != segment.Tissue {
		t.Fatal("the forgotten region's centre is not tissue")
	}
	d := pyramid.DeepZoom{Size: tiny, Tile: overlayTile}
	tile := pyramid.Tile{Level: d.Max(), Col: centre.X / overlayTile, Row: centre.Y / overlayTile}
	img := decodePNG(t, read(t, b, store.Slide(p.Slide).Run(p.Run).OverlayTile(tile)))
	if _, _, _, a := img.At(centre.X%overlayTile, centre.Y%overlayTile).RGBA(); a == 0 {
		t.Error("forgotten tissue is drawn like glass")
	}
}

func decodePNG(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestAgain: a run done twice, by other workers, gives the same bytes, the seconds apart.
func TestAgain(t *testing.T) {
	w := blobs(tiny, 5)
	b, p, first := w.stitched(t, 256, 1)
	before := objects(t, b, p)
	c := w.config(t, b, p, 3)
	c.Seconds = Seconds{Open: 99}
	second, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	after := objects(t, b, p)
	delete(before, "report.json")
	delete(after, "report.json")
	for name := range before {
		if !bytes.Equal(before[name], after[name]) {
			t.Errorf("%s differs", name)
		}
	}
	first.Seconds, second.Seconds = Seconds{}, Seconds{}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	loaded, err := Load(t.Context(), b, p.Slide, p.Run)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Seconds = Seconds{}
	if diff := cmp.Diff(second, loaded); diff != "" {
		t.Error(diff)
	}
}

// TestRowsAsWrittenDown: what is done to eight pixels of a row at once is what is done one by one, at every length.
func TestRowsAsWrittenDown(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	u := newUnlike(&segment.Plan{Frame: segment.Frame{Size: pyramid.Size{W: 320, H: 32}}})
	for i := range u.level {
		u.level[i] = uint8(r.IntN(200))
	}
	for n := 1; n < 200; n++ {
		a, b, cut := make([]uint8, n), make([]uint8, n), uint8(1+r.IntN(255))
		for i := range a {
			a[i], b[i] = uint8(r.IntN(256)), uint8(r.IntN(256))
		}
		var count, only, doubtful int64
		var weight uint64
		mask, half := make([]uint8, n), make([]uint8, (n+1)/2)
		for i, v := range a {
			if v >= cut {
				mask[i], count, weight = 1, count+1, weight+uint64(v)
				if u.at(64+i, 17) {
					doubtful++
				}
			} else if b[i] >= cut {
				only++
			}
			half[i/2] |= v | b[i]
		}
		got := bytes.Repeat([]uint8{7}, n)
		if c, w := threshold(got, a, cut); c != count || w != weight || !bytes.Equal(got, mask) {
			t.Errorf("%d pixels at the cut %d: %d, %d and %v, want %d, %d and %v", n, cut, c, w, got, count, weight, mask)
		}
		if got := highGradeOnly(a, b, cut); got != only {
			t.Errorf("%d pixels: %d of high grade only, want %d", n, got, only)
		}
		if got := u.doubtful(64, 17, a, cut); got != doubtful {
			t.Errorf("%d pixels: %d doubtful, want %d", n, got, doubtful)
		}
		gotHalf := make([]uint8, len(half))
		if halve(gotHalf, a, b); !bytes.Equal(gotHalf, half) {
			t.Errorf("%d pixels: half %v, want %v", n, gotHalf, half)
		}
	}
}
