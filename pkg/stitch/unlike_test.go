package stitch

import (
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// half is a world whose right half looks like nothing in training.
func half(seed uint64) *world {
	w := blobs(tiny, seed)
	w.unlike = func(x, _ int) uint8 {
		if 2*x >= w.tissue.Cells.W {
			return 180
		}
		return 60
	}
	return w
}

// foreign reports whether a pixel of the world is in uncertain tissue.
func (w *world) foreign(i int) bool {
	x, y := i%w.canvas.W, i/w.canvas.W
	return w.tissue.At(x, y) == segment.Tissue && w.unlike(x/segment.TissueCell, y/segment.TissueCell) > 100
}

// TestUncertainIsCountedApart: the areas are those counted pixel by pixel; the denominator holds no
// uncertain tissue and the numerator none of its carcinoma.
func TestUncertainIsCountedApart(t *testing.T) {
	w := half(71)
	_, p, r := w.stitched(t, 128, 2)
	var tissue, uncertain, carcinoma, doubtful float64
	for i, v := range w.probability {
		foreign := w.foreign(i)
		if w.tissue.At(i%w.canvas.W, i/w.canvas.W) == segment.Tissue {
			tissue++
		}
		if foreign {
			uncertain++
		}
		if v >= 128 {
			carcinoma++
			if foreign {
				doubtful++
			}
		}
	}
	if doubtful == 0 || doubtful == carcinoma {
		t.Fatalf("%g of %g pixels of carcinoma are uncertain, which proves little", doubtful, carcinoma)
	}
	mm2 := p.Frame.PixelMM2()
	for name, pair := range map[string][2]float64{
		"tissue": {r.TissueMM2, tissue * mm2}, "analysed": {r.AnalysedMM2, tissue * mm2}, "uncertain": {r.UncertainMM2, uncertain * mm2},
		"carcinoma": {r.CarcinomaMM2, carcinoma * mm2}, "uncertain carcinoma": {r.UncertainCarcinomaMM2, doubtful * mm2},
		"fraction": {r.CarcinomaFraction, (carcinoma - doubtful) / (tissue - uncertain)},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-6 {
			t.Errorf("%s is %g, counted by hand %g", name, pair[0], pair[1])
		}
	}
}

// TestDoubtSilencesNothing: mask, probability and lesions are those of a world without doubt; the
// lesions say how much of them is uncertain.
func TestDoubtSilencesNothing(t *testing.T) {
	w := half(72)
	_, _, doubted := w.stitched(t, 128, 1)
	w.unlike = nil
	_, _, plain := w.stitched(t, 128, 1)
	if doubted.SHA256 != plain.SHA256 || len(doubted.Lesions) != len(plain.Lesions) || doubted.Foci() != plain.Foci() {
		t.Errorf("doubt changed mask or lesions: %+v, %d and %d lesions", doubted.SHA256, len(doubted.Lesions), len(plain.Lesions))
	}
	if doubted.Triage.Score < plain.Triage.Score {
		t.Errorf("doubt lowered the score from %g to %g", plain.Triage.Score, doubted.Triage.Score)
	}
	var sum, area float64
	for i, l := range doubted.Lesions {
		sum += l.Uncertain * l.AreaMM2
		area += l.AreaMM2
		l.Uncertain = 0
		if diff := cmp.Diff(plain.Lesions[i], l); diff != "" {
			t.Errorf("lesion %d: %s", i, diff)
		}
	}
	if sum > doubted.UncertainCarcinomaMM2+1e-5 || sum < doubted.UncertainCarcinomaMM2-(doubted.CarcinomaMM2-area)-1e-5 {
		t.Errorf("%g mm² of lesions are uncertain, of the mask %g", sum, doubted.UncertainCarcinomaMM2)
	}
}

// TestDoubtIsTheSameForAnyTiling: whatever the regions and workers, report and lesions say the same.
func TestDoubtIsTheSameForAnyTiling(t *testing.T) {
	w := half(73)
	_, _, whole := w.stitched(t, 512, 1)
	for _, region := range []int{64, 128} {
		_, _, r := w.stitched(t, region, 3)
		if diff := cmp.Diff(whole.Areas, r.Areas); diff != "" {
			t.Errorf("region %d: %s", region, diff)
		}
		for i := range whole.Lesions {
			if whole.Lesions[i].Uncertain != r.Lesions[i].Uncertain {
				t.Errorf("region %d: lesion %d is uncertain on %g, in one piece on %g", region, i, r.Lesions[i].Uncertain, whole.Lesions[i].Uncertain)
			}
		}
	}
}

func check(t *testing.T, r *Report, name string) Check {
	t.Helper()
	for _, c := range r.QC {
		if c.Check == name {
			return c
		}
	}
	t.Fatalf("no check %s", name)
	return Check{}
}

// TestLikenessInWords: what the checks, the reason and the page say of slides like and unlike the
// training images.
func TestLikenessInWords(t *testing.T) {
	w := half(74)
	for _, c := range []struct {
		name, status string
		level        func(x, y int) uint8
		says         string // in the reason
		page         string
	}{
		{"alike", CheckPassed, func(int, int) uint8 { return 55 }, "", "of the analysed tissue"},
		{"a part", CheckWarned, func(x, _ int) uint8 { return uint8(90 + 60*b2i(x < 3)) }, Unlike, "looks, in stain or texture, like nothing"},
		{"all", CheckFailed, func(int, int) uint8 { return 150 }, "100 % of analysed tissue uncertain", "no statement"},
		{"no fingerprint", CheckWarned, func(int, int) uint8 { return 0 }, "tissue unlike training share", "carries no fingerprint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.unlike = c.level
			b, p, r := w.stitched(t, 256, 1)
			if got := check(t, r, checkUnlikeShare); got.Status != c.status {
				t.Errorf("status %s, value %v", got.Status, got.Value)
			}
			if !strings.Contains(r.Triage.RankReason, c.says) || c.says == "" && strings.Contains(r.Triage.RankReason, "uncertain") {
				t.Errorf("reason %q", r.Triage.RankReason)
			}
			if page := string(read(t, b, store.Slide(p.Slide).Run(p.Run).ReportHTML())); !strings.Contains(page, c.page) {
				t.Errorf("the page does not say %q", c.page)
			}
		})
	}
}

// TestDoubtIsDrawn: blue stripes lie over uncertain tissue and nowhere else.
func TestDoubtIsDrawn(t *testing.T) {
	w := half(75)
	b, p, _ := w.stitched(t, 128, 1)
	d := pyramid.DeepZoom{Size: tiny, Tile: overlayTile}
	grid := d.Grid(d.Max())
	seen := map[bool]int{}
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			bounds := grid.Bounds(col, row)
			tile := overlayPixels(t, read(t, b, store.Slide(p.Slide).Run(p.Run).OverlayTile(pyramid.Tile{Level: d.Max(), Col: col, Row: row})))
			for y := range bounds.Dy() {
				for x := range bounds.Dx() {
					foreign := w.foreign((bounds.Min.Y+y)*tiny.W + bounds.Min.X + x)
					drawn := tile.NRGBAAt(x, y) == color.NRGBA{doubtful[0], doubtful[1], doubtful[2], doubtful[3]}
					if drawn && !foreign {
						t.Fatalf("doubt is drawn at %d,%d of tile %d_%d", x, y, col, row)
					}
					if drawn || !foreign {
						seen[foreign]++
					}
				}
			}
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("stripes on %d pixels, none on %d", seen[true], seen[false])
	}
}
